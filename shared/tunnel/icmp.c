/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/icmp.h"

#include <netinet/in.h>
#include <string.h>

#define IPV4_HEADER_BYTES    20u
#define IPV6_HEADER_BYTES    40u
#define ICMP_HEADER_BYTES    8u
#define IPV4_ERROR_MAX_BYTES 576u
#define ERROR_TTL            64u

/* Type and code of each error: ICMP (RFC 792, RFC 1122) and ICMPv6 (RFC 4443). */
static const struct {
	uint8_t type4, code4, type6, code6;
} codes[] = {
	[ICMP_NO_ROUTE] = { 3, 0, 1, 0 },       [ICMP_HOST_UNREACHABLE] = { 3, 1, 1, 3 },
	[ICMP_PROHIBITED] = { 3, 13, 1, 1 },    [ICMP_TIME_EXCEEDED] = { 11, 0, 3, 0 },
	[ICMP_PACKET_TOO_BIG] = { 3, 4, 2, 0 },
};

uint32_t icmp_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (n & 1)
		sum += (uint32_t)(p[n - 1] << 8);
	return sum;
}

uint16_t icmp_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v & 0xffff);
}

/* ICMP errors are never answered by errors (RFC 1122 section 3.2.2); queries may be. */
static bool is_icmp_error(const struct inner *in, const uint8_t *original)
{
	const uint8_t *payload = original + in->header_len;

	if (in->kind == INNER_IPV4 && in->protocol == IPPROTO_ICMP)
		return in->total_len <= in->header_len || !(payload[0] == 0 || payload[0] == 8 ||
							    payload[0] == 13 || payload[0] == 14);
	if (in->kind == INNER_IPV6 && in->protocol == IPPROTO_ICMPV6)
		return in->total_len <= in->header_len || payload[0] < 128;
	return false;
}

static bool may_answer(const struct inner *in, const uint8_t *original, const struct addr *source)
{
	bool later_fragment = in->kind == INNER_IPV4 && ((original[6] & 0x1f) || original[7]);

	return source->family == in->src.family && !later_fragment && !addr_is_special(&in->src) &&
	       !addr_is_special(&in->dst) && !is_icmp_error(in, original);
}

static void build_ipv4(uint8_t *p, size_t len, const struct addr *source, const struct inner *in)
{
	memset(p, 0, IPV4_HEADER_BYTES);
	p[0] = 0x45;
	p[1] = 0xc0; /* precedence internetwork control, RFC 1812 section 4.3.2.5 */
	put_be16(p + 2, (uint32_t)len);
	p[8] = ERROR_TTL;
	p[9] = IPPROTO_ICMP;
	memcpy(p + 12, source->b, 4);
	memcpy(p + 16, in->src.b, 4);
	put_be16(p + 10, icmp_fold(icmp_sum(p, IPV4_HEADER_BYTES, 0)));
}

static void build_ipv6(uint8_t *p, size_t len, const struct addr *source, const struct inner *in)
{
	memset(p, 0, IPV6_HEADER_BYTES);
	p[0] = 0x60;
	put_be16(p + 4, (uint32_t)(len - IPV6_HEADER_BYTES));
	p[6] = IPPROTO_ICMPV6;
	p[7] = ERROR_TTL;
	memcpy(p + 8, source->b, 16);
	memcpy(p + 24, in->src.b, 16);
}

bool icmp_build(enum icmp_error kind, const struct inner *in, const uint8_t *original,
		const struct addr *source, uint16_t mtu, struct pkt *out)
{
	const bool v4 = in->kind == INNER_IPV4;
	const size_t ip_len = v4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
	const size_t max = v4 ? IPV4_ERROR_MAX_BYTES : ICMP_PACKET_MAX_BYTES;
	size_t quoted = in->total_len;
	uint32_t sum = 0;
	uint8_t *p, *icmp;
	size_t len;

	if (!may_answer(in, original, source))
		return false;
	if (quoted > max - ip_len - ICMP_HEADER_BYTES)
		quoted = max - ip_len - ICMP_HEADER_BYTES;
	len = ip_len + ICMP_HEADER_BYTES + quoted;
	p = pkt_put(out, len);
	icmp = p + ip_len;
	memset(icmp, 0, ICMP_HEADER_BYTES);
	icmp[0] = v4 ? codes[kind].type4 : codes[kind].type6;
	icmp[1] = v4 ? codes[kind].code4 : codes[kind].code6;
	if (kind == ICMP_PACKET_TOO_BIG)
		put_be32(icmp + 4, mtu);
	memcpy(icmp + ICMP_HEADER_BYTES, original, quoted);
	if (v4) {
		build_ipv4(p, len, source, in);
	} else {
		build_ipv6(p, len, source, in);
		/* The pseudo-header of RFC 8200 section 8.1. */
		sum = icmp_sum(p + 8, 32, (uint32_t)(len - ip_len) + IPPROTO_ICMPV6);
	}
	put_be16(icmp + 2, icmp_fold(icmp_sum(icmp, len - ip_len, sum)));
	return true;
}
