/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* log_text: a line of a daemon's log that is followed, as people read it. The same in both
 * programs. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* `line` as log_line_json() makes it; with `as_json` it is printed as it is. Written out at once.
 * False: it could not be, or is no such line. */
bool log_text_print(const json_t *line, bool as_json, FILE *out);
