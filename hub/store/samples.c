/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/store/samples.h"

static void put_varint(struct cursor *c, uint64_t v)
{
	while (v >= 0x80) {
		cursor_put_u8(c, (uint8_t)(v | 0x80));
		v >>= 7;
	}
	cursor_put_u8(c, (uint8_t)v);
}

/* At most `max`; one that is longer than it needs to be is none. */
static uint64_t get_varint(struct cursor *c, uint64_t max)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = cursor_get_u8(c);

		if (c->err || (shift == 63 && b > 1) || (shift && !b))
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80) && v <= max)
			return v;
		if (!(b & 0x80))
			break;
	}
	cursor_fail(c, ERR_CORRUPT);
	return 0;
}

void samples_encode_one(const struct store_sample *x, struct cursor *c)
{
	cursor_put_u8(c, (uint8_t)(x->node_id % SAMPLES_BLOCK_NODES));
	cursor_put_u8(c, x->path);
	put_varint(c, x->up_s);
	put_varint(c, x->rx_bytes & INT64_MAX);
	put_varint(c, x->tx_bytes & INT64_MAX);
	put_varint(c, x->rx_packets & INT64_MAX);
	put_varint(c, x->tx_packets & INT64_MAX);
	put_varint(c, x->spokes_rx_bytes & INT64_MAX);
	put_varint(c, x->spokes_tx_bytes & INT64_MAX);
	put_varint(c, x->rtt_us);
	put_varint(c, x->loss_known ? x->loss_permille + 1u : 0u);
	put_varint(c, x->nodes_up);
}

void samples_decode_one(struct cursor *c, uint32_t block, struct store_sample *out)
{
	struct store_sample x = { 0 };
	uint64_t loss;
	uint8_t index = cursor_get_u8(c);

	if (index >= SAMPLES_BLOCK_NODES)
		cursor_fail(c, ERR_CORRUPT);
	x.node_id = block * SAMPLES_BLOCK_NODES + index;
	x.path = cursor_get_u8(c);
	x.up_s = (uint32_t)get_varint(c, UINT32_MAX);
	x.rx_bytes = get_varint(c, INT64_MAX);
	x.tx_bytes = get_varint(c, INT64_MAX);
	x.rx_packets = get_varint(c, INT64_MAX);
	x.tx_packets = get_varint(c, INT64_MAX);
	x.spokes_rx_bytes = get_varint(c, INT64_MAX);
	x.spokes_tx_bytes = get_varint(c, INT64_MAX);
	x.rtt_us = (uint32_t)get_varint(c, UINT32_MAX);
	loss = get_varint(c, 1001);
	x.nodes_up = (uint32_t)get_varint(c, UINT32_MAX);
	x.loss_known = loss > 0;
	x.loss_permille = loss ? (uint16_t)(loss - 1) : 0;
	if (!c->err)
		*out = x;
}
