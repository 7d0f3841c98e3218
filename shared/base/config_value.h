/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* config_value: what a value of each type must look like, and which known key a mistyped one is
 * nearest to. Only for config.c. */
#include "shared/base/config.h"

/* Checks `value` against the variable's type and range. On ERR_INVALID `why` holds what is wrong
 * and what is expected. */
enum err config_value_check(const struct config_var *var, const char *value, char *why,
			    size_t size) must_check;
/* ERR_INVALID for anything but yes, no, true, false, 1 and 0 in any case. */
enum err config_value_bool(const char *value, bool *out) must_check;
/* ERR_INVALID for anything but a decimal number that fits. */
enum err config_value_int(const char *value, int64_t *out) must_check;
/* The variable whose name is nearest to `key` by edit distance in any case, or NULL when there are
 * none. */
const struct config_var *config_value_nearest(const struct config_var *vars, size_t n,
					      const char *key);
