/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/name.h"

#include <stddef.h>

/* The locale must not widen what is a letter, so isalnum() is not used. */
static bool is_name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

bool name_is_valid(const char *s)
{
	size_t n = 0;

	/* A leading dot would hide a file and make "." and ".."; a leading dash would look like an
	 * option. */
	if (s[0] == '.' || s[0] == '-')
		return false;
	for (; s[n]; n++)
		if (n == NAME_MAX_BYTES || !is_name_char(s[n]))
			return false;
	return n > 0;
}
