/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/dns/answer.h"

#include <stdio.h>
#include <string.h>

#define REVERSE_V4 "in-addr.arpa"
#define REVERSE_V6 "ip6.arpa"
/* The reverse zone that a negative answer is about: a /24, a /64. */
#define REVERSE_V4_LABELS 3u
#define REVERSE_V6_LABELS 16u

struct ask {
	const struct zone *z;
	const struct zone_node *asker;
	const struct dns_query *q;
	struct dns_reply reply;
};

static void full_name(const struct zone *z, const struct zone_node *n, char out[DNS_NAME_SIZE])
{
	snprintf(out, DNS_NAME_SIZE, "%.63s.%.128s", n->key, z->apex);
}

/* The zone's own record; `apex` is where its name begins in that of the question. */
static void put_soa(struct ask *a, size_t apex, bool answer)
{
	const struct zone_node *self = zone_self(a->z);
	char server[DNS_NAME_SIZE];
	const struct dns_soa soa = { .apex = apex,
				     .server = server,
				     .mailbox = a->z->mailbox,
				     .serial = (uint32_t)a->z->revision,
				     .ttl = ANSWER_TTL_S,
				     .answer = answer };

	if (self && self->named)
		full_name(a->z, self, server);
	else
		snprintf(server, sizeof(server), "%.200s", a->z->apex);
	dns_reply_soa(&a->reply, &soa);
}

static enum dns_rcode negative(struct ask *a, size_t apex, enum dns_rcode rcode)
{
	put_soa(a, apex, false);
	return rcode;
}

static enum dns_rcode refuse(struct ask *a)
{
	a->reply.authoritative = false;
	return DNS_REFUSED;
}

static bool wants(const struct dns_query *q, enum dns_type type)
{
	return q->type == type || q->type == DNS_ANY;
}

/* --- NODE.NET.internal --- */

static enum dns_rcode answer_apex(struct ask *a)
{
	const struct zone_node *self = zone_self(a->z);
	char name[DNS_NAME_SIZE];

	if (wants(a->q, DNS_SOA))
		put_soa(a, 0, true);
	if (wants(a->q, DNS_NS) && self && self->named) {
		full_name(a->z, self, name);
		dns_reply_name(&a->reply, DNS_NS, name, ANSWER_TTL_S);
	}
	return a->reply.answers ? DNS_NOERROR : negative(a, 0, DNS_NOERROR);
}

static enum dns_rcode answer_node(struct ask *a, const struct zone_node *n, size_t apex)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };

	for (unsigned i = 0; i < ARRAY_LEN(types); i++)
		if (n->addresses[i].family && wants(a->q, types[i]))
			dns_reply_address(&a->reply, &n->addresses[i], ANSWER_TTL_S);
	return a->reply.answers ? DNS_NOERROR : negative(a, apex, DNS_NOERROR);
}

/* `apex` is where the zone's name begins. */
static enum dns_rcode answer_forward(struct ask *a, size_t apex)
{
	char name[DNS_NAME_SIZE];
	const struct zone_node *n;

	if (apex == 0)
		return answer_apex(a);
	snprintf(name, sizeof(name), "%.*s", (int)apex - 1, a->q->name);
	n = zone_find(a->z, name);
	if (n && zone_may_see(a->z, a->asker, n))
		return answer_node(a, n, apex);
	return negative(a, apex, zone_has_below(a->z, name) ? DNS_NOERROR : DNS_NXDOMAIN);
}

/* --- the reverse --- */

/* One label: a byte in decimal, or half a byte in hexadecimal; -1: neither. */
static int label_value(const char *s, size_t n, bool v6)
{
	static const char digits[] = "0123456789abcdef";
	int v = 0;

	if (v6) {
		const char *digit = n == 1 ? memchr(digits, *s, 16) : NULL;

		return digit ? (int)(digit - digits) : -1;
	}
	if (n == 0 || n > 3 || (*s == '0' && n > 1))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v <= 255 ? v : -1;
}

/*
 * The prefix that the `len` characters before the reverse zone's name mean (RFC 1035, 3.5; RFC
 * 3596, 2.5): the first label is the last part of an address. `*apex` becomes the text position of
 * the zone that a negative answer is about. False: they mean none.
 */
static bool parse_reverse(const char *text, size_t len, bool v6, struct prefix *p, size_t *apex)
{
	const unsigned bits = v6 ? 4 : 8, all = v6 ? 32 : 4;
	size_t end = len;
	unsigned n = 0;

	*p = (struct prefix){ .addr.family = v6 ? AF_INET6 : AF_INET };
	while (true) {
		size_t begin = end;
		int v;

		while (begin > 0 && text[begin - 1] != '.')
			begin--;
		v = n < all ? label_value(text + begin, end - begin, v6) : -1;
		if (v < 0)
			return false;
		p->addr.b[n * bits / 8] |= (uint8_t)(v6 && n % 2 == 0 ? v << 4 : v);
		n++;
		if (n <= (v6 ? REVERSE_V6_LABELS : REVERSE_V4_LABELS))
			*apex = begin;
		if (begin == 0)
			break;
		end = begin - 1;
	}
	p->len = (uint8_t)(n * bits);
	return true;
}

static enum dns_rcode answer_address(struct ask *a, const struct prefix *host, size_t apex)
{
	const struct zone_node *owners[ZONE_OWNERS_MAX];
	const size_t n = zone_owners(a->z, &host->addr, owners);
	char name[DNS_NAME_SIZE];
	bool seen = false;

	if (n == 0 && !zone_meets_pool(a->z, host))
		return refuse(a);
	for (size_t i = 0; i < n; i++) {
		if (!zone_may_see(a->z, a->asker, owners[i]) || !owners[i]->named)
			continue;
		seen = true;
		full_name(a->z, owners[i], name);
		if (wants(a->q, DNS_PTR))
			dns_reply_name(&a->reply, DNS_PTR, name, ANSWER_TTL_S);
	}
	if (a->reply.answers || a->reply.c.err)
		return DNS_NOERROR;
	return negative(a, apex, seen ? DNS_NOERROR : DNS_NXDOMAIN);
}

static enum dns_rcode answer_reverse(struct ask *a, size_t len, bool v6)
{
	struct prefix p;
	size_t apex = 0;

	if (!parse_reverse(a->q->name, len, v6, &p, &apex))
		return refuse(a);
	if (p.len == addr_bits(&p.addr))
		return answer_address(a, &p, apex);
	if (!zone_meets_pool(a->z, &p))
		return refuse(a);
	if (a->q->type == DNS_SOA && apex == 0)
		put_soa(a, 0, true);
	return a->reply.answers ? DNS_NOERROR : negative(a, apex, DNS_NOERROR);
}

/* --- which of them --- */

/* Where `zone` begins in `name`, which is it or ends with it; -1: it does neither. */
static int position_of(const char *name, const char *zone)
{
	const size_t n = strlen(name), m = strlen(zone);

	if (n < m || strcmp(name + n - m, zone) != 0 || (n > m && name[n - m - 1] != '.'))
		return -1;
	return (int)(n - m);
}

static enum dns_rcode answer(struct ask *a)
{
	const struct dns_query *q = a->q;
	int at;

	if (q->rcode != DNS_NOERROR) {
		a->reply.authoritative = false;
		return q->rcode;
	}
	if (!a->asker || q->class != DNS_CLASS_IN ||
	    (q->type >= DNS_META_FIRST && q->type < DNS_ANY) || q->type == DNS_OPT)
		return refuse(a);
	at = position_of(q->name, a->z->apex);
	if (at >= 0)
		return answer_forward(a, (size_t)at);
	at = position_of(q->name, REVERSE_V4);
	if (at > 0)
		return answer_reverse(a, (size_t)at - 1, false);
	at = position_of(q->name, REVERSE_V6);
	if (at > 0)
		return answer_reverse(a, (size_t)at - 1, true);
	return refuse(a);
}

size_t answer_query(const struct zone *z, const struct zone_node *asker, const struct dns_query *q,
		    uint8_t *out, size_t cap)
{
	struct ask a = { .z = z, .asker = asker, .q = q };

	dns_reply_begin(&a.reply, q, out, cap);
	if (q->rcode == DNS_NOERROR && !z->ready) {
		a.reply.authoritative = false;
		return dns_reply_end(&a.reply, DNS_SERVFAIL);
	}
	return dns_reply_end(&a.reply, answer(&a));
}
