/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/cli/hosts.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/addr.h"
#include "shared/base/file.h"
#include "shared/base/name.h"

#define FILE_MAX_BYTES (16u << 20)
#define MARK_BYTES     (NAME_SIZE + 64u)

static const char *begin_mark(const char *net, char out[MARK_BYTES])
{
	snprintf(out, MARK_BYTES, "# begin of Branchline network %s\n", net);
	return out;
}

static const char *end_mark(const char *net, char out[MARK_BYTES])
{
	snprintf(out, MARK_BYTES, "# end of Branchline network %s\n", net);
	return out;
}

static enum err put_node(const json_t *node, const char *net, struct buf *out)
{
	const char *name = json_string_value(json_object_get(node, "name"));
	const json_t *addresses = json_object_get(node, "addresses");
	enum err e = ERR_OK;

	if (!name || !name_is_valid(name))
		return ERR_OK;
	for (size_t i = 0; !e && i < json_array_size(addresses); i++) {
		const char *text = json_string_value(json_array_get(addresses, i));
		struct addr a;

		if (text && addr_parse(text, &a) == ERR_OK)
			e = buf_printf(out, "%s %s.%s.internal %s\n", text, name, net, name);
	}
	return e;
}

enum err hosts_block(const json_t *nodes, const char *net, struct buf *out)
{
	char mark[MARK_BYTES];
	enum err e = buf_put_str(out, begin_mark(net, mark));

	for (size_t i = 0; !e && i < json_array_size(nodes); i++)
		e = put_node(json_array_get(nodes, i), net, out);
	return e ? e : buf_put_str(out, end_mark(net, mark));
}

/* Where a mark stands at the beginning of a line; NULL: nowhere. */
static const char *find_line(const char *text, size_t len, const char *mark)
{
	const char *at = text;

	while (at && (at = memmem(at, len - (size_t)(at - text), mark, strlen(mark))) != NULL) {
		if (at == text || at[-1] == '\n')
			return at;
		at++;
	}
	return NULL;
}

enum err hosts_replace(const char *text, size_t text_len, const char *net, const char *block,
		       size_t len, struct buf *out)
{
	char mark[MARK_BYTES];
	const char *begin = find_line(text, text_len, begin_mark(net, mark)), *end;
	enum err e;

	if (!begin) {
		e = buf_put(out, text, text_len);
		if (!e && len && text_len && text[text_len - 1] != '\n')
			e = buf_put(out, "\n", 1);
		return e ? e : buf_put(out, block, len);
	}
	end = find_line(begin, text_len - (size_t)(begin - text), end_mark(net, mark));
	if (!end)
		return ERR_INVALID;
	end += strlen(mark);
	e = buf_put(out, text, (size_t)(begin - text));
	if (!e)
		e = buf_put(out, block, len);
	return e ? e : buf_put(out, end, text_len - (size_t)(end - text));
}

static enum err rewrite(const char *file, const char *net, const struct buf *block)
{
	struct stat st = { .st_mode = 0644 };
	struct buf old, fresh;
	enum err e;

	buf_init(&old, FILE_MAX_BYTES);
	buf_init(&fresh, FILE_MAX_BYTES);
	(void)stat(file, &st);
	e = file_read(file, &old);
	if (e == ERR_NOTFOUND)
		e = ERR_OK;
	if (!e)
		e = hosts_replace((const char *)buf_data(&old), buf_len(&old), net,
				  (const char *)buf_data(block), buf_len(block), &fresh);
	/* A file that is right already is not touched. */
	if (!e && (buf_len(&old) != buf_len(&fresh) ||
		   (buf_len(&old) && memcmp(buf_data(&old), buf_data(&fresh), buf_len(&old)) != 0)))
		e = file_write_atomic(file, buf_data(&fresh), buf_len(&fresh), st.st_mode & 0777);
	buf_fini(&old);
	buf_fini(&fresh);
	return e;
}

int hosts_run(const char *program, const json_t *nodes, const char *net, const char *file,
	      bool remove)
{
	struct buf block;
	int code = 1;
	enum err e = ERR_OK;

	buf_init(&block, FILE_MAX_BYTES);
	if (!remove)
		e = hosts_block(nodes, net, &block);
	if (!e && file)
		e = rewrite(file, net, &block);
	if (e == ERR_INVALID)
		fprintf(stderr,
			"%s: %s: the block of network %s has no end mark; take it out by hand\n",
			program, file, net);
	else if (e)
		fprintf(stderr, "%s: %s: %s\n", program, file ? file : "the block", err_str(e));
	else if (file || fwrite(buf_data(&block), 1, buf_len(&block), stdout) == buf_len(&block))
		code = 0;
	buf_fini(&block);
	return code;
}
