/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/framing.h"

#define EMPTY_MAX_BYTES 8u /* empty lines before a request */

/* --- problems --- */

static enum err bad_chunk(struct problem *p)
{
	problem_set(p, 400, "chunk_invalid", NULL,
		    "the body is not made of chunks (RFC 9112 section 7.1)");
	return ERR_INVALID;
}

static enum err body_too_big(struct problem *p)
{
	problem_set(p, 413, "body_too_big", NULL, "more than %u bytes of a body are not even read",
		    FRAMING_BODY_MAX_BYTES);
	return ERR_INVALID;
}

static enum err bad_line_end(struct problem *p)
{
	problem_set(p, 400, "line_end_invalid", NULL,
		    "lines end with CR and LF, and neither stands alone (RFC 9112 section 2.2)");
	return ERR_INVALID;
}

static enum err no_memory(struct problem *p)
{
	problem_set(p, 503, "no_memory", NULL, "the hub is out of memory; nothing was changed");
	return ERR_INVALID;
}

/* --- whole lines; each says how it goes on --- */

/* The head is whole: it goes on, and the body begins. */
static enum err end_head(struct framing *f, struct buf *out, struct problem *p)
{
	enum err e = head_end(&f->head, &f->kept, p);

	if (e)
		return e;
	if (f->head.length > FRAMING_BODY_MAX_BYTES)
		return body_too_big(p);
	if (buf_put(out, buf_data(&f->kept), buf_len(&f->kept)))
		return no_memory(p);
	buf_fini(&f->kept);
	f->head_bytes = 0;
	f->left = f->head.length;
	f->state = f->head.chunked ? FRAMING_SIZE : f->left ? FRAMING_BODY : FRAMING_DONE;
	return ERR_OK;
}

static enum err end_line(struct framing *f, struct buf *out, struct problem *p)
{
	const char *line = (const char *)buf_data(&f->line);
	size_t n = buf_len(&f->line);

	if (n)
		return head_take(&f->head, line, n, &f->kept, p);
	if (f->head.has_line)
		return end_head(f, out, p);
	/* Old clients send an empty line too many behind a body. */
	f->begun = false;
	return f->head_bytes > EMPTY_MAX_BYTES ? head_bad_text(true, p) : ERR_OK;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1f" or "1f;name=value". */
static enum err end_size(struct framing *f, struct buf *out, struct problem *p)
{
	const uint8_t *line = buf_data(&f->line);
	size_t n = buf_len(&f->line), i, digits;
	uint64_t size = 0;

	for (i = 0; i < n && hex_value(line[i]) >= 0; i++)
		if (size <= FRAMING_BODY_MAX_BYTES)
			size = size * 16 + (unsigned)hex_value(line[i]);
	digits = i;
	while (i < n && (line[i] == ' ' || line[i] == '\t'))
		i++;
	if (!digits || (i < n ? line[i] != ';' : i != digits))
		return bad_chunk(p);
	if (size > FRAMING_BODY_MAX_BYTES - f->body)
		return body_too_big(p);
	f->body += size;
	f->left = size;
	f->state = size ? FRAMING_DATA : FRAMING_TRAILER;
	return size && buf_printf(out, "%llx\r\n", (unsigned long long)size) ? no_memory(p)
									     : ERR_OK;
}

static enum err end_data(struct framing *f, struct buf *out, struct problem *p)
{
	if (buf_len(&f->line))
		return bad_chunk(p);
	f->state = FRAMING_SIZE;
	return buf_put_str(out, "\r\n") ? no_memory(p) : ERR_OK;
}

static enum err end_trailer(struct framing *f, struct buf *out, struct problem *p)
{
	const char *line = (const char *)buf_data(&f->line);

	if (buf_len(&f->line))
		return ++f->trailers > HEAD_FIELDS_MAX
			       ? head_too_long(p)
			       : head_check_trailer(line, buf_len(&f->line), p);
	f->state = FRAMING_DONE;
	return buf_put_str(out, "0\r\n\r\n") ? no_memory(p) : ERR_OK;
}

static enum err end_of_line(struct framing *f, struct buf *out, struct problem *p)
{
	enum err e = f->state == FRAMING_LINE       ? end_line(f, out, p)
		     : f->state == FRAMING_SIZE     ? end_size(f, out, p)
		     : f->state == FRAMING_DATA_END ? end_data(f, out, p)
						    : end_trailer(f, out, p);

	buf_clear(&f->line);
	return e;
}

/* --- bytes of a line --- */

/* What is wrong with a byte that may not be in this line. */
static enum err bad_byte(const struct framing *f, struct problem *p)
{
	if (f->state == FRAMING_LINE)
		return head_bad_text(!f->head.has_line, p);
	return f->state == FRAMING_TRAILER ? head_bad_text(false, p) : bad_chunk(p);
}

/* Would one byte more be too long? */
static enum err check_room(struct framing *f, struct problem *p)
{
	size_t n = buf_len(&f->line);

	if (f->state == FRAMING_DATA_END ||
	    (f->state == FRAMING_SIZE && n == FRAMING_CHUNK_LINE_MAX_BYTES))
		return bad_chunk(p);
	if (f->state == FRAMING_LINE && !f->head.has_line && n == HEAD_LINE_MAX_BYTES)
		return head_line_too_long((const char *)buf_data(&f->line), n, p);
	return ERR_OK;
}

/* One byte of a line. */
static enum err take_byte(struct framing *f, uint8_t byte, struct buf *out, struct problem *p)
{
	bool in_head = f->state == FRAMING_LINE || f->state == FRAMING_TRAILER;
	enum err e;

	if (f->has_cr != (byte == '\n'))
		return bad_line_end(p);
	if (in_head && ++f->head_bytes > HEAD_MAX_BYTES)
		return head_too_long(p);
	f->has_cr = byte == '\r';
	if (f->has_cr)
		return ERR_OK;
	if (byte == '\n')
		return end_of_line(f, out, p);
	if (!head_is_text(byte, f->state == FRAMING_LINE && !f->head.has_line))
		return bad_byte(f, p);
	e = check_room(f, p);
	if (!e && buf_put(&f->line, &byte, 1))
		e = no_memory(p);
	return e;
}

/* How many of `n` bytes are of the body, which go on as they are. */
static size_t take_data(struct framing *f, size_t n)
{
	size_t most = f->left < n ? (size_t)f->left : n;

	f->left -= most;
	if (!f->left)
		f->state = f->state == FRAMING_BODY ? FRAMING_DONE : FRAMING_DATA_END;
	return most;
}

static enum err take_some(struct framing *f, const uint8_t *bytes, size_t n, size_t *used,
			  struct buf *out, struct problem *p)
{
	if (f->state != FRAMING_BODY && f->state != FRAMING_DATA) {
		*used = 1;
		return take_byte(f, bytes[0], out, p);
	}
	*used = take_data(f, n);
	return buf_put(out, bytes, *used) ? no_memory(p) : ERR_OK;
}

enum err framing_take(struct framing *f, const uint8_t *bytes, size_t n, size_t *used,
		      struct buf *out, struct problem *p)
{
	enum err e = ERR_OK;

	BUG_ON(f->state == FRAMING_DONE || f->state == FRAMING_BROKEN);
	for (*used = 0; *used < n && !e && f->state != FRAMING_DONE;) {
		size_t some = 0;

		f->begun = true;
		e = take_some(f, bytes + *used, n - *used, &some, out, p);
		*used += some;
	}
	if (e) {
		f->state = FRAMING_BROKEN;
		return e;
	}
	return f->state == FRAMING_DONE ? ERR_OK : ERR_AGAIN;
}

void framing_init(struct framing *f)
{
	*f = (struct framing){ .state = FRAMING_LINE };
	head_init(&f->head);
	buf_init(&f->line, HEAD_MAX_BYTES);
	buf_init(&f->kept, FRAMING_GROWTH_BYTES);
}

void framing_fini(struct framing *f)
{
	buf_fini(&f->line);
	buf_fini(&f->kept);
}

void framing_next(struct framing *f)
{
	framing_fini(f);
	framing_init(f);
}

enum err framing_end(const struct framing *f, struct problem *p)
{
	if (!f->begun || f->state == FRAMING_DONE)
		return ERR_OK;
	problem_set(p, 400, "request_cut", NULL, "the request ends in the middle");
	return ERR_INVALID;
}
