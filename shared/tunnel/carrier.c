/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/carrier.h"

#include <string.h>

#include "shared/ipc/carrier_msg.h"
#include "shared/ipc/mover_msg.h"
#include "shared/tunnel/mover.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/rx.h"

/* A message of CARRIER_PACKETS being filled: the head, then frames. */
struct filling {
	struct tunnel *t;
	unsigned n;  /* packets */
	size_t used; /* bytes of `mem` */
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
};

static bool hand_over(struct tunnel *t, const void *p, size_t n)
{
	if (t->mover)
		return mover_pass_carried(t, p, n);
	return t->carriers && channel_try_send(t->carriers, CARRIER_PACKETS, p, n) == ERR_OK;
}

static void ship(struct filling *f)
{
	if (f->n && !hand_over(f->t, f->mem, f->used))
		f->t->drops[DROP_QUEUE] += f->n;
	f->n = 0;
	f->used = CARRIER_HEAD_BYTES;
}

static void add(struct filling *f, const uint8_t *p, size_t len)
{
	if (len > CARRY_MESSAGE_MAX_BYTES) {
		tunnel_drop(f->t, DROP_TOO_BIG);
		return;
	}
	if (f->used + CARRY_HEADER_BYTES + len > sizeof(f->mem))
		ship(f);
	carry_put_header(f->mem + f->used, len);
	memcpy(f->mem + f->used + CARRY_HEADER_BYTES, p, len);
	f->used += CARRY_HEADER_BYTES + len;
	f->n++;
}

/* A train of udp.c. */
static void carry(void *arg, const struct endpoint *to, const struct iovec *iov, unsigned n_iov,
		  size_t segment, unsigned n)
{
	struct filling f;

	(void)n;
	f.t = arg;
	f.n = 0;
	f.used = CARRIER_HEAD_BYTES;
	carrier_packets_encode_head(endpoint_carrier(to), f.mem);
	for (unsigned i = 0; i < n_iov; i++) {
		const uint8_t *p = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left) {
			const size_t len = left < segment ? left : segment;

			add(&f, p, len);
			p += len;
			left -= len;
		}
	}
	ship(&f);
}

void carrier_init(struct tunnel *t) { udp_set_carry(t->udp, carry, t); }

void carrier_up(struct tunnel *t, struct channel *control) { t->carriers = control; }

/* Nobody knows any more which of its peers the hub has heard on which carrier: all are forgotten.
 */
void carrier_down(struct tunnel *t)
{
	struct table_node *n = NULL;

	t->carriers = NULL;
	if (endpoint_is_set(&t->carrier))
		path_carrier(t, NULL);
	while (t->self.is_hub && (n = table_next(&t->by_id, n))) {
		struct peer *p = container_of(n, struct peer, by_id);
		const struct endpoint outer = p->path.endpoint;

		if (endpoint_is_carrier(&outer))
			path_forget(p, &outer);
	}
}

void carrier_hub_known(struct tunnel *t)
{
	const struct endpoint now = t->carrier;

	if (endpoint_is_set(&now))
		path_carrier(t, &now);
}

static enum err receive_link(struct tunnel *t, struct cursor *body, bool opened)
{
	struct carrier_link m;
	enum err e = carrier_link_decode(body, &m);
	struct endpoint outer;
	struct peer *p;

	if (e)
		return e;
	outer = endpoint_of_carrier(m.number);
	/* On the hub packets come first: until then nobody is known to be there. */
	if (opened) {
		if (!t->self.is_hub)
			path_carrier(t, &outer);
		return ERR_OK;
	}
	if (endpoint_equal(&outer, &t->carrier)) {
		path_carrier(t, NULL);
		return ERR_OK;
	}
	p = peer_find(t, m.node);
	if (p && t->self.is_hub)
		path_forget(p, &outer);
	return ERR_OK;
}

static enum err receive_packets(struct tunnel *t, struct cursor *body)
{
	struct carrier_packets m;
	enum err e = carrier_packets_decode(body, &m);

	if (!e)
		rx_carried(t, (uint8_t *)(uintptr_t)m.frames, m.len, m.number);
	return e;
}

enum err carrier_receive(struct tunnel *t, uint16_t type, struct cursor *body)
{
	switch (type) {
	case CARRIER_OPENED:
		return receive_link(t, body, true);
	case CARRIER_CLOSED:
		return receive_link(t, body, false);
	case CARRIER_PACKETS:
		return receive_packets(t, body);
	default:
		return ERR_INVALID;
	}
}

enum err carrier_pass(struct tunnel *t, struct cursor *body)
{
	struct carrier_packets m;
	unsigned n;
	enum err e = carrier_packets_decode(body, &m);

	if (e)
		return e;
	/* As it came: the head stands in the same message. */
	if (!hand_over(t, m.frames - CARRIER_HEAD_BYTES, m.len + CARRIER_HEAD_BYTES)) {
		(void)carry_run(m.frames, m.len, m.len, &n);
		t->drops[DROP_QUEUE] += n;
	}
	return ERR_OK;
}
