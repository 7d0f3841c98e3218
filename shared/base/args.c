/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/args.h"

#include <stdio.h>
#include <string.h>

/* Finds an option by the text before a "=". */
static const struct args_option *find(const struct args_option *table, const char *text, size_t len)
{
	for (; table && table->name; table++)
		if (strlen(table->name) == len && memcmp(table->name, text, len) == 0)
			return table;
	return NULL;
}

static enum err complain(struct args *a, const char *what, const char *text)
{
	snprintf(a->error, sizeof(a->error), "%s: %.128s", what, text);
	return ERR_INVALID;
}

/* Takes argv[*i] as an option, and the word behind it as its value where it needs one. */
static enum err take_option(struct args *a, int argc, char *const *argv, int *i,
			    const struct args_option *own, const struct args_option *common)
{
	const char *text = argv[*i], *value = strchr(text, '=');
	size_t len = value ? (size_t)(value - text) : strlen(text);
	const struct args_option *o = find(own, text, len);

	if (!o)
		o = find(common, text, len);
	if (!o && text[1] != '-' && text[2]) {
		/* "-c5": a letter with its value. */
		o = find(own, text, 2);
		value = o && o->value ? text + 1 : NULL;
		o = value ? o : NULL;
	}
	if (!o)
		return complain(a, "unknown option", text);
	if (!o->value && value)
		return complain(a, "this option takes no value", text);
	if (!o->repeat && args_has(a, o->name))
		return complain(a, "option given twice", o->name);
	if (value)
		value++;
	else if (o->value && *i + 1 < argc)
		value = argv[++*i];
	if (o->value && !value)
		return complain(a, "a value is missing behind", o->name);
	if (a->n_given == ARGS_OPTIONS_MAX)
		return complain(a, "too many options, at", text);
	a->given[a->n_given++] = (struct args_given){ o, value };
	return ERR_OK;
}

enum err args_parse(struct args *a, int argc, char *const *argv, const struct args_option *own,
		    const struct args_option *common)
{
	bool options = true;
	enum err e;

	memset(a, 0, sizeof(*a));
	for (int i = 0; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1]) {
			e = take_option(a, argc, argv, &i, own, common);
			if (e)
				return e;
		} else if (a->n_words == ARGS_WORDS_MAX) {
			return complain(a, "too many words, at", argv[i]);
		} else {
			a->words[a->n_words++] = argv[i];
		}
	}
	return ERR_OK;
}

const char *args_nth(const struct args *a, const char *name, unsigned i)
{
	for (unsigned k = 0; k < a->n_given; k++)
		if (strcmp(a->given[k].option->name, name) == 0 && i-- == 0)
			return a->given[k].value ? a->given[k].value : "";
	return NULL;
}

const char *args_get(const struct args *a, const char *name) { return args_nth(a, name, 0); }

enum err args_number(struct args *a, const char *what, const char *text, uint64_t min, uint64_t max,
		     uint64_t *out)
{
	uint64_t v = 0;
	const char *s = text;

	for (; *s >= '0' && *s <= '9' && v <= (UINT64_MAX - 9) / 10; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	if (!*text || *s || v < min || v > max) {
		snprintf(a->error, sizeof(a->error),
			 "%s must be a whole number from %llu to %llu, not \"%.64s\"", what,
			 (unsigned long long)min, (unsigned long long)max, text);
		return ERR_INVALID;
	}
	*out = v;
	return ERR_OK;
}

enum err args_uint(struct args *a, const char *name, uint64_t min, uint64_t max, uint64_t def,
		   uint64_t *out)
{
	const char *text = args_get(a, name);

	if (text)
		return args_number(a, name, text, min, max, out);
	*out = def;
	return ERR_OK;
}
