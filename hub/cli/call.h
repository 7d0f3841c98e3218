/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* call: API calls as commands need them: what goes wrong is told on standard error, and becomes an
 * exit code. */
#include <stdint.h>

#include "hub/cli/command.h"

#define CALL_PATH_SIZE 512u

/* Says what is wrong with the command line. Returns CLI_USAGE. */
int call_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * One request. CLI_DONE: `*out` is the answer's JSON, a new reference. Otherwise the reason was
 * printed (with --json the problem on standard output) and `*out` is NULL. With --dry-run, changes
 * are asked for as dry runs. `wait_s` is added to the time limit.
 */
int call_api(struct cli *cli, const char *method, const char *path, const json_t *body, long wait_s,
	     json_t **out);
/* A stream (client_stream()), with what goes wrong told as above. CLI_DONE: it has ended. */
int call_stream(struct cli *cli, const char *path, const char *last_id, client_take take,
		void *arg);
/* All pages of a list as one: {`member`: [...], ...} of the first page with all items in it. `path`
 * may have a query. */
int call_list(struct cli *cli, const char *path, const char *member, json_t **out);
/* A path with one variable part, percent-encoded where the format has %s. */
char *call_path(char out[CALL_PATH_SIZE], const char *before, const char *part, const char *after);
/* Prints JSON, indented, for --json. Returns CLI_DONE, or CLI_FAILED when it could not be written.
 */
int call_print_json(const json_t *j);
/* Asks on the terminal unless --yes was given. False: no; the reason was printed. */
bool call_confirm(const struct args *a, const char *question);
/* The same, but without a terminal the answer is yes: for what a script must not fail to do because
 * of a missing option, such as to revoke a stolen branch. */
bool call_confirm_on_terminal(const struct args *a, const char *question);

/* Reading answers: "" / 0 / false when a member is missing or of another type. */
const char *call_str(const json_t *j, const char *member);
int64_t call_int(const json_t *j, const char *member);
bool call_bool(const json_t *j, const char *member);
/* NULL for null. */
const char *call_str_or_null(const json_t *j, const char *member);
/* The strings of an array with ", " between them, cut to fit. Returns `out`. */
char *call_join(const json_t *array, char *out, size_t size);
