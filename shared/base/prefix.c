/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/prefix.h"

#include <stdio.h>
#include <string.h>

/* The length after the slash: digits only, no sign, no leading zero. */
static enum err parse_length(const char *s, unsigned max, uint8_t *out)
{
	unsigned v = 0;
	size_t n = strlen(s);

	if (n == 0 || n > 3 || (s[0] == '0' && n > 1))
		return ERR_INVALID;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return ERR_INVALID;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	if (v > max)
		return ERR_INVALID;
	*out = (uint8_t)v;
	return ERR_OK;
}

enum err prefix_parse(const char *s, struct prefix *out, struct prefix *fixed)
{
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	char text[ADDR_STR_SIZE];
	struct addr a;
	struct prefix p;
	uint8_t len;

	if (n >= sizeof(text))
		return ERR_INVALID;
	memcpy(text, s, n);
	text[n] = 0;
	if (addr_parse(text, &a))
		return ERR_INVALID;
	len = (uint8_t)addr_bits(&a);
	if (slash && parse_length(slash + 1, addr_bits(&a), &len))
		return ERR_INVALID;
	p = prefix_of_net(&a, len);
	if (!addr_equal(&p.addr, &a)) {
		if (fixed)
			*fixed = p;
		return ERR_INVALID;
	}
	*out = p;
	return ERR_OK;
}

char *prefix_format(const struct prefix *p, char out[PREFIX_STR_SIZE])
{
	char text[ADDR_STR_SIZE];

	addr_format(&p->addr, text);
	if (addr_len(&p->addr) == 0)
		snprintf(out, PREFIX_STR_SIZE, "%s", text);
	else
		snprintf(out, PREFIX_STR_SIZE, "%s/%u", text, (unsigned)p->len);
	return out;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b) { return prefix_cmp(a, b) == 0; }

int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int d = addr_cmp(&a->addr, &b->addr);

	if (d)
		return d;
	return (a->len > b->len) - (a->len < b->len);
}

/* True when the first `bits` bits are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole))
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	return p->addr.family == a->family && addr_len(a) && same_bits(p->addr.b, a->b, p->len);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len ? prefix_contains(a, &b->addr) : prefix_contains(b, &a->addr);
}

bool prefix_is_reserved(const struct prefix *p)
{
	static const char *const ranges[] = {
		"0.0.0.0/8", "127.0.0.0/8",   "169.254.0.0/16", "224.0.0.0/3",
		"::/96",     "::ffff:0:0/96", "fe80::/10",      "ff00::/8",
	};
	struct prefix r;

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (prefix_parse(ranges[i], &r, NULL) == ERR_OK && prefix_overlaps(p, &r))
			return true;
	return p->len == 0;
}

struct prefix prefix_of_host(const struct addr *a)
{
	return prefix_of_net(a, (uint8_t)addr_bits(a));
}

struct prefix prefix_of_net(const struct addr *a, uint8_t len)
{
	struct prefix p = { .addr = *a, .len = len };
	size_t whole = len / 8, size = addr_len(a);

	BUG_ON(len > addr_bits(a));
	if (whole < size) {
		p.addr.b[whole] &= (uint8_t) ~(0xffu >> (len % 8));
		memset(p.addr.b + whole + 1, 0, size - whole - 1);
	}
	return p;
}
