/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the TUN device may hand over, and worse. The input:
 *
 *   0     flags: 1 the receiver takes partial checksums, 2 make lengths and checksums right first
 *   1-2   bytes of payload to be added behind the packet (big endian)
 *   3-12  the vnet header
 *   13-   the packet
 *
 * What is accepted comes out in pieces that lie within the packet and hold its whole payload; where
 * it was right before, the pieces are those of a naive cutter.
 */
#include "shared/tunnel/segment.h"
#include "tests/lib/inner_packets.h"

#define HEAD 13u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Right lengths and sums, for a packet that is long enough to have them. */
static bool repair(uint8_t *p, size_t len)
{
	size_t l4;

	if (len < 60 || (p[0] >> 4 != 4 && p[0] >> 4 != 6) || len > 65535)
		return false;
	l4 = l4_at(p);
	if (l4 < 20 || l4 + 20 > len ||
	    (proto_of(p) != IPPROTO_TCP && proto_of(p) != IPPROTO_UDP) || payload_at(p) < l4 + 8 ||
	    payload_at(p) > len)
		return false;
	set_lengths(p, len);
	set_ip_csum(p);
	set_l4_csum(p, len, true);
	return true;
}

static void check_piece(const struct packets *want, unsigned i, uint8_t *p, size_t n, bool partial)
{
	BUG_ON(i >= want->n || n != want->at[i].len);
	if (partial)
		set_l4_csum(p, n, false);
	BUG_ON(memcmp(p, want->at[i].data, n) != 0);
}

static void cut(uint8_t *packet, const struct inner *in, const struct vnet *v, bool partial,
		const struct packets *want)
{
	struct segmenter s;
	uint8_t *p;
	size_t n, sum = 0;
	bool is_partial;
	unsigned i = 0;

	if (segment_begin(&s, packet, in, v, partial))
		return;
	for (; segment_next(&s, &p, &n, &is_partial); i++) {
		BUG_ON(p < packet || p + n > packet + in->total_len || (is_partial && !partial));
		sum += n - (v->gso ? s.header_len : 0);
		if (want->n)
			check_piece(want, i, p, n, is_partial);
	}
	BUG_ON(sum != in->total_len - (v->gso ? s.header_len : 0));
	BUG_ON(want->n && i != want->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packets want = { 0 };
	struct inner in;
	struct vnet v;
	size_t len;
	uint8_t *packet;
	bool right;

	if (size < HEAD)
		return 0;
	len = size - HEAD + (data[1] % 16u << 8 | data[2]) * (data[1] & 0x80 ? 16u : 1u);
	packet = calloc(1, len ? len : 1);
	if (!packet)
		return 0;
	memcpy(packet, data + HEAD, size - HEAD);
	right = (data[0] & 2) && repair(packet, len);
	if (inner_decode(packet, len, false, &in) || vnet_decode(data + 3, packet, &in, &v))
		goto out;
	/* The naive cutter knows neither extension headers nor a checksum that stands elsewhere. */
	if (right && v.gso && v.csum_start == l4_at(packet))
		naive_cut(packet, len, v.gso_size, &want);
	cut(packet, &in, &v, data[0] & 1, &want);
out:
	packets_clear(&want);
	free(packet);
	return 0;
}
