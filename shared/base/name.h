/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Names of networks, nodes and groups: [A-Za-z0-9_.-]{1,63}, not "." or "..", and not starting with
 * '-' or '.'. */
#include <stdbool.h>

#define NAME_MAX_BYTES 63u
#define NAME_SIZE      (NAME_MAX_BYTES + 1u) /* with the end mark */

bool name_is_valid(const char *s);
