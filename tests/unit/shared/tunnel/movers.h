/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * Movers beside the engines of engines.h. A mover has a UDP port of its own here, so that a test
 * says which worker a datagram comes to: behind a wire nobody sees the difference.
 */
#include "engines.h"

#include "shared/tunnel/mover.h"
#include "shared/tunnel/movers.h"

struct mover_box {
	struct box n; /* tun, udp, t and w are the mover's; id is the engine's */
	struct worker_role_ops ops;
	struct box *engine;
	struct channel *at_engine;
	bool stopped; /* it would end its process */
};

static inline void mover_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
				 int fd)
{
	struct mover_box *m = arg;

	(void)ch;
	m->ops.message(&m->n.w, WORKER_ENGINE, type, body, fd);
}

static inline void mover_closed(struct channel *ch, void *arg)
{
	struct mover_box *m = arg;

	(void)ch;
	m->n.w.siblings[WORKER_ENGINE] = NULL;
	m->ops.sibling_down(&m->n.w, WORKER_ENGINE);
	m->stopped = true;
}

static const struct channel_events mover_events = { .message = mover_message,
						    .closed = mover_closed };

static inline void from_mover(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
			      int fd)
{
	struct mover_box *m = arg;

	(void)ch;
	engine_role_ops.message(&m->engine->w, WORKER_MOVER1, type, body, fd);
}

static inline void mover_lost(struct channel *ch, void *arg)
{
	struct mover_box *m = arg;

	(void)ch;
	m->at_engine = NULL;
	m->engine->w.siblings[WORKER_MOVER1] = NULL;
	engine_role_ops.sibling_down(&m->engine->w, WORKER_MOVER1);
}

static const struct channel_events from_mover_events = { .message = from_mover,
							 .closed = mover_lost };

/* A mover for an engine that was made with the_workers = 2; as the monitor would start it. */
static inline void mover_open(struct mover_box *m, struct box *engine)
{
	const struct mover_params params = { .crypto = AEAD_AUTO, .offload = true, .workers = 2 };
	struct worker_role_ops all[WORKERS_MAX - 1];
	int pair[2], link[2];

	memset(m, 0, sizeof(*m));
	mover_roles(NULL, all);
	m->ops = all[0];
	m->engine = engine;
	m->n.id = engine->id;
	assert_int_equal(mover_load(&params, &m->n.w.state), ERR_OK);
	m->n.t = m->n.w.state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			 0);
	m->n.tun = pair[1];
	m->n.w.role = WORKER_MOVER1;
	m->n.w.loop = the_loop;
	m->n.w.ops = &m->ops;
	m->n.w.fds.tun = pair[0];
	m->n.w.fds.tun_bulk = -1;
	m->n.w.fds.udp[0] = udp_socket(&m->n.udp);
	m->n.w.fds.n_udp = 1;
	assert_int_equal(m->ops.start(&m->n.w), ERR_OK);
	assert_int_equal(channel_pair(link), ERR_OK);
	assert_int_equal(
		channel_new(the_loop, link[0], &mover_events, m, &m->n.w.siblings[WORKER_ENGINE]),
		ERR_OK);
	assert_int_equal(channel_new(the_loop, link[1], &from_mover_events, m, &m->at_engine),
			 ERR_OK);
	engine->w.siblings[WORKER_MOVER1] = m->at_engine;
	m->ops.sibling_up(&m->n.w, WORKER_ENGINE);
	engine_role_ops.sibling_up(&engine->w, WORKER_MOVER1);
}

/* Its process is gone, all of a sudden; the engine sees the end of its channel. */
static inline void mover_kill(struct mover_box *m)
{
	channel_free(m->n.w.siblings[WORKER_ENGINE]);
	m->n.w.siblings[WORKER_ENGINE] = NULL;
	m->ops.fini(&m->n.w);
	close(m->n.w.fds.udp[0]);
	close(m->n.w.fds.tun);
	close(m->n.tun);
}

/* The end of a test: the engine must be gone first or not care. */
static inline void mover_close(struct mover_box *m)
{
	if (m->at_engine) {
		channel_free(m->at_engine);
		m->engine->w.siblings[WORKER_MOVER1] = NULL;
	}
	if (m->n.w.state)
		mover_kill(m);
}
