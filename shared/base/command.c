/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/command.h"

#include <string.h>

#define NAME_BYTES 64u

/* "node add". */
static const char *name_of(const struct command *c, char out[NAME_BYTES])
{
	snprintf(out, NAME_BYTES, "%s%s%s", c->group, c->verb ? " " : "", c->verb ? c->verb : "");
	return out;
}

bool command_exists(const struct command_set *set, const char *word)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->commands[i].group, word) == 0)
			return true;
	return false;
}

void command_print_usage(const struct command_set *set, FILE *out, const char *group)
{
	char name[NAME_BYTES], text[2 * NAME_BYTES];

	for (size_t i = 0; i < set->n; i++) {
		const struct command *c = &set->commands[i];

		if (group && strcmp(c->group, group) != 0)
			continue;
		snprintf(text, sizeof(text), "%s %s", name_of(c, name), c->words);
		fprintf(out, "  %-32s %s\n", text, c->summary);
	}
}

static void print_options(FILE *out, const struct args_option *o)
{
	for (; o && o->name; o++) {
		char text[NAME_BYTES];

		snprintf(text, sizeof(text), "%s%s%s", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		fprintf(out, "  %-32s %s%s\n", text, o->help, o->repeat ? "; may be repeated" : "");
	}
}

static void print_help(const struct command_set *set, const struct command *c)
{
	char name[NAME_BYTES];

	printf("Usage: %s [-n NET] %s%s%s [options]\n%s\n\n", set->program, name_of(c, name),
	       *c->words ? " " : "", c->words, c->summary);
	print_options(stdout, c->options);
	print_options(stdout, set->common);
}

/* The command, and how many words name it; NULL: there is none. */
static const struct command *find(const struct command_set *set, int argc, char *const *argv,
				  int *used)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct command *c = &set->commands[i];

		if (argc < 1 || strcmp(c->group, argv[0]) != 0)
			continue;
		if (c->verb && (argc < 2 || strcmp(c->verb, argv[1]) != 0))
			continue;
		*used = c->verb ? 2 : 1;
		return c;
	}
	return NULL;
}

/* There is no such command: which there are. */
static int print_choice(const struct command_set *set, int argc, char *const *argv)
{
	bool help = argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
	const char *group = argc >= 1 && command_exists(set, argv[0]) ? argv[0] : NULL;

	if (!help && argc >= 1)
		fprintf(stderr, "%s: there is no command \"%s%s%s\"; these are:\n", set->program,
			argv[0], group && argc >= 2 ? " " : "", group && argc >= 2 ? argv[1] : "");
	command_print_usage(set, help ? stdout : stderr, group);
	return help ? set->done : set->usage;
}

const struct command *command_parse(const struct command_set *set, int argc, char *const *argv,
				    struct args *a, int *code)
{
	int used = 0;
	const struct command *c = find(set, argc, argv, &used);
	char name[NAME_BYTES];

	if (!c) {
		*code = print_choice(set, argc, argv);
		return NULL;
	}
	*code = set->usage;
	if (args_parse(a, argc - used, argv + used, c->options, set->common)) {
		fprintf(stderr, "%s: %s (see --help)\n", set->program, a->error);
		return NULL;
	}
	if (args_has(a, "--help")) {
		print_help(set, c);
		*code = set->done;
		return NULL;
	}
	if (a->n_words >= c->min_words && a->n_words <= c->max_words)
		return c;
	fprintf(stderr, "%s: usage: %s [-n NET] %s%s%s\n", set->program, set->program,
		name_of(c, name), *c->words ? " " : "", c->words);
	return NULL;
}
