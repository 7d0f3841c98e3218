/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/engine.h"

#include <stdlib.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/tunnel/carrier.h"
#include "shared/tunnel/feed.h"
#include "shared/tunnel/movers.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/rx.h"
#include "shared/tunnel/tunnel.h"
#include "shared/tunnel/tx.h"

/* What the key gives, made while the worker still has the right to read it; and the libraries,
 * while it may still open their files. */
enum err engine_load(const struct engine_params *params, void **state)
{
	struct tunnel *t = calloc(1, sizeof(*t));
	enum err e;

	if (!t)
		return ERR_NOMEM;
	e = primitives_init(&t->primitives);
	if (!e)
		e = own_keys_add(t, &params->tunnel_key);
	if (!e && params->has_next_key)
		e = own_keys_add(t, &params->next_key);
	/* A change that was stopped between its last two steps: there is only one key. */
	if (e == ERR_EXISTS)
		e = ERR_OK;
	if (e) {
		own_keys_fini(t);
		primitives_fini(&t->primitives);
		free(t);
		return e;
	}
	t->offload = params->offload;
	aead_select(params->crypto, &t->primitives);
	t->n_workers = (uint8_t)(params->workers ? params->workers : 1);
	*state = t;
	return ERR_OK;
}

static void udp_ready(struct loop_fd *f, uint32_t events)
{
	struct udp_reader *r = container_of(f, struct udp_reader, fd);

	(void)events;
	r->tunnel->now_ms = loop_now_ms(r->tunnel->loop);
	rx_run(r->tunnel, r->socket);
}

static void tun_ready(struct loop_fd *f, uint32_t events)
{
	struct tunnel *t = container_of(f, struct tunnel, tun_reader);

	(void)events;
	t->now_ms = loop_now_ms(t->loop);
	tx_run(t, TUN_FIRST);
}

static void bulk_ready(struct loop_fd *f, uint32_t events)
{
	struct tunnel *t = container_of(f, struct tunnel, bulk_reader);

	(void)events;
	t->now_ms = loop_now_ms(t->loop);
	tx_run(t, TUN_BULK);
}

static enum err add_readers(struct tunnel *t)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < udp_sockets(t->udp) && !e; i++) {
		struct udp_reader *r = &t->readers[i];

		r->tunnel = t;
		r->socket = i;
		e = loop_fd_add(t->loop, &r->fd, udp_fd(t->udp, i), EPOLLIN, udp_ready);
	}
	if (!e && tun_fd(t->tun, TUN_FIRST) >= 0)
		e = loop_fd_add(t->loop, &t->tun_reader, tun_fd(t->tun, TUN_FIRST), EPOLLIN,
				tun_ready);
	if (!e && tun_fd(t->tun, TUN_BULK) >= 0)
		e = loop_fd_add(t->loop, &t->bulk_reader, tun_fd(t->tun, TUN_BULK), EPOLLIN,
				bulk_ready);
	return e;
}

/* A finished packet of the coalescer goes to the kernel. */
static void write_packet(void *arg, const struct iovec *iov, int n)
{
	struct tunnel *t = arg;

	tun_writev(t->tun, iov, n);
}

static void start_stations(struct tunnel *t)
{
	const struct tun_offloads o = tun_offloads(t->tun);

	udp_on_too_big(t->udp, pmtu_too_big, t);
	coalesce_init(&t->coalescer, o.vnet, o.tso, o.uso, write_packet, t);
	log_debug(1, "offloads: tun %s%s%s, udp %s%s", o.vnet ? "vnet" : "plain",
		  o.tso ? " tso" : "", o.uso ? " uso" : "",
		  udp_offloads(t->udp).segment ? "segment" : "plain",
		  udp_offloads(t->udp).gro ? " gro" : "");
}

enum err engine_open(struct worker *w)
{
	struct tunnel *t = w->state;
	enum err e;

	t->loop = w->loop;
	t->now_ms = loop_now_ms(w->loop);
	rate_sources_init(&t->handshake_rate);
	nat_init(t);
	share_init(&t->share);
	hold_init(t);
	list_init(&t->old_keys);
	if ((e = table_init(&t->by_id, TABLE_KEY(struct peer, by_id, id))) ||
	    (e = table_init(&t->by_key, TABLE_KEY(struct peer, by_key, tunnel_key))) ||
	    (e = route_keep_answers(&t->routes)) || (e = index_new(&t->index)) ||
	    (e = pending_pool_new(&t->pending)) || (e = udp_new(&w->fds, t->offload, &t->udp)) ||
	    (e = compress_new(clock_cpu_ns, &t->compressor)) || (e = tun_new(&w->fds, &t->tun)) ||
	    (e = add_readers(t)) || (e = natport_open(t, &w->fds)))
		log_error("the engine cannot start: %s", err_str(e));
	if (e)
		return e;
	carrier_init(t);
	start_stations(t);
	quiet_init(t);
	return ERR_OK;
}

static enum err start(struct worker *w)
{
	struct tunnel *t = w->state;
	enum err e = t->n_workers > 1 ? movers_new(t, &t->movers) : ERR_OK;

	return e ? e : engine_open(w);
}

static void sibling_up(struct worker *w, enum worker_role role)
{
	struct tunnel *t = w->state;

	if (worker_number(role) > 0) {
		t->now_ms = loop_now_ms(t->loop);
		movers_up(t, (unsigned)worker_number(role), w->siblings[role]);
	}
	if (role != WORKER_CONTROL)
		return;
	t->control = w->siblings[role];
	report_ready(t);
	report_keys(t, ERR_OK);
	/* Paths are told when they change. What the one before knew of the hub's is told again: a
	 * carrier may be wanted. */
	if (t->hub && t->hub->path.kind == PATH_DOWN)
		report_path(t->hub);
	if (t->hub_silent)
		report_hub_silent(t);
}

/* Sessions go on; the next control brings a whole sync, and who is not in it goes. */
static void sibling_down(struct worker *w, enum worker_role role)
{
	struct tunnel *t = w->state;

	if (role == WORKER_CONTROL)
		t->control = NULL;
	if (worker_number(role) > 0)
		movers_down(t, (unsigned)worker_number(role));
}

/* The monitor keeps the key, so this is not for feed.c, which knows control only. */
static enum err make_key(struct worker *w, const struct cursor *body)
{
	enum err e = cursor_end(body);

	if (!e)
		own_keys_make(w->state, w->monitor);
	return e;
}

static void message(struct worker *w, enum worker_role from, uint16_t type, struct cursor *body,
		    int fd)
{
	struct tunnel *t = w->state;
	enum err e;

	if (fd >= 0)
		close(fd);
	t->now_ms = loop_now_ms(t->loop);
	if (from == WORKER_CONTROL)
		e = type == ENGINE_KEY_MAKE ? make_key(w, body) : feed_receive(t, type, body);
	else if (from == 0)
		e = type == MONITOR_DONE ? own_keys_kept(t, body) : ERR_INVALID;
	else if (t->movers && worker_number(from) > 0)
		e = movers_receive(t, (unsigned)worker_number(from), type, body);
	else
		return;
	if (e && from == 0)
		channel_bad(w->monitor, type, e);
	else if (e && w->siblings[from])
		channel_bad(w->siblings[from], type, e);
}

static void on_carrier_up(struct worker *w) { carrier_up(w->state, w->carrier); }

static void on_carrier_down(struct worker *w)
{
	struct tunnel *t = w->state;

	t->now_ms = loop_now_ms(t->loop);
	carrier_down(t);
}

static void on_carrier_message(struct worker *w, uint16_t type, struct cursor *body)
{
	struct tunnel *t = w->state;
	enum err e;

	t->now_ms = loop_now_ms(t->loop);
	e = carrier_receive(t, type, body);
	if (e && w->carrier)
		channel_bad(w->carrier, type, e);
}

static void fini(struct worker *w)
{
	struct tunnel *t = w->state;

	if (!t)
		return;
	t->control = NULL;
	t->carriers = NULL;
	movers_free(t->movers);
	t->movers = NULL;
	for (unsigned i = 0; i < ARRAY_LEN(t->readers); i++)
		if (t->readers[i].tunnel)
			loop_fd_del(t->loop, &t->readers[i].fd);
	natport_close(t);
	nat_fini(t);
	hold_fini(t);
	quiet_fini(t);
	if (t->tun_reader.ready)
		loop_fd_del(t->loop, &t->tun_reader);
	if (t->bulk_reader.ready)
		loop_fd_del(t->loop, &t->bulk_reader);
	if (t->by_key.buckets) {
		t->sync++;
		peer_drop_unseen(t, t->sync);
	}
	route_fini(&t->routes);
	route_fini(&t->own);
	tun_free(t->tun);
	udp_free(t->udp);
	compress_free(t->compressor);
	pending_pool_free(t->pending);
	index_free(t->index);
	table_fini(&t->by_key);
	table_fini(&t->by_id);
	own_keys_fini(t);
	primitives_fini(&t->primitives);
	secret_zero(t, sizeof(*t));
	free(t);
	w->state = NULL;
}

const struct worker_role_ops engine_role_ops = {
	.role = WORKER_ENGINE,
	.name = "engine",
	.start = start,
	.sibling_up = sibling_up,
	.sibling_down = sibling_down,
	.message = message,
	.carrier_up = on_carrier_up,
	.carrier_down = on_carrier_down,
	.carrier_message = on_carrier_message,
	.fini = fini,
};
