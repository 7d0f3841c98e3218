/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {
	[10] = 0xff, [11] = 0xff
}; /* ::ffff:0:0/96, RFC 4291 section 2.5.5.2 */

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, addr_len(a));
}

enum err addr_parse(const char *s, struct addr *out)
{
	struct addr a = { 0 };

	/* inet_pton() takes no white space, leading zeros or short forms. */
	if (strchr(s, ':'))
		a.family = AF_INET6;
	else
		a.family = AF_INET;
	if (inet_pton(a.family, s, a.b) != 1)
		return ERR_INVALID;
	*out = a;
	return ERR_OK;
}

char *addr_format(const struct addr *a, char out[ADDR_STR_SIZE])
{
	if (addr_len(a) == 0 || !inet_ntop(a->family, a->b, out, ADDR_STR_SIZE))
		snprintf(out, ADDR_STR_SIZE, "none");
	return out;
}

static bool v4_is_special(const uint8_t b[4])
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };
	static const uint8_t unspecified[4];

	return b[0] == 127 || (b[0] & 0xf0) == 0xe0 || !memcmp(b, broadcast, 4) ||
	       !memcmp(b, unspecified, 4);
}

/* A mapped IPv4 address is judged as the IPv4 address, so that it is no way around the check. */
static bool v6_is_special(const uint8_t b[16])
{
	static const uint8_t loopback[16] = { [15] = 1 };
	static const uint8_t unspecified[16];

	if (!memcmp(b, mapped_prefix, sizeof(mapped_prefix)))
		return v4_is_special(b + 12);
	return b[0] == 0xff || !memcmp(b, loopback, 16) || !memcmp(b, unspecified, 16);
}

bool addr_is_special(const struct addr *a)
{
	switch (a->family) {
	case AF_INET:
		return v4_is_special(a->b);
	case AF_INET6:
		return v6_is_special(a->b);
	default:
		return true;
	}
}

struct endpoint endpoint_of_carrier(uint32_t number)
{
	return (struct endpoint){ .addr = { .family = ADDR_CARRIER,
					    .b = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
						   (uint8_t)(number >> 8), (uint8_t)number } } };
}

uint32_t endpoint_carrier(const struct endpoint *e)
{
	const uint8_t *b = e->addr.b;

	if (!endpoint_is_carrier(e))
		return 0;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* A decimal number without sign, white space or leading zeros, 1..max. */
static enum err parse_number(const char *s, size_t n, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;

	if (n == 0 || n > 10 || s[0] == '0')
		return ERR_INVALID;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return ERR_INVALID;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v > max)
		return ERR_INVALID;
	*out = (uint32_t)v;
	return ERR_OK;
}

static bool is_link_local(const struct addr *a)
{
	return a->family == AF_INET6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* The address part, `n` bytes long: a numeric address, for link-local IPv6 with "%scope" (a number,
 * RFC 4007 section 11). */
static enum err parse_host(const char *s, size_t n, struct endpoint *out)
{
	const char *percent = memchr(s, '%', n);
	size_t addr_n = percent ? (size_t)(percent - s) : n;
	char text[ADDR_STR_SIZE];
	enum err e;

	if (addr_n >= sizeof(text))
		return ERR_INVALID;
	memcpy(text, s, addr_n);
	text[addr_n] = 0;
	e = addr_parse(text, &out->addr);
	if (e || !percent)
		return e;
	if (!is_link_local(&out->addr))
		return ERR_INVALID;
	return parse_number(percent + 1, n - addr_n - 1, UINT32_MAX, &out->scope_id);
}

enum err endpoint_parse(const char *s, uint16_t default_port, struct endpoint *out)
{
	const char *colon = strchr(s, ':'), *end, *port;
	struct endpoint ep = { 0 };
	uint32_t number = default_port;
	bool v6;
	enum err e;

	if (s[0] == '[') {
		end = strchr(++s, ']');
		if (!end || (end[1] && end[1] != ':'))
			return ERR_INVALID;
		port = end[1] ? end + 2 : NULL;
		v6 = true;
	} else {
		/* Two colons without brackets: IPv6 that leaves the port out. */
		v6 = colon && strchr(colon + 1, ':');
		end = colon && !v6 ? colon : s + strlen(s);
		port = colon && !v6 ? colon + 1 : NULL;
	}
	e = parse_host(s, (size_t)(end - s), &ep);
	if (!e && (ep.addr.family == AF_INET6) != v6)
		e = ERR_INVALID;
	if (!e && port)
		e = parse_number(port, strlen(port), UINT16_MAX, &number);
	if (!e && number == 0)
		e = ERR_INVALID;
	if (e)
		return e;
	ep.port = (uint16_t)number;
	*out = ep;
	return ERR_OK;
}

char *endpoint_format(const struct endpoint *e, char out[ENDPOINT_STR_SIZE])
{
	char text[ADDR_STR_SIZE];

	addr_format(&e->addr, text);
	if (e->addr.family == AF_INET)
		snprintf(out, ENDPOINT_STR_SIZE, "%s:%u", text, (unsigned)e->port);
	else if (e->addr.family == AF_INET6 && e->scope_id)
		snprintf(out, ENDPOINT_STR_SIZE, "[%.40s%%%u]:%u", text, (unsigned)e->scope_id,
			 (unsigned)e->port);
	else if (e->addr.family == AF_INET6)
		snprintf(out, ENDPOINT_STR_SIZE, "[%s]:%u", text, (unsigned)e->port);
	else if (e->addr.family == ADDR_CARRIER)
		snprintf(out, ENDPOINT_STR_SIZE, "tcp");
	else
		snprintf(out, ENDPOINT_STR_SIZE, "none");
	return out;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (e->addr.family == AF_INET) {
		in->sin_family = AF_INET;
		in->sin_port = htons(e->port);
		memcpy(&in->sin_addr, e->addr.b, 4);
		return sizeof(*in);
	}
	if (e->addr.family == AF_INET6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(e->port);
		in6->sin6_scope_id = e->scope_id;
		memcpy(&in6->sin6_addr, e->addr.b, 16);
		return sizeof(*in6);
	}
	ss->ss_family = AF_UNSPEC;
	return sizeof(ss->ss_family);
}

/* IPv6: a mapped address becomes IPv4; the scope is kept only where it means something. */
static void from_in6(const struct sockaddr_in6 *in6, struct endpoint *ep)
{
	const uint8_t *b = in6->sin6_addr.s6_addr;

	if (!memcmp(b, mapped_prefix, sizeof(mapped_prefix))) {
		ep->addr = addr_from_v4(b + 12);
		return;
	}
	ep->addr = addr_from_v6(b);
	if (is_link_local(&ep->addr))
		ep->scope_id = in6->sin6_scope_id;
}

enum err endpoint_from_sockaddr(const struct sockaddr_storage *ss, socklen_t len,
				struct endpoint *out)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	struct endpoint ep = { 0 };

	if (len < sizeof(ss->ss_family))
		return ERR_INVALID;
	if (ss->ss_family == AF_INET && len >= sizeof(*in)) {
		ep.addr = addr_from_v4(&in->sin_addr);
		ep.port = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6 && len >= sizeof(*in6)) {
		from_in6(in6, &ep);
		ep.port = ntohs(in6->sin6_port);
	} else {
		return ERR_INVALID;
	}
	*out = ep;
	return ERR_OK;
}
