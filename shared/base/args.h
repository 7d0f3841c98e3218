/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* args: the words behind a command, held against the command's table of options. Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"

#define ARGS_WORDS_MAX   12u
#define ARGS_OPTIONS_MAX 64u

/* One option. `value` is the name of its value in the help ("PREFIX[#WEIGHT]"), NULL for a switch.
 */
struct args_option {
	const char *name; /* "--subnet" */
	const char *value;
	bool repeat; /* may be given several times */
	const char *help;
};

struct args {
	const char *words[ARGS_WORDS_MAX]; /* what is not an option, in order */
	unsigned n_words;
	struct args_given {
		const struct args_option *option;
		const char *value; /* NULL for a switch */
	} given[ARGS_OPTIONS_MAX];
	unsigned n_given;
	char error[256]; /* after a failure: what is wrong, in plain English */
};

/*
 * Reads `argv[0..argc)`. Options are looked up in `own`, then in `common` (both end with a row
 * without a name). "--name VALUE" and
 * "--name=VALUE" are the same, as are "-c VALUE" and "-cVALUE"; "--" ends the options. ERR_INVALID
 * with a->error.
 */
enum err args_parse(struct args *a, int argc, char *const *argv, const struct args_option *own,
		    const struct args_option *common) must_check;

/* The value of an option ("" for a switch that was given), or NULL. */
const char *args_get(const struct args *a, const char *name);
static inline bool args_has(const struct args *a, const char *name)
{
	return args_get(a, name) != NULL;
}
/* The `i`-th value of a repeatable option, or NULL. */
const char *args_nth(const struct args *a, const char *name, unsigned i);
/* A whole number within min..max; `def` when it is not given. ERR_INVALID with a->error. */
enum err args_uint(struct args *a, const char *name, uint64_t min, uint64_t max, uint64_t def,
		   uint64_t *out) must_check;
/* The same for any text; `what` names it in the error. */
enum err args_number(struct args *a, const char *what, const char *text, uint64_t min, uint64_t max,
		     uint64_t *out) must_check;
