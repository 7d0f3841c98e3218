/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/mss.h"

#include <netinet/in.h>

#define TCP_HEADER_BYTES 20u
#define TCP_FLAGS        13u
#define TCP_SYN          0x02u
#define OPTION_END       0u
#define OPTION_NOP       1u
#define OPTION_MSS       2u

static uint16_t get_be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Changes a 16-bit word that may stand at an odd place, and the checksum with it (RFC 1624,
 * equation 3). */
static void replace_word(uint8_t *tcp, size_t at, uint16_t value)
{
	uint32_t before = get_be16(tcp + at), after = value, sum;

	if (at & 1) {
		before = (uint16_t)(before << 8 | before >> 8);
		after = (uint16_t)(after << 8 | after >> 8);
	}
	sum = (uint16_t)~get_be16(tcp + 16);
	sum += (uint16_t)~before;
	sum += after;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put_be16(tcp + 16, (uint16_t)~sum);
	put_be16(tcp + at, value);
}

/* Where the value of the MSS option stands in the TCP header of `n` bytes; 0 when there is none. */
static size_t find_mss(const uint8_t *tcp, size_t n)
{
	size_t i = TCP_HEADER_BYTES;

	while (i < n && tcp[i] != OPTION_END) {
		if (tcp[i] == OPTION_NOP) {
			i++;
			continue;
		}
		if (i + 2 > n || tcp[i + 1] < 2 || i + tcp[i + 1] > n)
			return 0;
		if (tcp[i] == OPTION_MSS && tcp[i + 1] == 4)
			return i + 2;
		i += tcp[i + 1];
	}
	return 0;
}

bool mss_clamp(uint8_t *packet, const struct inner *in, uint16_t mtu, bool partial)
{
	uint8_t *tcp = packet + in->header_len;
	size_t left = in->total_len - in->header_len;
	size_t header, at;
	uint16_t most;

	if (in->protocol != IPPROTO_TCP || in->fragment || left < TCP_HEADER_BYTES ||
	    !(tcp[TCP_FLAGS] & TCP_SYN))
		return false;
	header = (size_t)(tcp[12] >> 4) * 4;
	if (header < TCP_HEADER_BYTES || header > left)
		return false;
	at = find_mss(tcp, header);
	most = (uint16_t)(mtu - (in->kind == INNER_IPV4 ? 20 : 40) - (int)TCP_HEADER_BYTES);
	if (!at || get_be16(tcp + at) <= most)
		return false;
	if (partial)
		put_be16(tcp + at, most);
	else
		replace_word(tcp, at, most);
	return true;
}
