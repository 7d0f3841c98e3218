/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/backup/archive.h"

#include <string.h>

#include "shared/base/cursor.h"

#define FORMAT     1u
#define ENTRY_END  0u
#define ENTRY_FILE 1u
#define MODE_BITS  0777u

/* A file's name in its folder: letters, digits, "_", "-", ".", and no dot in front. */
static bool is_plain(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.";
	size_t n = strlen(s);

	return n > 0 && n < 128 && s[0] != '.' && strspn(s, allowed) == n;
}

bool archive_name_is_valid(const char *name)
{
	if (strcmp(name, ARCHIVE_DB) == 0)
		return true;
	if (strncmp(name, "etc/hosts/", 10) == 0)
		return is_plain(name + 10);
	return strncmp(name, "etc/", 4) == 0 && strcmp(name, "etc/hosts") != 0 &&
	       is_plain(name + 4);
}

static void put(struct sealed_writer *w, const struct cursor *c, const uint8_t *mem)
{
	BUG_ON(c->err);
	sealed_write(w, mem, cursor_pos(c));
}

void archive_write_about(struct sealed_writer *w, const struct archive_about *a)
{
	uint8_t mem[512];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	cursor_put_u8(&c, FORMAT);
	cursor_put_u64(&c, (uint64_t)a->made_ms);
	cursor_put_str(&c, a->network);
	cursor_put_str(&c, a->hub);
	cursor_put_str(&c, a->version);
	put(w, &c, mem);
}

void archive_write_file(struct sealed_writer *w, const struct archive_file *f)
{
	uint8_t mem[ARCHIVE_NAME_SIZE + 16];
	struct cursor c;

	BUG_ON(!archive_name_is_valid(f->name));
	cursor_init_write(&c, mem, sizeof(mem));
	cursor_put_u8(&c, ENTRY_FILE);
	cursor_put_str(&c, f->name);
	cursor_put_u16(&c, (uint16_t)(f->mode & MODE_BITS));
	cursor_put_u64(&c, f->size);
	put(w, &c, mem);
}

void archive_write_end(struct sealed_writer *w)
{
	const uint8_t end = ENTRY_END;

	sealed_write(w, &end, 1);
}

/* A string with its u16 length from the stream. */
static bool get_str(struct sealed_reader *r, char *out, size_t size)
{
	uint8_t length[2];
	size_t n;

	if (!sealed_read(r, length, sizeof(length)))
		return false;
	n = length[0] | (size_t)length[1] << 8;
	if (n >= size || !sealed_read(r, out, n))
		return false;
	out[n] = '\0';
	return strlen(out) == n;
}

static uint64_t get_le(struct sealed_reader *r, size_t n)
{
	uint8_t b[8];
	struct cursor c;

	if (!sealed_read(r, b, n))
		return 0;
	cursor_init_read(&c, b, n);
	return cursor_get_le(&c, n);
}

/* What went wrong: the stream itself, or what it says. */
static enum err why(const struct sealed_reader *r)
{
	enum err e = sealed_error(r);

	return e ? e : ERR_INVALID;
}

enum err archive_read_about(struct sealed_reader *r, struct archive_about *out)
{
	uint64_t format = get_le(r, 1), ms;

	if (sealed_error(r))
		return sealed_error(r);
	if (format != FORMAT)
		return ERR_VERSION;
	ms = get_le(r, 8);
	if (!get_str(r, out->network, sizeof(out->network)) ||
	    !get_str(r, out->hub, sizeof(out->hub)) ||
	    !get_str(r, out->version, sizeof(out->version)) || ms > INT64_MAX ||
	    !name_is_valid(out->network) || !name_is_valid(out->hub))
		return why(r);
	for (const char *p = out->version; *p; p++)
		if (*p < ' ' || *p > '~')
			return ERR_INVALID;
	out->made_ms = (int64_t)ms;
	return ERR_OK;
}

enum err archive_read_file(struct sealed_reader *r, struct archive_file *out)
{
	uint64_t entry = get_le(r, 1);

	if (sealed_error(r))
		return sealed_error(r);
	if (entry == ENTRY_END)
		return ERR_NOTFOUND;
	if (entry != ENTRY_FILE || !get_str(r, out->name, sizeof(out->name)) ||
	    !archive_name_is_valid(out->name))
		return why(r);
	out->mode = (mode_t)get_le(r, 2);
	out->size = get_le(r, 8);
	if (sealed_error(r))
		return sealed_error(r);
	if (out->mode & ~MODE_BITS || out->size > INT64_MAX ||
	    (strcmp(out->name, ARCHIVE_DB) != 0 && out->size > ARCHIVE_ETC_FILE_BYTES))
		return ERR_INVALID;
	return ERR_OK;
}
