/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control worker of a spoke: wires the stations of spoke.h together. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "spoke/control/dump.h"
#include "spoke/control/route_guard.h"
#include "spoke/control/spoke.h"
#include "shared/keys/keys.h"
#include "shared/monitor/filter.h"
#include "spoke/roles.h"

/* --- the link's callbacks --- */

static void link_places(struct client *c, struct dialer *d) { places_add(c->owner, d); }

static bool link_check(struct client *c, const struct endpoint *at, const struct public_key *peer)
{
	if (!hub_pin_check(c->owner, at, peer))
		return false;
	hub_pin_shown(c->owner, peer);
	return true;
}

static void link_hello(struct client *c, struct control_hello *h)
{
	struct spoke *s = c->owner;

	memset(h, 0, sizeof(*h));
	h->revision = s->want_snapshot ? 0 : s->cache.dir.revision;
	h->highest_revision = s->cache.highest;
	h->capabilities = CAP_ZLIB | CAP_SETTINGS | CAP_ROTATE | CAP_HUB_KEY;
	h->aes = s->cfg->aes;
	rotation_tunnel_key(s, &h->tunnel_key, h->tunnel_sig);
	snprintf(h->version, sizeof(h->version), "%s", BRANCHLINE_VERSION);
	if (gethostname(h->hostname, sizeof(h->hostname)) < 0)
		h->hostname[0] = '\0';
	h->hostname[sizeof(h->hostname) - 1] = '\0';
	h->nat = (uint8_t)s->nat.kind;
	h->path_policy = s->cfg->path_policy;
	h->n_candidates = (uint8_t)places_own(s, h->candidates, ARRAY_LEN(h->candidates));
	h->strict_keys = s->cfg->strict_keys;
}

static void answer_ping(struct spoke *s)
{
	struct control_msg m = { .type = CONTROL_PONG };

	client_send(&s->client, &m);
}

static void link_message(struct client *c, struct control_msg *m)
{
	struct spoke *s = c->owner;
	bool up = client_is_up(c);

	switch (m->type) {
	case CONTROL_WELCOME:
		recv_welcome(s, &m->welcome);
		break;
	case CONTROL_BYE:
		recv_bye(s, &m->bye);
		break;
	case CONTROL_ERROR:
		recv_error(s, &m->error);
		break;
	case CONTROL_PING:
		answer_ping(s);
		break;
	case CONTROL_DIRECTORY:
		if (up)
			apply_directory(s, &m->directory);
		break;
	case CONTROL_SETTINGS:
		if (up)
			trial_begin(s, &m->settings);
		break;
	case CONTROL_ASK_KEY:
		if (up)
			rotation_ask(s, m->ask_key.tunnel, m->ask_key.identity);
		break;
	case CONTROL_HUB_KEY:
		if (up)
			hub_pin_told(s, &m->hub_key);
		break;
	case CONTROL_PRESENCE:
	case CONTROL_PUNCH:
		if (up)
			recv_presence(s, &m->presence, m->type == CONTROL_PUNCH);
		break;
	default:
		log_debug(3, "link: a message of an unknown or unexpected kind is passed over");
		break;
	}
}

static void link_moved(struct client *c, enum client_state from, enum client_state to)
{
	struct spoke *s = c->owner;

	if (from == CLIENT_UP) {
		log_notice("link to the hub is down: %s", c->why);
		report_stop(s);
	}
	if (from == CLIENT_UP)
		trial_link_down(s);
	if (from == CLIENT_UP || to == CLIENT_WAITING) {
		grace_begin(s);
		s->acked = 0;
	}
	if (from == CLIENT_UP)
		apply_save(s);
	if (to == CLIENT_WAITING)
		route_guard_look(s);
	carry_settle(&s->carry);
	tidy_soon(s);
}

static size_t link_known(struct client *c, const char *place, struct endpoint *out)
{
	struct spoke *s = c->owner;

	return cache_recall(&s->cache, place, out);
}

static void link_resolved(struct client *c, const char *place, const struct endpoint *found,
			  size_t n)
{
	struct spoke *s = c->owner;

	/* Written down with the next change: the welcome saves the cache anyway. */
	if (cache_remember(&s->cache, place, found, n))
		engine_feed_hub_endpoints(&s->engine, &s->cache);
}

static const struct client_events link_events = {
	.places = link_places,
	.check = link_check,
	.hello = link_hello,
	.message = link_message,
	.moved = link_moved,
	.known = link_known,
	.resolved = link_resolved,
};

/* --- load: while the key files can be read --- */

static enum err load_keys(struct spoke *s)
{
	struct public_key next_tunnel_public;
	bool has_identity, has_tunnel;
	struct secret_key next_identity, next_tunnel;
	struct keys keys;
	enum err e = keys_read(&keys, s->cfg->identity_key_file, s->cfg->tunnel_key_file);

	if (e) {
		log_error("%s and %s: %s", s->cfg->identity_key_file, s->cfg->tunnel_key_file,
			  err_str(e));
		return e;
	}
	e = keys_read_next(s->cfg->identity_key_file, &next_identity, &has_identity);
	if (!e)
		e = keys_read_next(s->cfg->tunnel_key_file, &next_tunnel, &has_tunnel);
	if (!e && has_tunnel)
		e = keys_tunnel_public(&next_tunnel, &next_tunnel_public);
	if (!e)
		e = rotation_load(s, &keys.identity, has_identity ? &next_identity : NULL,
				  &keys.tunnel_public, has_tunnel ? &next_tunnel_public : NULL);
	keys_forget_secrets(&keys);
	secret_zero(&next_identity, sizeof(next_identity));
	secret_zero(&next_tunnel, sizeof(next_tunnel));
	if (e)
		log_error("the identity key cannot be used: %s", err_str(e));
	return e;
}

static enum err load(void *config, void **state)
{
	struct spoke *s = calloc(1, sizeof(*s));
	enum err e;

	if (!s)
		return ERR_NOMEM;
	s->cfg = config;
	s->wrong_hub_limit = (struct log_limit){ .burst = 3, .every_ms = 60000 };
	s->network_limit = (struct log_limit){ .burst = 5, .every_ms = 60000 };
	s->cache_limit = (struct log_limit){ .burst = 3, .every_ms = 600000 };
	cache_init(&s->cache);
	engine_feed_init(&s->engine, s->cfg, &s->peers, &s->known);
	if (netwatch_open(&s->netwatch))
		log_warn("changes of this machine's addresses will not be noticed: %s",
			 strerror(errno));
	link_sockets_init(&s->sockets, s->cfg);
	e = load_keys(s);
	if (!e)
		e = peers_init(&s->peers);
	if (!e)
		e = known_keys_init(&s->known);
	if (e) {
		netwatch_close(&s->netwatch);
		rotation_fini(s);
		link_sockets_fini(&s->sockets);
		peers_fini(&s->peers);
		cache_fini(&s->cache);
		free(s);
		return e;
	}
	*state = s;
	return ERR_OK;
}

/* --- start: with no rights left --- */

/* Is the cache ours? By our key: the hub may have given us another name than spoke.conf does. */
static bool cache_is_ours(const struct spoke *s)
{
	const struct node *self = cache_self(&s->cache);

	return strcmp(s->cache.welcome.network, s->cfg->paths.net) == 0 &&
	       (!self || !self->has_identity || rotation_is_ours(s, &self->identity_key));
}

/*
 * A cache of another network or node, as after files were copied by hand, says nothing to us. Not
 * read in load(): the file is written by a process without rights, so root has no business parsing
 * it.
 */
static void read_cache(struct spoke *s)
{
	enum err e = cache_load(&s->cache, s->cfg->cache_file);

	if (e && e != ERR_NOTFOUND && e != ERR_CORRUPT && e != ERR_VERSION)
		log_warn("%s: %s; the hub will be asked for the directory", s->cfg->cache_file,
			 err_str(e));
	if (s->cache.has_welcome && !cache_is_ours(s)) {
		log_warn("%s is of node %s in network %s: not used", s->cfg->cache_file,
			 s->cache.welcome.name, s->cache.welcome.network);
		cache_fini(&s->cache);
		cache_init(&s->cache);
	}
}

/* --- the worker's life --- */

static void save_fired(struct timer *t, uint64_t now_ms)
{
	struct spoke *s = container_of(t, struct spoke, save_timer);

	if (s->confirmed)
		s->cache.confirmed_ms = s->cache.seen_ms = clock_wall_ms();
	if (s->cache.has_welcome)
		apply_save(s);
	timer_arm(loop_timers(s->loop), t, now_ms + SPOKE_CACHE_SAVE_MS);
}

/* A hosts file that could not be read, and that nothing needs. */
static void warn_of_hosts(const struct spoke *s)
{
	if (s->cfg->host_warning[0])
		log_warn("%s; this file of hosts/ is passed over", s->cfg->host_warning);
}

static enum err start(struct worker *w)
{
	struct spoke *s = w->state;
	enum err e;

	s->w = w;
	s->loop = w->loop;
	read_cache(s);
	e = hub_pin_read(s);
	if (e)
		return e;
	client_init(&s->client, s->loop, s->identity, s->cfg->family, &link_events, s);
	s->client.dialer.proxy = &s->cfg->proxy;
	carry_init(&s->carry, s);
	net_feed_init(&s->net, &w->monitor);
	link_sockets_start(&s->sockets, &w->monitor);
	gathers_init(&s->gathers, s->loop, &s->engine);
	e = whereabouts_init(s);
	if (e)
		return e;
	e = status_init(&s->status, s, w->fds.listen_unix);
	if (e)
		return e;
	s->started = true;
	warn_of_hosts(s);
	s->save_timer.fire = save_fired;
	timer_arm(loop_timers(s->loop), &s->save_timer, loop_now_ms(s->loop) + SPOKE_CACHE_SAVE_MS);
	if (s->cache.refused)
		log_error("the hub has refused this node before: %s; it is asked again",
			  s->cache.refused_why);
	trust_start(s);
	rebind_start(s);
	/* From the cache, so that the tunnels work without the hub. */
	trial_start(s);
	grace_begin(s);
	grace_settle(s);
	apply_cache(s);
	rotation_start(s);
	hub_pin_settle(s);
	client_start(&s->client);
	return ERR_OK;
}

static void sibling_up(struct worker *w, enum worker_role role)
{
	struct spoke *s = w->state;

	if (role == WORKER_DNS)
		dns_feed_all(s);
	if (role != WORKER_ENGINE)
		return;
	engine_feed_attach(&s->engine, w->siblings[role]);
	apply_engine(s);
}

static void sibling_down(struct worker *w, enum worker_role role)
{
	struct spoke *s = w->state;
	struct table_node *n;

	if (role != WORKER_ENGINE)
		return;
	engine_feed_attach(&s->engine, NULL);
	gathers_engine_down(&s->gathers);
	status_engine_down(&s->status);
	carry_silent(&s->carry, false);
	carry_path(&s->carry, PATH_DOWN, PATH_REASON_NO_SESSION);
	for (n = table_next(&s->peers.by_id, NULL); n; n = table_next(&s->peers.by_id, n))
		announce_down(s, container_of(n, struct peer_state, by_id)->id);
}

/* The hub's path also decides whether there is a carrier. */
static void take_path(struct spoke *s, struct engine_path *p)
{
	p->endpoint = carry_shown(&s->carry, &p->endpoint);
	whereabouts_path(s, p);
	announce_path(s, p);
	if (p->id == s->cache.welcome.hub_id)
		carry_path(&s->carry, p->path, p->reason);
}

/* One message of the engine. Returns what its decoding gave. */
/* Of a command or, without a tag, of a signal. */
static void forgotten(struct spoke *s, const struct engine_forgotten *m)
{
	if (m->tag)
		status_forgotten(&s->status, m);
	else
		log_notice("%u nodes do not answer: what was learnt of them is forgotten", m->n);
}

static enum err engine_message(struct spoke *s, uint16_t type, struct cursor *body)
{
	union {
		struct engine_revision revision;
		struct engine_node_id id;
		struct engine_path path;
		struct engine_pong pong;
		struct engine_status status;
		struct engine_status_end end;
		struct engine_nat nat;
		struct engine_hub_silent hub;
		struct engine_keys keys;
		struct engine_forgotten forgotten;
	} m;
	enum err e;

	switch (type) {
	case ENGINE_READY:
		return ERR_OK; /* everything was sent when its channel came */
	case ENGINE_APPLIED:
		e = engine_revision_decode(body, &m.revision);
		if (!e)
			apply_done(s, m.revision.revision);
		return e;
	case ENGINE_LOCATE:
		e = engine_node_id_decode(body, &m.id);
		if (!e)
			locate_peer(s, m.id.id);
		return e;
	case ENGINE_PATH:
		e = engine_path_decode(body, &m.path);
		if (!e)
			take_path(s, &m.path);
		return e;
	case ENGINE_PONG:
		e = engine_pong_decode(body, &m.pong);
		m.pong.endpoint = carry_shown(&s->carry, &m.pong.endpoint);
		if (!e && !trial_pong(s, &m.pong))
			status_pong(&s->status, &m.pong);
		return e;
	case ENGINE_FORGOTTEN:
		e = engine_forgotten_decode(body, &m.forgotten);
		if (!e)
			forgotten(s, &m.forgotten);
		return e;
	case ENGINE_NAT:
		e = engine_nat_decode(body, &m.nat);
		if (!e)
			report_nat_told(s, &m.nat);
		return e;
	case ENGINE_KEYS:
		e = engine_keys_decode(body, &m.keys);
		if (!e)
			rotation_engine_keys(s, &m.keys);
		return e;
	case ENGINE_HUB_SILENT:
		e = engine_hub_silent_decode(body, &m.hub);
		if (!e)
			carry_silent(&s->carry, m.hub.silent);
		return e;
	case ENGINE_STATUS:
		e = engine_status_decode(body, &m.status);
		m.status.endpoint = carry_shown(&s->carry, &m.status.endpoint);
		if (!e)
			gathers_row(&s->gathers, &m.status);
		return e;
	case ENGINE_STATUS_END:
		e = engine_status_end_decode(body, &m.end);
		if (!e)
			gathers_end(&s->gathers, &m.end);
		return e;
	default:
		return ERR_INVALID;
	}
}

/* A descriptor is taken over and set to -1. */
static enum err monitor_message(struct spoke *s, uint16_t type, struct cursor *body, int *fd)
{
	struct monitor_done m;
	enum err e;

	if (type == MONITOR_LOG_TAPPED) {
		e = log_tap_take(&s->status.tap, *fd);
		*fd = -1;
		return e;
	}
	if (type != MONITOR_DONE && type != MONITOR_SOCKET_MADE)
		return ERR_INVALID;
	e = monitor_done_decode(body, &m);
	if (!e && type == MONITOR_SOCKET_MADE)
		return link_sockets_take(&s->sockets, &m, fd);
	if (!e && trial_port_done(s, &m))
		return ERR_OK;
	if (!e && hub_pin_monitor_done(s, &m))
		return ERR_OK;
	if (e || rotation_monitor_done(s, &m))
		return e;
	if (m.result)
		log_warn("addresses and routes: %s", m.text[0] ? m.text : err_str(m.result));
	route_guard_done(s, &m);
	return ERR_OK;
}

static void message(struct worker *w, enum worker_role from, uint16_t type, struct cursor *body,
		    int fd)
{
	struct spoke *s = w->state;
	enum err e = from == WORKER_ENGINE ? engine_message(s, type, body)
					   : monitor_message(s, type, body, &fd);

	if (fd >= 0)
		close(fd);
	if (e)
		channel_bad(from == WORKER_ENGINE ? w->siblings[from] : w->monitor, type, e);
}

static void carrier_up(struct worker *w)
{
	struct spoke *s = w->state;

	carry_engine_up(&s->carry);
}

/* The next engine is told of the carrier; until then what comes for it is dropped. */
static void carrier_down(struct worker *w) { (void)w; }

static void carrier_message(struct worker *w, uint16_t type, struct cursor *body)
{
	struct spoke *s = w->state;

	carry_message(&s->carry, type, body);
}

/* SIGHUP: where the hub is dialled, and what may change without a restart. The log file is the
 * monitor's business. */
static void reload(struct worker *w)
{
	struct spoke *s = w->state;
	struct spoke_config *fresh = malloc(sizeof(*fresh));

	if (!fresh)
		return;
	if (spoke_config_load(fresh, &s->cfg->paths, s->cfg->overrides)) {
		log_error("%s; the configuration stays as it was", fresh->raw.error);
	} else {
		spoke_config_take(s->cfg, fresh);
		log_notice("ConnectTo, Proxy, hosts files, OfflineGrace and what is set for paths "
			   "were "
			   "read again");
		warn_of_hosts(s);
		hub_pin_reload(s);
		apply_cache(s);
		trial_tell(s);
		/* What a hello says of us may be something else now. */
		if (client_is_up(&s->client))
			client_network_changed(&s->client, false);
		else
			client_hurry(&s->client);
		trust_tell(s);
		policies_tell(s);
	}
	spoke_config_fini(fresh);
	free(fresh);
	tidy_soon(s);
}

static void retry(struct spoke *s)
{
	log_notice("asked by a signal to dial the hub now: the link is %s",
		   client_state_str(s->client.state));
	client_hurry(&s->client);
}

static void purge(struct spoke *s)
{
	const struct engine_forget m = { .tag = 0, .id = 0 };
	uint8_t mem[16];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	engine_forget_encode(&m, &body);
	if (!engine_feed_send(&s->engine, ENGINE_FORGET, &body))
		log_warn("the data plane does not run just now: there is nothing to purge");
}

/* Signals, as with tincd. */
static void wish(struct worker *w, enum monitor_wish what)
{
	switch (what) {
	case WISH_RETRY:
		retry(w->state);
		break;
	case WISH_PURGE:
		purge(w->state);
		break;
	case WISH_DUMP_CONNECTIONS:
		dump_connections(w->state);
		break;
	case WISH_DUMP_ALL:
		dump_all(w->state);
		break;
	}
}

static void stop(struct worker *w)
{
	struct spoke *s = w->state;

	carry_stop(&s->carry);
	client_stop(&s->client);
	if (s->cache.has_welcome)
		apply_save(s);
	loop_stop(w->loop, 0);
}

static void fini(struct worker *w)
{
	struct spoke *s = w->state;

	if (!s)
		return;
	if (s->started) {
		report_stop(s);
		gather_stop(&s->dump);
		timer_disarm(loop_timers(s->loop), &s->save_timer);
		timer_disarm(loop_timers(s->loop), &s->grace_timer);
		trial_stop(s);
		status_fini(&s->status);
	}
	whereabouts_fini(s);
	carry_fini(&s->carry);
	netwatch_close(&s->netwatch);
	client_fini(&s->client);
	net_feed_fini(&s->net);
	engine_feed_fini(&s->engine);
	peers_fini(&s->peers);
	rotation_fini(s);
	link_sockets_fini(&s->sockets);
	known_keys_fini(&s->known);
	cache_fini(&s->cache);
	if (s->started) /* the last: what ends above may have armed it */
		timer_disarm(loop_timers(s->loop), &s->tidy_timer);
	free(s);
	w->state = NULL;
}

const struct worker_role_ops *spoke_control_role(void)
{
	static const struct worker_role_ops ops = {
		.role = WORKER_CONTROL,
		.name = "control",
		.calls = FILTER_FILES | FILTER_SOCKETS | FILTER_THREADS,
		.load = load,
		.start = start,
		.sibling_up = sibling_up,
		.sibling_down = sibling_down,
		.message = message,
		.carrier_up = carrier_up,
		.carrier_down = carrier_down,
		.carrier_message = carrier_message,
		.reload = reload,
		.wish = wish,
		.stop = stop,
		.fini = fini,
	};

	return &ops;
}
