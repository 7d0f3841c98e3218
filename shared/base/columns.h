/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* columns: a table for people. Cells are collected, then printed with each column as wide as its
 * widest cell. */
#include <stdio.h>

#include "shared/base/err.h"

#define COLUMNS_MAX 16u

struct columns {
	unsigned n; /* columns */
	const char *heads[COLUMNS_MAX];
	unsigned right; /* bit set of columns that are aligned to the right: numbers */
	char **cells;   /* owned, row by row */
	size_t n_cells, cap;
	enum err err; /* sticky: memory was out */
};

/* `heads` are kept by reference; `right` has a bit for each column of numbers. */
void columns_init(struct columns *c, unsigned right, unsigned n, const char *const *heads);
void columns_fini(struct columns *c);
/* The next cell, left to right, top to bottom. NULL or "" prints as "-". Control characters become
 * '?'. */
void columns_add(struct columns *c, const char *text);
void columns_addf(struct columns *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Heads and rows, two blanks apart, no blanks at line ends. A row that is not full is our own
 * mistake. */
enum err columns_print(const struct columns *c, FILE *out) must_check;
