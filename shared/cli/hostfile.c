/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/cli/hostfile.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/base/addr.h"
#include "shared/base/file.h"

/* As tinc writes it; it is a comment to every parser. */
#define SEPARATOR "#---------------------------------------------------------------#"

static const char *string_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

/* Each string of the member as a line. */
static enum err put_lines(const json_t *node, const char *member, const char *variable,
			  struct buf *out)
{
	const json_t *list = json_object_get(node, member);
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text)
			e = buf_printf(out, "%s = %s\n", variable, text);
	}
	return e;
}

enum err hostfile_put(const json_t *node, struct buf *out)
{
	const json_t *subnets = json_object_get(node, "subnets");
	enum err e = buf_printf(out, "Name = %s\n", string_of(node, "name"));

	if (!e)
		e = put_lines(node, "endpoints", "Address", out);
	/* A node's own address is a subnet of its own, with tinc. */
	if (!e)
		e = put_lines(node, "addresses", "Subnet", out);
	for (size_t i = 0; !e && i < json_array_size(subnets); i++) {
		const json_t *s = json_array_get(subnets, i);

		e = buf_printf(out, "Subnet = %s#%lld\n", string_of(s, "prefix"),
			       (long long)json_integer_value(json_object_get(s, "weight")));
	}
	return e;
}

enum err hostfile_put_all(const json_t *nodes, struct buf *out)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < json_array_size(nodes); i++) {
		if (i)
			e = buf_put_str(out, SEPARATOR "\n");
		if (!e)
			e = hostfile_put(json_array_get(nodes, i), out);
	}
	return e;
}

static enum err read_stream(FILE *f, struct buf *out)
{
	char part[4096];
	enum err e = ERR_OK;
	size_t n;

	while (!e && (n = fread(part, 1, sizeof(part), f)) > 0)
		e = buf_put(out, part, n);
	return e ? e : ferror(f) ? ERR_IO : ERR_OK;
}

enum err hostfile_read(const char *program, const char *file, struct buf *out)
{
	const bool from_stdin = !file || strcmp(file, "-") == 0;
	enum err e = from_stdin ? read_stream(stdin, out) : file_read(file, out);

	if (e)
		fprintf(stderr, "%s: %s: %s\n", program, from_stdin ? "standard input" : file,
			err_str(e));
	return e;
}

/* The name of a "Name = NODE" line, without its end; false: it is another one. */
static bool name_of(const char *line, size_t len, char name[NAME_SIZE])
{
	static const char key[] = "Name";
	char found[NAME_SIZE];
	size_t i = sizeof(key) - 1, n;

	if (len <= i || strncasecmp(line, key, i) != 0 || !strchr(" \t=", line[i]))
		return false;
	while (i < len && strchr(" \t=", line[i]))
		i++;
	for (n = len; n > i && strchr(" \t\r", line[n - 1]); n--)
		;
	if (n - i >= NAME_SIZE)
		return false;
	memcpy(found, line + i, n - i);
	found[n - i] = '\0';
	if (!name_is_valid(found))
		return false;
	memcpy(name, found, n - i + 1);
	return true;
}

static bool is_blank(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r", line[i]))
		i++;
	return i == len || line[i] == '#';
}

static bool is_separator(const char *line, size_t len)
{
	return len >= sizeof(SEPARATOR) - 1 && memcmp(line, SEPARATOR, sizeof(SEPARATOR) - 1) == 0;
}

/* Where we are in the text. */
struct split {
	char name[NAME_SIZE]; /* "": before the Name line of a node */
	const char *begin;    /* of what is the node's */
};

enum err hostfile_split(const char *text, size_t len,
			enum err (*take)(void *arg, const char name[NAME_SIZE], const char *text,
					 size_t len),
			void *arg, unsigned *line)
{
	const char *end = text + len, *at = text, *next;
	struct split s = { .name = "" };
	enum err e = ERR_OK;

	for (*line = 1; !e && at < end; at = next, (*line)++) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		const size_t n = (size_t)((eol ? eol : end) - at);

		next = eol ? eol + 1 : end;
		if (is_separator(at, n)) {
			if (s.name[0])
				e = take(arg, s.name, s.begin, (size_t)(at - s.begin));
			s.name[0] = '\0';
		} else if (!s.name[0] && name_of(at, n, s.name)) {
			s.begin = next;
		} else if (!s.name[0] && !is_blank(at, n)) {
			return ERR_INVALID;
		}
	}
	if (!e && s.name[0])
		e = take(arg, s.name, s.begin, (size_t)(end - s.begin));
	return e;
}
