/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/ecn.h"

#include "shared/tunnel/offload.h"

#define DROP 4

bool ecn_combine(enum ecn inner, enum ecn outer, enum ecn *out)
{
	/* Rows: the inner field; columns: the outer one; both Not-ECT, ECT(1), ECT(0), CE. */
	static const uint8_t table[4][4] = {
		[ECN_NOT_ECT] = { ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, DROP },
		[ECN_ECT1] = { ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE },
		[ECN_ECT0] = { ECN_ECT0, ECN_ECT1, ECN_ECT0, ECN_CE },
		[ECN_CE] = { ECN_CE, ECN_CE, ECN_CE, ECN_CE },
	};
	const uint8_t found = table[inner & ECN_MASK][outer & ECN_MASK];

	if (found == DROP)
		return false;
	*out = (enum ecn)found;
	return true;
}

/* RFC 1624, equation 3. */
static void set_ipv4_tos(uint8_t *p, uint8_t tos)
{
	uint32_t sum = (uint16_t)~offload_get16(p + 10);

	sum += (uint16_t)~offload_get16(p);
	p[1] = tos;
	sum += offload_get16(p);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	offload_put16(p + 10, (uint16_t)~sum);
}

bool ecn_decapsulate(uint8_t *packet, uint8_t outer)
{
	const uint8_t tos = ecn_tos(packet);
	enum ecn now;

	if (!ecn_combine(tos & ECN_MASK, outer & ECN_MASK, &now))
		return false;
	if (now == (enum ecn)(tos & ECN_MASK))
		return true;
	if (packet[0] >> 4 == 4)
		set_ipv4_tos(packet, (uint8_t)((tos & ~ECN_MASK) | now));
	else
		packet[1] = (uint8_t)((packet[1] & 0xcf) | now << 4);
	return true;
}
