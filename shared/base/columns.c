/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/columns.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

void columns_init(struct columns *c, unsigned right, unsigned n, const char *const *heads)
{
	BUG_ON(n == 0 || n > COLUMNS_MAX);
	memset(c, 0, sizeof(*c));
	c->n = n;
	c->right = right;
	memcpy(c->heads, heads, n * sizeof(*heads));
}

void columns_fini(struct columns *c)
{
	for (size_t i = 0; i < c->n_cells; i++)
		free(c->cells[i]);
	free(c->cells);
	memset(c, 0, sizeof(*c));
}

void columns_add(struct columns *c, const char *text)
{
	char *copy = strdup(text && *text ? text : "-");

	if (copy && c->n_cells == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		char **cells = reallocarray(c->cells, cap, sizeof(*cells));

		if (cells) {
			c->cells = cells;
			c->cap = cap;
		}
	}
	if (!copy || c->n_cells == c->cap) {
		free(copy);
		c->err = ERR_NOMEM;
		return;
	}
	for (char *s = copy; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	c->cells[c->n_cells++] = copy;
}

void columns_addf(struct columns *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	columns_add(c, text);
}

/* Characters of a UTF-8 text: bytes that do not continue one. */
static unsigned width_of(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_cell(const struct columns *c, FILE *out, unsigned column, const char *text,
		       unsigned width)
{
	int pad = (int)(width - width_of(text));
	bool last = column + 1 == c->n;

	if (c->right & 1u << column)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", out);
}

enum err columns_print(const struct columns *c, FILE *out)
{
	unsigned widths[COLUMNS_MAX];

	if (c->err)
		return c->err;
	BUG_ON(c->n_cells % c->n);
	for (unsigned i = 0; i < c->n; i++)
		widths[i] = width_of(c->heads[i]);
	for (size_t i = 0; i < c->n_cells; i++) {
		unsigned w = width_of(c->cells[i]);

		if (w > widths[i % c->n])
			widths[i % c->n] = w;
	}
	for (unsigned i = 0; i < c->n; i++)
		print_cell(c, out, i, c->heads[i], widths[i]);
	for (size_t i = 0; i < c->n_cells; i++)
		print_cell(c, out, (unsigned)(i % c->n), c->cells[i], widths[i % c->n]);
	return ferror(out) ? ERR_IO : ERR_OK;
}
