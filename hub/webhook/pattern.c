/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/webhook/pattern.h"

#include <stddef.h>
#include <string.h>

bool pattern_is_valid(const char *pattern)
{
	size_t n = strlen(pattern), letters;

	if (strcmp(pattern, "*") == 0)
		return true;
	if (n == 0 || n > PATTERN_MAX_CHARS)
		return false;
	letters = strspn(pattern, "abcdefghijklmnopqrstuvwxyz0123456789-_.");
	if (letters == n)
		return pattern[0] != '.' && pattern[n - 1] != '.';
	return letters == n - 1 && letters >= 2 && pattern[0] != '.' &&
	       strcmp(pattern + n - 2, ".*") == 0;
}

/* One pattern of `n` characters. */
static bool matches(const char *pattern, size_t n, const char *event)
{
	if (n == 1 && pattern[0] == '*')
		return true;
	if (n >= 2 && pattern[n - 1] == '*')
		return strncmp(pattern, event, n - 1) == 0;
	return strlen(event) == n && memcmp(pattern, event, n) == 0;
}

bool pattern_list_matches(const char *list, const char *event)
{
	for (list += strspn(list, " "); *list; list += strspn(list, " ")) {
		size_t n = strcspn(list, " ");

		if (matches(list, n, event))
			return true;
		list += n;
	}
	return false;
}
