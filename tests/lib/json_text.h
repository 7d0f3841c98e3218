/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* json_text: JSON in C strings that can be read: ' stands for ". */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A new string (free() it) in which every ' has become ". */
static inline char *json_text_expand(const char *s)
{
	char *copy = strdup(s);

	for (char *p = copy; p && *p; p++)
		if (*p == '\'')
			*p = '"';
	return copy;
}

/* The parsed value (json_decref() it), or NULL when it does not parse. */
static inline json_t *json_text_parse(const char *s)
{
	char *text = json_text_expand(s);
	json_t *j = text ? json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL) : NULL;

	free(text);
	return j;
}
