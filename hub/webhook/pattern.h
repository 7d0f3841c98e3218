/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * pattern: which events a webhook wants: the whole name of one ("node.revoke"), the beginning of
 * several ("node.*"), or all ("*"). Pure.
 */
#include <stdbool.h>

#define PATTERN_MAX_CHARS 63u
#define PATTERNS_MAX      16u /* of one webhook */

bool pattern_is_valid(const char *pattern);
/* Does one of the patterns, with blanks between them, mean this event? */
bool pattern_list_matches(const char *list, const char *event);
