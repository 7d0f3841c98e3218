/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/compress.h"

#include <string.h>

#include <lzo/lzoconf.h>

#include "shared/tunnel/method.h"
#include "shared/tunnel/worth.h"
#include "shared/wire/inner.h"

/* Unpacked packets of one burst: 170 of the default MTU, 28 of the largest. */
#define ARENA_BYTES (256u << 10)

/* The cost of a packet of a level moves by 1 / 4 of the difference, and is not taken in by a single
 * measurement: a page fault, an interrupt, a host that gave our CPU to others. */
#define COST_WEIGHT 4u
#define COST_JUMP   4u

struct compressor {
	compress_clock clock;
	struct {
		uint64_t updated_ms;
		uint64_t left_ns;
		uint64_t cost_ns[NODE_COMPRESSION_MAX + 1]; /* of one packet, 0 not known */
	} time;
	struct methods methods;
	struct compress_counters counters;
	uint8_t *arena; /* NULL until the first packet to be unpacked */
	size_t arena_used;
	struct worth worth;
	uint8_t scratch[METHOD_WORST_BYTES(TUN_MTU_MAX)];
};

enum err compress_new(compress_clock clock, struct compressor **out)
{
	struct compressor *c;

	if (lzo_init() != LZO_E_OK)
		return ERR_UNSUPPORTED;
	c = calloc(1, sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	c->clock = clock;
	c->time.left_ns = COMPRESS_BURST_US * 1000u;
	worth_init(&c->worth);
	*out = c;
	return ERR_OK;
}

void compress_free(struct compressor *c)
{
	if (!c)
		return;
	method_fini(&c->methods);
	free(c->arena);
	free(c);
}

static bool is_ip(const uint8_t *p) { return p[0] >> 4 == 4 || p[0] >> 4 == 6; }

/* Is there time for a packet of that level? What is left grows with the clock of the round. */
static bool has_time(struct compressor *c, unsigned level, uint64_t now_ms)
{
	const uint64_t full = COMPRESS_BURST_US * 1000u;
	const uint64_t gain_per_ms = 1000000u / 100u * COMPRESS_TIME_PERCENT;

	if (now_ms > c->time.updated_ms) {
		const uint64_t missing = full - c->time.left_ns;
		const uint64_t passed_ms = now_ms - c->time.updated_ms;

		c->time.left_ns +=
			passed_ms > missing / gain_per_ms ? missing : passed_ms * gain_per_ms;
		c->time.updated_ms = now_ms;
	}
	/* A packet that needs more than all of it gets its turn when the rest is untouched. */
	return c->time.left_ns >= c->time.cost_ns[level] || c->time.left_ns == full;
}

/* A measurement of the cost of a level. */
static void learn_cost(struct compressor *c, unsigned level, uint64_t ns)
{
	uint64_t *cost = &c->time.cost_ns[level];

	c->counters.timed++;
	c->counters.timed_ns += ns;
	if (*cost == 0) {
		*cost = ns;
		return;
	}
	if (ns > *cost * COST_JUMP)
		ns = *cost * COST_JUMP;
	*cost = (*cost * (COST_WEIGHT - 1) + ns) / COST_WEIGHT;
}

/* Into the scratch memory. The clock is read now and then, the time charged for every packet. */
static enum err pack_timed(struct compressor *c, unsigned level, const uint8_t *packet, size_t len,
			   size_t max, size_t *packed_len)
{
	const uint64_t *cost = &c->time.cost_ns[level];
	/* Each one, while so few fit that the next in COMPRESS_TIMED is far off. */
	const bool timed = c->counters.tried++ % COMPRESS_TIMED == 0 || *cost == 0 ||
			   *cost > COMPRESS_BURST_US * 1000u / COMPRESS_TIMED;
	const uint64_t began_ns = timed ? c->clock() : 0;
	enum err e = method_pack(&c->methods, level, packet, len, c->scratch, max, packed_len);

	if (timed)
		learn_cost(c, level, c->clock() - began_ns);
	c->time.left_ns -= *cost < c->time.left_ns ? *cost : c->time.left_ns;
	return e;
}

/* False when nothing was gained; the flow learns from it either way. */
static bool try_packet(struct compressor *c, struct worth_flow *f, unsigned level, uint8_t *packet,
		       size_t *len, uint64_t now_ms)
{
	const size_t before = *len;
	/* One byte must be saved. */
	const size_t max = before - EXTENSION_COMPRESSED_HEADER_BYTES - 1;
	size_t packed_len;
	enum err e = pack_timed(c, level, packet, before, max, &packed_len);

	if (e) {
		/* A lack of memory says nothing about the flow. */
		if (e == ERR_TOOBIG)
			worth_note(f, before, before, now_ms);
		return false;
	}
	inner_encode_compressed(method_of_level(level), before, packet);
	memcpy(packet + EXTENSION_COMPRESSED_HEADER_BYTES, c->scratch, packed_len);
	*len = EXTENSION_COMPRESSED_HEADER_BYTES + packed_len;
	worth_note(f, before, *len, now_ms);
	c->counters.compressed++;
	return true;
}

/* Asks what costs least first. */
static bool pack(struct compressor *c, unsigned level, uint8_t *packet, size_t *len,
		 uint64_t now_ms)
{
	struct worth_flow *f;

	if (*len < COMPRESS_MIN_BYTES || *len > TUN_MTU_MAX || !is_ip(packet)) {
		c->counters.small++;
		return false;
	}
	f = worth_find_flow(&c->worth, packet, now_ms);
	if (!worth_may_try(f, now_ms)) {
		c->counters.paused++;
		return false;
	}
	if (worth_looks_random(packet, *len)) {
		c->counters.random++;
		worth_note(f, *len, *len, now_ms);
		return false;
	}
	if (!has_time(c, level, now_ms)) {
		c->counters.busy++;
		return false;
	}
	return try_packet(c, f, level, packet, len, now_ms);
}

bool compress_pack(struct compressor *c, struct compress_tally *tally, unsigned level,
		   uint8_t *packet, size_t *len, uint64_t now_ms)
{
	const size_t before = *len;
	const bool packed = pack(c, level, packet, len, now_ms);

	c->counters.packets++;
	c->counters.before_bytes += before;
	c->counters.after_bytes += *len;
	if (tally) {
		tally->before_bytes += before;
		tally->after_bytes += *len;
	}
	return packed;
}

/* The next piece of the arena, as a packet of `len` bytes. Taken for good by arena_used. */
static enum err arena_packet(struct compressor *c, size_t len, struct pkt *out)
{
	const size_t size = PACKET_HEADROOM_BYTES + len + PACKET_TAILROOM_BYTES;

	if (!c->arena)
		c->arena = malloc(ARENA_BYTES);
	if (!c->arena)
		return ERR_NOMEM;
	if (size > ARENA_BYTES - c->arena_used)
		return ERR_LIMIT;
	pkt_init(out, c->arena + c->arena_used, size, PACKET_HEADROOM_BYTES);
	pkt_put(out, len);
	return ERR_OK;
}

/* Everything of compress_unpack() but the counting. */
static enum err unpack(struct compressor *c, const uint8_t *p, size_t n, struct pkt *out)
{
	struct inner_compressed m;
	enum err e = inner_decode_compressed(p, n, &m);

	if (e)
		return e;
	e = arena_packet(c, m.original_len, out);
	if (e)
		return e;
	e = method_unpack(&c->methods, m.method, m.data, m.data_len, out->data, out->len);
	if (e)
		return e;
	if (!is_ip(out->data))
		return ERR_INVALID;
	/* Packets begin at multiples of 16, as the first one does. */
	c->arena_used += (out->cap + 15u) & ~(size_t)15u;
	if (c->arena_used > ARENA_BYTES)
		c->arena_used = ARENA_BYTES;
	return ERR_OK;
}

enum err compress_unpack(struct compressor *c, const uint8_t *p, size_t n, struct pkt *out)
{
	struct pkt plain;
	enum err e = unpack(c, p, n, &plain);

	if (!e) {
		c->counters.unpacked++;
		c->counters.unpacked_bytes += plain.len;
		c->counters.packed_bytes += n;
		*out = plain;
	} else if (e != ERR_LIMIT) {
		c->counters.unpack_failed++;
	}
	return e;
}

void compress_release(struct compressor *c) { c->arena_used = 0; }

const struct compress_counters *compress_counters(const struct compressor *c)
{
	return &c->counters;
}
