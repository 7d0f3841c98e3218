/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/report.h"

#include <stdio.h>

#include "shared/ipc/channel.h"
#include "shared/noise/aead.h"
#include "shared/tunnel/movers.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/pmtu.h"

/* Large enough for every message below; the largest, STATUS_END, is about 200 bytes. */
#define REPORT_MAX_BYTES 512u

/* Sends what `c` holds. A control that does not read closes its channel by itself (see channel.h).
 */
static void send_message(struct tunnel *t, enum engine_msg type, const struct cursor *c)
{
	enum err e;

	if (!t->control)
		return;
	BUG_ON(c->err);
	e = channel_send(t->control, (uint16_t)type, c->out, c->pos, -1);
	(void)e;
}

void report_ready(struct tunnel *t)
{
	struct cursor c;
	uint8_t nothing[1] = { 0 };

	cursor_init_write(&c, nothing, sizeof(nothing));
	send_message(t, ENGINE_READY, &c);
}

void report_keys(struct tunnel *t, enum err result)
{
	const struct own_keys *o = &t->own_keys;
	struct engine_keys m = { .result = result };
	uint8_t mem[REPORT_MAX_BYTES];
	struct cursor c;

	for (unsigned i = 0; i < ARRAY_LEN(o->key) && o->key[i]; i++)
		if (!i || !o->unkept)
			m.key[m.n++] = *own_key_public(o->key[i]);
	cursor_init_write(&c, mem, sizeof(mem));
	engine_keys_encode(&m, &c);
	send_message(t, ENGINE_KEYS, &c);
}

void report_applied(struct tunnel *t, uint64_t revision)
{
	struct engine_revision m = { .revision = revision };
	uint8_t mem[REPORT_MAX_BYTES];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_revision_encode(&m, &c);
	send_message(t, ENGINE_APPLIED, &c);
}

void report_nat(struct tunnel *t, const struct engine_nat *m)
{
	uint8_t mem[REPORT_MAX_BYTES];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_nat_encode(m, &c);
	send_message(t, ENGINE_NAT, &c);
}

void report_hub_silent(struct tunnel *t)
{
	struct engine_hub_silent m = { .silent = t->hub_silent };
	uint8_t mem[REPORT_MAX_BYTES];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_hub_silent_encode(&m, &c);
	send_message(t, ENGINE_HUB_SILENT, &c);
}

void report_locate(struct peer *p)
{
	struct engine_node_id m = { .id = p->id };
	uint8_t mem[REPORT_MAX_BYTES];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_node_id_encode(&m, &c);
	send_message(p->tunnel, ENGINE_LOCATE, &c);
}

/* The outer address that the peer's packets go to: its own, or the hub's. */
static struct endpoint outer_endpoint(const struct peer *p)
{
	const struct way way = path_way(p);

	return path_outer(p, &way);
}

void report_path(struct peer *p)
{
	struct engine_path m = {
		.id = p->id,
		.path = p->path.kind,
		.reason = p->path.reason,
		.endpoint = outer_endpoint(p),
	};
	uint8_t mem[REPORT_MAX_BYTES];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_path_encode(&m, &c);
	send_message(p->tunnel, ENGINE_PATH, &c);
}

void report_forgotten(struct tunnel *t, uint32_t tag, uint32_t n)
{
	struct engine_forgotten m = { .tag = tag, .n = n };
	uint8_t mem[REPORT_MAX_BYTES];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_forgotten_encode(&m, &c);
	send_message(t, ENGINE_FORGOTTEN, &c);
}

void report_pong(struct tunnel *t, const struct engine_pong *m)
{
	uint8_t mem[REPORT_MAX_BYTES];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_pong_encode(m, &c);
	send_message(t, ENGINE_PONG, &c);
}

static void report_peer(const struct peer *p, uint32_t tag)
{
	struct engine_status m = {
		.tag = tag,
		.id = p->id,
		.path = p->path.kind,
		.reason = p->path.reason,
		.endpoint = outer_endpoint(p),
		.handshake_wall_ms = p->session.handshake_wall_ms,
		.rx_bytes = p->counters.rx_bytes,
		.tx_bytes = p->counters.tx_bytes,
		.rx_packets = p->counters.rx_packets,
		.tx_packets = p->counters.tx_packets,
		.rtt_us = p->path.rtt_us,
		.since_wall_ms = p->path.since_wall_ms,
		.loss_permille = loss_permille(&p->path.loss),
		.pmtu = pmtu_known(p),
		.cipher = (uint8_t)p->cipher,
		.compress_before = p->compress.before_bytes,
		.compress_after = p->compress.after_bytes,
		.own_key = p->session.current ? p->session.current->own_key : 0,
	};
	uint8_t mem[REPORT_MAX_BYTES];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_status_encode(&m, &c);
	send_message(p->tunnel, ENGINE_STATUS, &c);
}

/* What the kernel does for us, as it was found at the start. */
static uint8_t offloads(const struct tunnel *t)
{
	struct tun_offloads tun = tun_offloads(t->tun);
	struct udp_offloads udp = udp_offloads(t->udp);
	unsigned bits = 0;

	bits |= tun.vnet ? ENGINE_OFFLOAD_TUN_VNET : 0;
	bits |= tun.tso ? ENGINE_OFFLOAD_TUN_TSO : 0;
	bits |= tun.uso ? ENGINE_OFFLOAD_TUN_USO : 0;
	bits |= udp.segment ? ENGINE_OFFLOAD_UDP_SEGMENT : 0;
	bits |= udp.gro ? ENGINE_OFFLOAD_UDP_GRO : 0;
	return (uint8_t)bits;
}

void report_status(struct tunnel *t, uint32_t tag)
{
	const struct udp_counters *udp = udp_counters(t->udp);
	const struct compress_counters *z = compress_counters(t->compressor);
	struct engine_status_end m = {
		.tag = tag,
		.handshakes = t->handshakes,
		.relayed_packets = t->relayed_packets,
		.relayed_bytes = t->relayed_bytes,
		.offloads = offloads(t),
		.compress_tried = z->tried,
		.compress_packed = z->compressed,
		.compress_before = z->before_bytes,
		.compress_after = z->after_bytes,
		.compress_timed = z->timed,
		.compress_timed_ns = z->timed_ns,
	};
	uint8_t mem[REPORT_MAX_BYTES];
	struct backlog_look socket;
	struct cursor c;

	udp_backlog(t->udp, &socket);
	m.socket_bytes = socket.queued;
	for (struct table_node *n = table_next(&t->by_id, NULL); n; n = table_next(&t->by_id, n)) {
		const struct peer *p = container_of(n, struct peer, by_id);

		report_peer(p, tag);
		m.n_peers++;
		m.n_sessions += p->session.current != NULL;
		m.pending_packets += p->session.pending.n;
		if (p->session.pending.n > m.pending_packets_max)
			m.pending_packets_max = p->session.pending.n;
	}
	movers_add_status(t, &m);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		m.drops[i] = t->drops[i];
	snprintf(
		m.crypto, sizeof(m.crypto), "%s",
		t->primitives.aead[t->self.aes ? CIPHER_AES256GCM : CIPHER_CHACHA20POLY1305]->name);
	m.drops[DROP_SEND] += udp->send_failed + tun_counters(t->tun)->write_failed;
	m.drops[DROP_TOO_BIG] += udp->too_big;
	m.drops[DROP_MALFORMED] += udp->truncated;
	m.drops[DROP_SOCKET] += udp->lost;
	cursor_init_write(&c, mem, sizeof(mem));
	engine_status_end_encode(&m, &c);
	send_message(t, ENGINE_STATUS_END, &c);
}
