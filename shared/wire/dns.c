/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/dns.h"

#include "shared/base/log.h"

/* Bits of the second 16 of a header (RFC 1035, 4.1.1; RFC 4035, 3.2.2). */
#define FLAG_QR       0x8000u
#define FLAG_AA       0x0400u
#define FLAG_TC       0x0200u
#define FLAG_RD       0x0100u
#define FLAG_CD       0x0010u
#define OPCODE_MASK   0x7800u
#define LABEL_MAX     63u
#define NAME_WIRE_MAX 255u
#define POINTER       0xc000u
#define OPT_BYTES     11u
#define SOA_REFRESH_S 3600u
#define SOA_RETRY_S   600u
#define SOA_EXPIRE_S  86400u

/* --- the question ----------------------------------------------------------------------------- */

/* What a name's byte is in its text: letters in lower case, what no name of ours has as '\\'. */
static char text_of(uint8_t b)
{
	if (b >= 'A' && b <= 'Z')
		return (char)(b - 'A' + 'a');
	if ((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '-' || b == '_')
		return (char)b;
	return '\\';
}

/* A question's name: labels only, since there is nothing before it that a pointer could mean. */
static void get_name(struct cursor *c, char out[DNS_NAME_SIZE])
{
	size_t n = 0, wire = 1;
	uint8_t len;

	while ((len = cursor_get_u8(c)) != 0) {
		const uint8_t *label = len <= LABEL_MAX ? cursor_get_view(c, len) : NULL;

		wire += 1u + len;
		if (!label || wire > NAME_WIRE_MAX) {
			cursor_fail(c, ERR_INVALID);
			break;
		}
		if (n)
			out[n++] = '.';
		for (uint8_t i = 0; i < len; i++)
			out[n++] = text_of(label[i]);
	}
	out[c->err ? 0 : n] = '\0';
}

static void get_question(struct cursor *c, struct dns_query *q)
{
	const size_t at = cursor_pos(c);

	get_name(c, q->name);
	q->type = cursor_get_be16(c);
	q->class = cursor_get_be16(c);
	if (c->err)
		return;
	q->question = c->in + at;
	q->question_bytes = cursor_pos(c) - at;
}

/* The options of an OPT record are checked for their lengths; we know none. */
static void skip_options(struct cursor *c, size_t n)
{
	struct cursor options;
	const uint8_t *data = cursor_get_view(c, n);

	cursor_init_read(&options, data, n);
	while (data && cursor_left(&options) > 0) {
		(void)cursor_get_be16(&options);
		(void)cursor_get_view(&options, cursor_get_be16(&options));
	}
	if (options.err)
		cursor_fail(c, ERR_INVALID);
}

/* The one record that a question may bring with it (RFC 6891, 6.1.2). Returns its version. */
static uint8_t get_opt(struct cursor *c, struct dns_query *q)
{
	uint16_t bytes;
	uint8_t version;

	if (cursor_get_u8(c) != 0 || cursor_get_be16(c) != DNS_OPT)
		cursor_fail(c, ERR_INVALID);
	bytes = cursor_get_be16(c);
	(void)cursor_get_u8(c); /* upper bits of the result code */
	version = cursor_get_u8(c);
	(void)cursor_get_be16(c);
	skip_options(c, cursor_get_be16(c));
	if (c->err)
		return 0;
	q->edns = true;
	if (bytes > q->udp_bytes)
		q->udp_bytes = bytes < DNS_EDNS_BYTES ? bytes : DNS_EDNS_BYTES;
	return version;
}

/* Everything behind the flags. */
static enum dns_rcode get_body(struct cursor *c, struct dns_query *q)
{
	const uint16_t questions = cursor_get_be16(c), answers = cursor_get_be16(c),
		       authority = cursor_get_be16(c), additional = cursor_get_be16(c);
	uint8_t version = 0;

	if (q->flags & OPCODE_MASK)
		return DNS_NOTIMP;
	if ((q->flags & FLAG_TC) || questions != 1 || answers || authority || additional > 1)
		return DNS_FORMERR;
	get_question(c, q);
	if (additional)
		version = get_opt(c, q);
	if (cursor_end(c) != ERR_OK)
		return DNS_FORMERR;
	return version ? DNS_BADVERS : DNS_NOERROR;
}

enum err dns_query_decode(const uint8_t *msg, size_t n, struct dns_query *q)
{
	struct cursor c;

	memset(q, 0, sizeof(*q));
	cursor_init_read(&c, msg, n);
	q->udp_bytes = DNS_UDP_BYTES;
	q->id = cursor_get_be16(&c);
	q->flags = cursor_get_be16(&c);
	if (n < DNS_HEADER_BYTES || (q->flags & FLAG_QR))
		return ERR_INVALID;
	q->rcode = get_body(&c, q);
	return ERR_OK;
}

/* --- the reply -------------------------------------------------------------------------------- */

void dns_reply_begin(struct dns_reply *r, const struct dns_query *q, uint8_t *mem, size_t cap)
{
	BUG_ON(cap < DNS_UDP_BYTES);
	*r = (struct dns_reply){ .q = q, .authoritative = true };
	cursor_init_write(&r->c, mem, cap - (q->edns ? OPT_BYTES : 0));
	(void)cursor_put_space(&r->c, DNS_HEADER_BYTES); /* written by dns_reply_end() */
	if (q->question)
		cursor_put_bytes(&r->c, q->question, q->question_bytes);
}

static void put_name(struct cursor *c, const char *name)
{
	while (*name) {
		const size_t n = strcspn(name, ".");

		BUG_ON(n == 0 || n > LABEL_MAX);
		cursor_put_u8(c, (uint8_t)n);
		cursor_put_bytes(c, name, n);
		name += n + (name[n] == '.');
	}
	cursor_put_u8(c, 0);
}

/* Owner (by a pointer into the question), type, class, time to live, and room for the length of
 * what follows, whose place is returned. */
static uint8_t *begin_record(struct dns_reply *r, size_t owner, enum dns_type type, uint32_t ttl)
{
	cursor_put_be16(&r->c, (uint16_t)(POINTER | (DNS_HEADER_BYTES + owner)));
	cursor_put_be16(&r->c, (uint16_t)type);
	cursor_put_be16(&r->c, DNS_CLASS_IN);
	cursor_put_be32(&r->c, ttl);
	return cursor_put_space(&r->c, 2);
}

static void end_record(struct dns_reply *r, uint8_t *length, uint16_t *count)
{
	size_t n;

	if (r->c.err)
		return;
	n = (size_t)(r->c.out + cursor_pos(&r->c) - (length + 2));
	length[0] = (uint8_t)(n >> 8);
	length[1] = (uint8_t)n;
	(*count)++;
}

void dns_reply_address(struct dns_reply *r, const struct addr *a, uint32_t ttl)
{
	uint8_t *length = begin_record(r, 0, a->family == AF_INET ? DNS_A : DNS_AAAA, ttl);

	cursor_put_bytes(&r->c, a->b, addr_len(a));
	end_record(r, length, &r->answers);
}

void dns_reply_name(struct dns_reply *r, enum dns_type type, const char *name, uint32_t ttl)
{
	uint8_t *length = begin_record(r, 0, type, ttl);

	put_name(&r->c, name);
	end_record(r, length, &r->answers);
}

void dns_reply_soa(struct dns_reply *r, const struct dns_soa *s)
{
	uint8_t *length = begin_record(r, s->apex, DNS_SOA, s->ttl);

	put_name(&r->c, s->server);
	put_name(&r->c, s->mailbox);
	cursor_put_be32(&r->c, s->serial);
	cursor_put_be32(&r->c, SOA_REFRESH_S);
	cursor_put_be32(&r->c, SOA_RETRY_S);
	cursor_put_be32(&r->c, SOA_EXPIRE_S);
	cursor_put_be32(&r->c, s->ttl); /* also of what is not there (RFC 2308, 4) */
	end_record(r, length, s->answer ? &r->answers : &r->authority);
}

/* A reply that did not fit keeps its question and nothing else. */
static bool cut(struct dns_reply *r)
{
	if (!r->c.err)
		return false;
	r->c.err = ERR_OK;
	r->c.pos = DNS_HEADER_BYTES + (r->q->question ? r->q->question_bytes : 0);
	r->answers = r->authority = 0;
	return true;
}

/* Behind all others, in the room that was kept for it. */
static void put_opt(struct dns_reply *r, enum dns_rcode rcode)
{
	r->c.len += OPT_BYTES;
	cursor_put_u8(&r->c, 0);
	cursor_put_be16(&r->c, DNS_OPT);
	cursor_put_be16(&r->c, DNS_EDNS_BYTES);
	cursor_put_u8(&r->c, (uint8_t)(rcode >> 4));
	cursor_put_u8(&r->c, 0); /* version */
	cursor_put_be16(&r->c, 0);
	cursor_put_be16(&r->c, 0);
}

size_t dns_reply_end(struct dns_reply *r, enum dns_rcode rcode)
{
	const struct dns_query *q = r->q;
	uint16_t flags = (uint16_t)(FLAG_QR | (q->flags & (OPCODE_MASK | FLAG_RD | FLAG_CD)) |
				    ((unsigned)rcode & 0xfu));
	struct cursor header;

	if (cut(r))
		flags |= FLAG_TC;
	if (r->authoritative)
		flags |= FLAG_AA;
	if (q->edns)
		put_opt(r, rcode);
	cursor_init_write(&header, r->c.out, DNS_HEADER_BYTES);
	cursor_put_be16(&header, q->id);
	cursor_put_be16(&header, flags);
	cursor_put_be16(&header, q->question != NULL);
	cursor_put_be16(&header, r->answers);
	cursor_put_be16(&header, r->authority);
	cursor_put_be16(&header, q->edns);
	BUG_ON(header.err || r->c.err);
	return cursor_pos(&r->c);
}

bool dns_name_is_valid(const char *name)
{
	size_t n;

	do {
		n = strcspn(name, ".");
		if (n == 0 || n > LABEL_MAX)
			return false;
		name += n;
	} while (*name++ == '.');
	return true;
}
