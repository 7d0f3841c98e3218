/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * show: what commands print of an answer. With --json it is the answer as the API gave it, else a
 * table or a sentence for people. All return an `enum cli_exit`.
 */
#include "hub/cli/call.h"
#include "shared/base/columns.h"
#include "shared/base/units.h"

/* How the items of a list become the rows of a table. */
struct show_table {
	const char *const *heads;
	unsigned n;     /* heads */
	unsigned right; /* bit set of the columns that are numbers */
	/* Adds the cells of one row; `now_ms` is wall clock time. */
	void (*add_row)(struct columns *t, const json_t *item, int64_t now_ms);
};

/* The table of the array `items`, whatever --json says. */
int show_table(const json_t *items, const struct show_table *table);
/* All pages of the list at `path` (call_list(), member "items"). */
int show_list(struct cli *cli, const char *path, const struct show_table *table);
/* The list at `path` or, when the command has a word, `query` and the word behind it:
 * "/api/v1/keys" and "?node=". */
int show_list_of(struct cli *cli, const struct args *a, const char *path, const char *query,
		 const struct show_table *table);
/* GETs `path`; without --json `print` tells people of it. */
int show_item(struct cli *cli, const char *path, void (*print)(const json_t *answer));
/*
 * The answer of a change: "NAME done at revision N", with --dry-run "NAME could." and that nothing
 * was changed; without a revision in the answer nothing is said of it. Takes over `answer`.
 */
int show_change(struct cli *cli, json_t *answer, const char *name, const char *done,
		const char *could);
/* A table of two columns, for one thing: a name and its value. Nothing when there is no value. */
void show_line(const char *name, const char *value);
/* A cell with a whole number of the item. */
void show_int(struct columns *t, const json_t *item, const char *member);
/* A cell with how long ago, or how long still, a time of the item is. */
void show_ago(struct columns *t, const json_t *item, const char *member, int64_t now_ms);
void show_left(struct columns *t, const json_t *item, const char *member, int64_t now_ms);
