/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/netcheck.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/hostport.h"
#include "shared/wire/fields.h"
#include "spoke/control/spoke.h"

#define LOCAL_MAX 16u
/* Clocks that differ by more are told of: certificates and logs suffer before the tunnel does. */
#define SKEW_TOLD_MS 30000

/* --- asking --- */

static void close_port(struct netcheck_port *p)
{
	int fd = p->io.fd;

	if (!p->open)
		return;
	p->open = false;
	loop_fd_del(p->owner->spoke->loop, &p->io);
	close(fd);
}

static bool is_waiting(const struct netcheck *n)
{
	bool waiting = n->gathering || n->tag;

	for (unsigned i = 0; i < n->n_ports; i++)
		waiting |= n->ports[i].open;
	return waiting;
}

static void finish_if_all_said(struct netcheck *n)
{
	if (is_waiting(n))
		return;
	timer_disarm(loop_timers(n->spoke->loop), &n->timer);
	n->done(n);
}

static void port_ready(struct loop_fd *f, uint32_t events)
{
	struct netcheck_port *p = container_of(f, struct netcheck_port, io);
	socklen_t len = sizeof(p->errnum);

	(void)events;
	if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &p->errnum, &len) < 0)
		p->errnum = errno;
	p->rtt_us = (uint32_t)(clock_now_us() - p->owner->began_us);
	close_port(p);
	finish_if_all_said(p->owner);
}

static void try_port(struct netcheck *n, const struct endpoint *hub, uint16_t port)
{
	struct netcheck_port *p = &n->ports[n->n_ports];
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	for (unsigned i = 0; i < n->n_ports; i++)
		if (n->ports[i].at.port == port)
			return;
	if (n->n_ports == NETCHECK_PORTS_MAX || !port)
		return;
	n->n_ports++;
	*p = (struct netcheck_port){ .owner = n, .at = *hub };
	p->at.port = port;
	len = endpoint_to_sockaddr(&p->at, &ss);
	fd = socket(p->at.addr.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		p->errnum = errno;
	else if (fd < 0)
		p->errnum = errno;
	else if (loop_fd_add(n->spoke->loop, &p->io, fd, EPOLLOUT, port_ready) != ERR_OK)
		p->errnum = ENOMEM;
	else
		p->open = true;
	if (!p->open && fd >= 0)
		close(fd);
}

/* The port of the link, those of our Address lines of the hub, and those that the hub names: 443
 * may work where others do not. */
static void try_ports(struct netcheck *n, const struct endpoint *hub)
{
	const struct spoke_config *cfg = n->spoke->cfg;
	const struct control_welcome *w = &n->spoke->cache.welcome;
	char host[HOSTPORT_HOST_SIZE];

	try_port(n, hub, hub->port);
	for (unsigned i = 0; n->spoke->cache.has_welcome && i < w->n_tcp_ports; i++)
		try_port(n, hub, w->tcp_ports[i]);
	for (unsigned i = 0; i < cfg->n_hubs; i++)
		for (unsigned k = 0; k < cfg->hubs[i].n_addresses; k++) {
			uint16_t port = 0;

			if (hostport_split(cfg->hubs[i].addresses[k], UDP_PORT_DEFAULT, host,
					   &port) == ERR_OK)
				try_port(n, hub, port);
		}
}

/* Where the hub is: of the link that is up, else of the last one that was. */
static struct endpoint hub_address(const struct spoke *s)
{
	return client_is_up(&s->client) ? s->client.dialer.at : s->cache.last_good;
}

static void gathered(struct gather *g, enum err e)
{
	struct netcheck *n = container_of(g, struct netcheck, gather);

	n->gathering = false;
	n->has_status = e == ERR_OK;
	finish_if_all_said(n);
}

static void timed_out(struct timer *t, uint64_t now_ms)
{
	struct netcheck *n = container_of(t, struct netcheck, timer);

	(void)now_ms;
	for (unsigned i = 0; i < n->n_ports; i++)
		if (n->ports[i].open)
			n->ports[i].errnum = ETIMEDOUT;
	n->done(n);
}

static bool ping_hub(struct netcheck *n, uint32_t tag)
{
	struct engine_ping m = { .tag = tag, .id = n->spoke->cache.welcome.hub_id };
	uint8_t mem[64];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	engine_ping_encode(&m, &body);
	return m.id && engine_feed_send(&n->spoke->engine, ENGINE_PING, &body);
}

void netcheck_start(struct netcheck *n, struct spoke *s, uint32_t tag,
		    void (*done)(struct netcheck *n))
{
	struct endpoint hub = hub_address(s);

	memset(n, 0, sizeof(*n));
	n->spoke = s;
	n->done = done;
	n->began_us = clock_now_us();
	n->pong.result = ERR_TIMEOUT;
	n->timer.fire = timed_out;
	timer_arm(loop_timers(s->loop), &n->timer, loop_now_ms(s->loop) + NETCHECK_MS);
	n->tag = ping_hub(n, tag) ? tag : 0;
	n->gathering = gather_start(&s->gathers, &n->gather, gathered) == ERR_OK;
	if (endpoint_is_set(&hub))
		try_ports(n, &hub);
	/* Never from inside this call. */
	if (!is_waiting(n))
		timer_arm(loop_timers(s->loop), &n->timer, loop_now_ms(s->loop));
}

bool netcheck_pong(struct netcheck *n, const struct engine_pong *p)
{
	if (!n->spoke || !n->tag || p->tag != n->tag)
		return false;
	n->tag = 0;
	n->pong = *p;
	finish_if_all_said(n);
	return true;
}

void netcheck_stop(struct netcheck *n)
{
	if (!n->spoke)
		return;
	timer_disarm(loop_timers(n->spoke->loop), &n->timer);
	gather_stop(&n->gather);
	for (unsigned i = 0; i < n->n_ports; i++)
		close_port(&n->ports[i]);
	memset(n, 0, sizeof(*n));
}

/* --- the answer --- */

static json_t *endpoint_json(const struct endpoint *e)
{
	char text[ENDPOINT_STR_SIZE];

	return endpoint_is_set(e) ? json_string(endpoint_format(e, text)) : json_null();
}

static const struct engine_status *hub_row(const struct netcheck *n)
{
	for (size_t i = 0; n->has_status && i < n->gather.n_rows; i++)
		if (n->gather.rows[i].id == n->spoke->cache.welcome.hub_id)
			return &n->gather.rows[i];
	return NULL;
}

/* Does the hub answer over UDP? */
static bool udp_works(const struct netcheck *n)
{
	return n->pong.result == ERR_OK && n->pong.path == PATH_DIRECT_UDP;
}

static json_t *udp_json(const struct netcheck *n)
{
	const struct engine_status *r = hub_row(n);
	bool ok = udp_works(n);

	return json_pack("{s:b, s:o, s:o, s:s, s:s, s:s, s:o}", "ok", (int)ok, "address",
			 endpoint_json(r ? &r->endpoint : &n->pong.endpoint), "rtt_us",
			 ok ? json_integer(n->pong.rtt_us) : json_null(), "path",
			 path_kind_str(r ? r->path : PATH_DOWN), "reason_id",
			 path_reason_id(r ? r->reason : PATH_REASON_NONE), "reason",
			 path_reason_str(r ? r->reason : PATH_REASON_NONE), "pmtu",
			 r && r->pmtu ? json_integer(r->pmtu) : json_null());
}

static json_t *tcp_json(const struct netcheck *n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n->n_ports; i++) {
		const struct netcheck_port *p = &n->ports[i];
		bool ok = p->rtt_us && !p->errnum;

		json_array_append_new(
			list, json_pack("{s:b, s:o, s:o, s:o}", "ok", (int)ok, "address",
					endpoint_json(&p->at), "rtt_us",
					ok ? json_integer(p->rtt_us) : json_null(), "error",
					ok ? json_null() : json_string(strerror(p->errnum))));
	}
	return list;
}

static json_t *local_json(const struct spoke *s)
{
	struct endpoint own[LOCAL_MAX];
	size_t n = places_own(s, own, LOCAL_MAX);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, endpoint_json(&own[i]));
	return list;
}

static bool any_tcp_works(const struct netcheck *n)
{
	for (unsigned i = 0; i < n->n_ports; i++)
		if (n->ports[i].rtt_us && !n->ports[i].errnum)
			return true;
	return false;
}

static void advise(json_t *list, const char *text)
{
	json_array_append_new(list, fields_text(text));
}

/* A sentence for each thing that does not work. */
static json_t *advice_json(const struct netcheck *n)
{
	const struct spoke *s = n->spoke;
	const struct engine_status *row = hub_row(n);
	bool udp = udp_works(n), tcp = any_tcp_works(n);
	json_t *list = json_array();

	if (s->cache.refused)
		advise(list, "The hub refuses this node. Ask its admin; a revoked node has to join "
			     "anew.");
	else if (!s->cache.has_welcome)
		advise(list, "The hub has never answered. See that ConnectTo and the hosts file "
			     "name the right place.");
	if (!n->has_status)
		advise(list, "The data plane did not answer. See this daemon's log.");
	if (!udp && !tcp)
		advise(list,
		       "The hub answers neither over UDP nor TCP. See that this machine is online, "
		       "that the hub runs, and that its address in the hosts file is right.");
	else if (!udp && !(row && row->reason == PATH_REASON_TCP_ONLY))
		advise(list, "UDP to the hub does not work, TCP does. Let UDP to the hub's port "
			     "out in this branch's firewall, and in at the hub's.");
	if (udp && !tcp)
		advise(list, "TCP to the hub does not work: changes of the network do not come "
			     "through. Let TCP to the hub's port out in this branch's firewall, "
			     "and in at the hub's.");
	if (s->nat.kind == NAT_HARD)
		advise(list, "The NAT uses another port for each destination. For direct paths to "
			     "nodes behind such NATs, forward the UDP port at this branch's router "
			     "and name it in an Address line.");
	if (s->clock_skew_ms > SKEW_TOLD_MS || s->clock_skew_ms < -SKEW_TOLD_MS)
		advise(list, "This machine's clock is wrong by more than half a minute (or the "
			     "hub's is). Let NTP set it.");
	return list;
}

static const char *nat_text(const struct spoke *s)
{
	switch (s->nat.kind) {
	case NAT_EASY:
		return "easy: direct paths work with most nodes";
	case NAT_HARD:
		return "hard: another port for each destination; direct paths work only with nodes "
		       "whose NAT is easy";
	default:
		return s->cache.welcome.nat_port
			       ? "unknown: the hub's second port does not answer (yet)"
			       : "unknown: the hub has no second port (NATPort)";
	}
}

json_t *netcheck_json(const struct netcheck *n)
{
	const struct spoke *s = n->spoke;
	const struct control_welcome *w = &s->cache.welcome;
	bool up = client_is_up(&s->client);

	return json_pack(
		"{s:b, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o}",
		"done", 1, "network", s->cfg->paths.net, "hub",
		s->cache.has_welcome ? w->hub_name : "", "link_up", (int)up, "link_why",
		up || !s->client.why[0] ? json_null() : fields_text(s->client.why), "udp",
		udp_json(n), "tcp", tcp_json(n), "observed_udp", endpoint_json(&s->nat.observed),
		"observed_udp_second", endpoint_json(&s->nat.observed_second), "observed_tcp",
		endpoint_json(&w->observed), "local", local_json(s), "nat",
		nat_mapping_str(s->nat.kind), "nat_text", nat_text(s), "clock_skew_ms",
		s->has_skew ? json_integer(s->clock_skew_ms) : json_null(), "advice",
		advice_json(n));
}
