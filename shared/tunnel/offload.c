/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/offload.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define TCP_HEADER_BYTES 20u
#define UDP_HEADER_BYTES 8u

/* Two 64-bit lanes, which every CPU that we run on adds in one step. */
typedef uint64_t lanes __attribute__((vector_size(16)));

/*
 * 2^16 = 1 modulo 2^16 - 1, so words of any multiple of 16 bits may be added, if only each carry
 * comes back. Here the halves of 64-bit words are added up apart: each sum has 32 bits of room, so
 * no carry is lost before 2^32 words, and no step waits for the carry of the one before.
 */
uint64_t offload_sum(const void *data, size_t n, uint64_t sum)
{
	const uint8_t *p = data;
	lanes low[2] = { { 0 } }, high[2] = { { 0 } };
	uint16_t last = 0;

	for (; n >= 32; n -= 32, p += 32) {
		lanes v[2];

		memcpy(v, p, sizeof(v));
		low[0] += v[0] & 0xffffffffu;
		high[0] += v[0] >> 32;
		low[1] += v[1] & 0xffffffffu;
		high[1] += v[1] >> 32;
	}
	low[0] += low[1] + high[0] + high[1];
	sum = (sum & 0xffffffffu) + (sum >> 32) + low[0][0] + low[0][1];
	for (; n >= 4; n -= 4, p += 4) {
		uint32_t v;

		memcpy(&v, p, sizeof(v));
		sum += v;
	}
	if (n >= 2)
		sum += offload_get_csum(p);
	if (n & 1) {
		memcpy(&last, p + n - 1, 1);
		sum += last;
	}
	return sum;
}

uint64_t offload_pseudo_sum(const uint8_t *packet, bool v4, uint8_t protocol, size_t l4_len)
{
	uint64_t sum = (uint64_t)htonl((uint32_t)l4_len) + htons(protocol);

	return v4 ? offload_sum(packet + 12, 8, sum) : offload_sum(packet + 8, 32, sum);
}

/* The place of the checksum in a TCP or UDP packet; 0 when it is another one, or too short. */
static size_t csum_at(const struct inner *in)
{
	size_t left = in->total_len - in->header_len;

	if ((in->kind != INNER_IPV4 && in->kind != INNER_IPV6) || in->fragment)
		return 0;
	if (in->protocol == IPPROTO_TCP && left >= TCP_HEADER_BYTES)
		return in->header_len + VNET_CSUM_OFFSET_TCP;
	if (in->protocol == IPPROTO_UDP && left >= UDP_HEADER_BYTES)
		return in->header_len + VNET_CSUM_OFFSET_UDP;
	return 0;
}

void offload_complete_at(uint8_t *l4, size_t n, size_t at)
{
	uint16_t csum = (uint16_t)~offload_fold(offload_sum(l4, n, 0));

	offload_put_csum(l4 + at, csum ? csum : 0xffff);
}

enum err offload_complete_csum(uint8_t *packet, const struct inner *in)
{
	size_t at = csum_at(in);

	if (!at)
		return ERR_INVALID;
	offload_complete_at(packet + in->header_len, in->total_len - in->header_len,
			    at - in->header_len);
	return ERR_OK;
}

bool offload_csum_is_right(const uint8_t *packet, const struct inner *in)
{
	size_t at = csum_at(in);
	size_t len = in->total_len - in->header_len;
	const uint8_t *l4 = packet + in->header_len;
	bool v4 = in->kind == INNER_IPV4;

	if (!at)
		return false;
	if (in->protocol == IPPROTO_UDP) {
		size_t udp_len = offload_get16(l4 + 4);

		if (udp_len < UDP_HEADER_BYTES || udp_len > len)
			return false;
		if (offload_get_csum(packet + at) == 0)
			return v4;
		len = udp_len;
	}
	return offload_fold(offload_sum(
		       l4, len, offload_pseudo_sum(packet, v4, in->protocol, len))) == 0xffff;
}
