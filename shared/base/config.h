/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * Configuration in tinc's syntax: `Key = Value` lines (the `=` may be left out), keys in any case,
 * `#` comments on lines of their own, repeatable keys where the variable table says so. Blocks
 * "-----BEGIN ...-----" to
 * "-----END ...-----" are passed over, so that tinc's host files parse.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"

#define CONFIG_LINE_MAX_BYTES 4096u
#define CONFIG_ENTRIES_MAX    65536u

enum config_type {
	CONFIG_STRING,
	CONFIG_BOOL,
	CONFIG_INT,
	CONFIG_NAME,
	CONFIG_PREFIX,
	CONFIG_ADDRESS,
	CONFIG_PATH
};
enum config_flag {
	CONFIG_SERVER = 1,   /* may stand in hub.conf / spoke.conf */
	CONFIG_HOST = 2,     /* may stand in hosts/NAME */
	CONFIG_MULTIPLE = 4, /* may be repeated */
	CONFIG_OBSOLETE = 8, /* accepted with a warning that says what replaces it (in `help`) */
	CONFIG_HUB = 16,     /* a variable of the hub */
	CONFIG_SPOKE = 32,   /* a variable of the spoke */
};

/* One row of a table of variables: the single source of parser, checker, manual and completion. */
struct config_var {
	const char *name;
	enum config_type type;
	unsigned flags;
	int64_t min, max; /* CONFIG_INT */
	const char *def;  /* default as text, or NULL */
	const char *help; /* one sentence */
};

struct config_entry {
	const struct config_var *var;
	char *value;
	char *file; /* where it came from; "-o" for the command line */
	unsigned line;
};

/* A key that the table does not have, and where it stands. */
typedef void (*config_unknown_cb)(void *arg, const char *file, unsigned line, const char *key);

#define CONFIG_ERROR_SIZE 512u

struct config {
	const struct config_var *vars;
	size_t n_vars;
	struct config_entry *entries;
	size_t count, cap;
	char error[CONFIG_ERROR_SIZE]; /* after a failure: "FILE:LINE: what is wrong, and what to
					  do" */
	config_unknown_cb unknown;     /* NULL: an unknown key is an error */
	void *unknown_arg;
};

/* Caller owns the struct; `vars` must outlive it. */
void config_init(struct config *c, const struct config_var *vars, size_t n_vars);
void config_fini(struct config *c);
/* For files of other programs: unknown keys are told to `cb` and passed over. */
void config_tolerate(struct config *c, config_unknown_cb cb, void *arg);
/* Reads a file as a whole; `where` is CONFIG_SERVER or CONFIG_HOST. On failure nothing of the file
 * is kept and c->error says why. */
enum err config_read(struct config *c, const char *path, unsigned where) must_check;
/* The same from memory; `label` stands for the file name. Lines end with \n or \r\n. */
enum err config_parse(struct config *c, const char *label, const char *text, size_t len,
		      unsigned where) must_check;
/* "KEY=VALUE" from the command line; replaces what a file set. */
enum err config_override(struct config *c, const char *assignment) must_check;

/* The value, the table's default, or NULL. */
const char *config_str(const struct config *c, const char *name);
bool config_bool(const struct config *c, const char *name);
int64_t config_int(const struct config *c, const char *name);
/* The `i`-th entry of a repeatable variable, or NULL. */
const struct config_entry *config_nth(const struct config *c, const char *name, size_t i);
/* Puts "FILE:LINE: message" for an entry into c->error and returns ERR_INVALID: for checks that the
 * table cannot make. */
enum err config_complain(struct config *c, const struct config_entry *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
