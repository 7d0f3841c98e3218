/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/cli/dot.h"

#include <string.h>

static const char *color_of(const char *path)
{
	if (!path || !*path)
		return "black";
	if (strcmp(path, "down") == 0)
		return "red";
	return strncmp(path, "direct", 6) == 0 ? "green" : "orange";
}

/* A quoted text: what could end it is left out. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++)
		if (*text != '"' && *text != '\\' && (unsigned char)*text >= 0x20)
			fputc(*text, out);
	fputc('"', out);
}

void dot_begin(FILE *out, const char *net)
{
	fputs("graph ", out);
	put_quoted(out, net);
	fputs(" {\n", out);
}

void dot_node(FILE *out, const char *name, const char *path)
{
	fputs("  ", out);
	put_quoted(out, name);
	fprintf(out, " [color = \"%s\"];\n", color_of(path));
}

void dot_edge(FILE *out, const char *a, const char *b, const char *path)
{
	fputs("  ", out);
	put_quoted(out, a);
	fputs(" -- ", out);
	put_quoted(out, b);
	fputs(" [label = ", out);
	put_quoted(out, path ? path : "");
	fprintf(out, ", color = \"%s\"];\n", color_of(path));
}

void dot_end(FILE *out) { fputs("}\n", out); }
