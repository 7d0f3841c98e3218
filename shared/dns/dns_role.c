/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/dns/dns_role.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/dns/server.h"
#include "shared/monitor/filter.h"

/* What is still to be had for one of our addresses. */
struct place {
	struct dns *dns;
	struct addr addr;      /* family 0: none */
	bool has[2], asked[2]; /* UDP, TCP */
	unsigned wait_ms;      /* before the next try */
	struct timer retry;
	bool told; /* that it could not be had */
};

struct dns {
	struct worker *w;
	struct dns_params params;
	struct zone zone;
	struct server server;
	struct place places[2];
	struct log_limit log_memory;
};

/* --- sockets --- */

static bool is_v6(const struct place *p) { return p == &p->dns->places[1]; }

/* The answer has this number: which family and kind of socket it is about. */
static uint32_t tag_of(const struct place *p, bool stream) { return is_v6(p) * 2u + stream; }

static void ask(struct place *p, bool stream)
{
	const struct monitor_dns_socket m = { .tag = tag_of(p, stream),
					      .addr = p->addr,
					      .stream = stream };
	struct channel *monitor = p->dns->w->monitor;
	uint8_t mem[64];
	struct cursor c;

	if (p->has[stream] || p->asked[stream] || !monitor)
		return;
	cursor_init_write(&c, mem, sizeof(mem));
	monitor_dns_socket_encode(&m, &c);
	BUG_ON(c.err);
	p->asked[stream] =
		channel_send(monitor, MONITOR_DNS_SOCKET, mem, cursor_pos(&c), -1) == ERR_OK;
}

static void ask_both(struct place *p)
{
	ask(p, false);
	ask(p, true);
}

static void retry_fired(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	ask_both(container_of(t, struct place, retry));
}

/* Our address of this family is another one now, or none. An answer that is still to come is about
 * the old one, and is thrown away. */
static void move_place(struct place *p, const struct addr *addr)
{
	struct loop *loop = p->dns->w->loop;

	if (addr_equal(&p->addr, addr))
		return;
	server_drop(&p->dns->server, is_v6(p));
	p->addr = *addr;
	p->has[0] = p->has[1] = p->told = false;
	p->wait_ms = DNS_RETRY_MIN_MS;
	timer_disarm(loop_timers(loop), &p->retry);
	if (addr->family)
		ask_both(p);
}

/* The address may be set a moment after we hear of it; who has the port may go away. */
static void try_later(struct place *p, const struct monitor_done *m)
{
	struct loop *loop = p->dns->w->loop;
	char text[ADDR_STR_SIZE];

	if (!p->told && p->wait_ms > 1000) {
		p->told = true;
		log_warn("names are not answered at %s yet: %s; %s", addr_format(&p->addr, text),
			 m->text[0] ? m->text : err_str(m->result),
			 m->result == ERR_DENIED
				 ? "the service needs CAP_NET_BIND_SERVICE, see DNS in the manual"
				 : "does another name server listen on all addresses?");
	}
	if (timer_armed(&p->retry))
		return;
	timer_arm(loop_timers(loop), &p->retry, loop_now_ms(loop) + p->wait_ms);
	p->wait_ms = p->wait_ms * 2 < DNS_RETRY_MAX_MS ? p->wait_ms * 2 : DNS_RETRY_MAX_MS;
}

static bool is_bound_to(int fd, const struct addr *addr)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct endpoint at;

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	       endpoint_from_sockaddr(&ss, len, &at) == ERR_OK && addr_equal(&at.addr, addr);
}

/* A descriptor is taken over and set to -1. */
static enum err take_socket(struct dns *d, const struct monitor_done *m, int *fd)
{
	const bool stream = m->tag & 1;
	struct place *p = &d->places[m->tag >> 1 & 1];
	char text[ADDR_STR_SIZE];
	enum err e;

	if (m->tag > 3 || !p->asked[stream] || (*fd >= 0) != (m->result == ERR_OK))
		return ERR_INVALID;
	p->asked[stream] = false;
	if (!p->addr.family)
		return ERR_OK;
	if (m->result != ERR_OK) {
		try_later(p, m);
		return ERR_OK;
	}
	if (!is_bound_to(*fd, &p->addr)) { /* the one of before */
		ask(p, stream);
		return ERR_OK;
	}
	e = server_take(&d->server, is_v6(p), stream, *fd);
	*fd = -1;
	p->has[stream] = e == ERR_OK;
	if (e)
		log_error("names: a socket cannot be used: %s", err_str(e));
	else if (p->has[!stream])
		log_notice("names of %s are answered at %s", d->zone.apex,
			   addr_format(&p->addr, text));
	return ERR_OK;
}

/* --- what control says --- */

/* Without memory some names are missing until control tells all of them again. */
static void note(struct dns *d, enum err e)
{
	if (e && log_allowed(&d->log_memory))
		log_error("names: not all nodes are known: %s", err_str(e));
}

static enum err take_self(struct dns *d, struct cursor *body)
{
	struct dns_self m;
	enum err e = dns_self_decode(body, &m);

	if (e)
		return e;
	zone_reset(&d->zone, &m);
	for (unsigned i = 0; i < ARRAY_LEN(d->places); i++)
		move_place(&d->places[i], &m.addresses[i]);
	return ERR_OK;
}

static enum err take_nodes(struct dns *d, uint16_t type, struct cursor *body)
{
	union {
		struct dns_node node;
		struct dns_subnets subnets;
		struct dns_gone gone;
		struct dns_ready ready;
	} m;
	enum err e = ERR_INVALID;

	if (type == DNS_NODE && (e = dns_node_decode(body, &m.node)) == ERR_OK)
		note(d, zone_put(&d->zone, &m.node));
	if (type == DNS_SUBNETS && (e = dns_subnets_decode(body, &m.subnets)) == ERR_OK)
		note(d, zone_put_subnets(&d->zone, &m.subnets));
	if (type == DNS_GONE && (e = dns_gone_decode(body, &m.gone)) == ERR_OK)
		zone_remove(&d->zone, m.gone.id);
	if (type == DNS_READY && (e = dns_ready_decode(body, &m.ready)) == ERR_OK) {
		d->zone.revision = m.ready.revision;
		d->zone.ready = true;
	}
	return e;
}

static enum err monitor_message(struct dns *d, uint16_t type, struct cursor *body, int *fd)
{
	struct monitor_done m;
	enum err e = type == MONITOR_SOCKET_MADE ? monitor_done_decode(body, &m) : ERR_INVALID;

	return e ? e : take_socket(d, &m, fd);
}

static void message(struct worker *w, enum worker_role from, uint16_t type, struct cursor *body,
		    int fd)
{
	struct dns *d = w->state;
	enum err e = ERR_INVALID;

	if (from == 0)
		e = monitor_message(d, type, body, &fd);
	else if (from == WORKER_CONTROL)
		e = type == DNS_SELF ? take_self(d, body) : take_nodes(d, type, body);
	if (fd >= 0)
		close(fd);
	if (e)
		channel_bad(from ? w->siblings[from] : w->monitor, type, e);
}

/* --- life --- */

enum err dns_role_load(const struct dns_params *p, void **state)
{
	struct dns *d = calloc(1, sizeof(*d));
	enum err e = d ? zone_init(&d->zone, p->net) : ERR_NOMEM;

	if (e == ERR_INVALID)
		log_error("DNS = yes: the network's name %s cannot be part of a name in DNS",
			  p->net);
	if (e) {
		free(d);
		return e;
	}
	d->params = *p;
	d->log_memory = (struct log_limit){ .burst = 1, .every_ms = 60000 };
	*state = d;
	return ERR_OK;
}

static enum err start(struct worker *w)
{
	struct dns *d = w->state;

	d->w = w;
	server_init(&d->server, w->loop, &d->zone, d->params.interface);
	for (unsigned i = 0; i < ARRAY_LEN(d->places); i++) {
		d->places[i].dns = d;
		d->places[i].retry.fire = retry_fired;
	}
	return ERR_OK;
}

static void fini(struct worker *w)
{
	struct dns *d = w->state;

	if (!d)
		return;
	for (unsigned i = 0; d->w && i < ARRAY_LEN(d->places); i++)
		timer_disarm(loop_timers(w->loop), &d->places[i].retry);
	if (d->w) {
		const struct server_counters *n = &d->server.counters;

		log_debug(1,
			  "names: %llu answered; dropped %llu of strangers, %llu above the rate, "
			  "%llu that were no questions",
			  (unsigned long long)n->answered, (unsigned long long)n->strangers,
			  (unsigned long long)n->limited, (unsigned long long)n->malformed);
		server_fini(&d->server);
	}
	zone_fini(&d->zone);
	free(d);
	w->state = NULL;
}

const struct worker_role_ops dns_role_ops = {
	.role = WORKER_DNS,
	.name = "dns",
	.calls = FILTER_ACCEPT,
	.start = start,
	.message = message,
	.fini = fini,
};
