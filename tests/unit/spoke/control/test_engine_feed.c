/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the engine and the monitor are told, from a directory: peers, routes of the hub, refused
 * keys, differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/clock.h"
#include "spoke/control/net_feed.h"
#include "tests/unit/spoke/fake_hub.h"

#define LOG_MAX 2048

/* What came out of the other end of a channel, a line a message. */
struct tap {
	struct loop *loop;
	struct channel *near, *far;
	char lines[LOG_MAX][200];
	size_t n;
};

static struct keys hub_keys, oslo_keys, bergen_keys;

static void note_engine(struct tap *t, uint16_t type, struct cursor *body)
{
	char *line = t->lines[t->n++], text[PREFIX_STR_SIZE] = "";
	struct engine_peer *peer = malloc(sizeof(*peer));
	struct engine_self self;
	struct engine_revision revision;
	struct engine_peer_gone gone;
	struct engine_endpoints ends;

	assert_true(t->n < LOG_MAX);
	switch (type) {
	case ENGINE_SELF:
		assert_int_equal(engine_self_decode(body, &self), ERR_OK);
		snprintf(line, 200, "self %u hub %u", self.id, self.hub_id);
		break;
	case ENGINE_SYNC_BEGIN:
		snprintf(line, 200, "begin");
		break;
	case ENGINE_PEER:
		assert_int_equal(engine_peer_decode(body, peer), ERR_OK);
		if (peer->n_subnets)
			prefix_format(&peer->subnets[0].prefix, text);
		snprintf(line, 200, "peer %s%s%s %u %s keepalive %u", peer->name,
			 peer->via_hub ? " via" : "", peer->append ? " more" : "", peer->n_subnets,
			 text, peer->keepalive_s);
		break;
	case ENGINE_PEER_GONE:
		assert_int_equal(engine_peer_gone_decode(body, &gone), ERR_OK);
		snprintf(line, 200, "gone %u%s", gone.id,
			 gone.why == PEER_GONE_REVOKED ? " revoked" : "");
		break;
	case ENGINE_SYNC_END:
	case ENGINE_COMMIT:
		assert_int_equal(engine_revision_decode(body, &revision), ERR_OK);
		snprintf(line, 200, "%s %u", type == ENGINE_COMMIT ? "commit" : "end",
			 (unsigned)revision.revision);
		break;
	case ENGINE_ENDPOINTS:
		assert_int_equal(engine_endpoints_decode(body, &ends), ERR_OK);
		snprintf(line, 200, "endpoints %u: %u, %s", ends.id, ends.n,
			 endpoint_format(&ends.endpoints[0], (char[ENDPOINT_STR_SIZE]){ 0 }));
		break;
	default:
		fail_msg("message %u", type);
	}
	free(peer);
}

static void note_monitor(struct tap *t, uint16_t type, struct cursor *body)
{
	char *line = t->lines[t->n++], text[PREFIX_STR_SIZE];
	struct monitor_prefix p;
	struct monitor_net_end end;

	if (type == MONITOR_NET_BEGIN) {
		snprintf(line, 200, "begin");
	} else if (type == MONITOR_NET_END) {
		assert_int_equal(monitor_net_end_decode(body, &end), ERR_OK);
		snprintf(line, 200, "end mtu %u", end.mtu);
	} else {
		assert_int_equal(monitor_prefix_decode(body, &p), ERR_OK);
		snprintf(line, 200, "%s %s %s", p.add ? "add" : "remove",
			 type == MONITOR_ROUTE ? "route" : "address",
			 prefix_format(&p.prefix, text));
	}
}

static bool tap_is_monitor;

static void tap_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd)
{
	struct tap *t = arg;

	(void)ch;
	(void)fd;
	(tap_is_monitor ? note_monitor : note_engine)(t, type, body);
}

static void tap_closed(struct channel *ch, void *arg)
{
	(void)ch;
	(void)arg;
}

static const struct channel_events tap_events = { tap_message, tap_closed };

static void stop_loop(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	loop_stop(*(struct loop **)(void *)(t + 1), 0);
}

/* Lets everything that was sent arrive. */
static void tap_run(struct tap *t)
{
	struct {
		struct timer timer;
		struct loop *loop;
	} w = { { .fire = stop_loop }, t->loop };

	timer_arm(loop_timers(t->loop), &w.timer, clock_now_ms() + 30);
	loop_run(t->loop);
}

static struct tap *tap_new(bool monitor)
{
	struct tap *t = calloc(1, sizeof(*t));
	int fds[2];

	tap_is_monitor = monitor;
	assert_int_equal(loop_new(&t->loop), ERR_OK);
	assert_int_equal(channel_pair(fds), ERR_OK);
	assert_int_equal(channel_new(t->loop, fds[0], &tap_events, t, &t->near), ERR_OK);
	assert_int_equal(channel_new(t->loop, fds[1], &tap_events, t, &t->far), ERR_OK);
	return t;
}

static void tap_free(struct tap *t)
{
	channel_free(t->near);
	channel_free(t->far);
	loop_free(t->loop);
	free(t);
}

/* Runs, compares with the lines wanted, and forgets them. */
static void tap_expect(struct tap *t, const char *const *wanted, size_t n)
{
	tap_run(t);
	for (size_t i = 0; i < n && i < t->n; i++)
		assert_string_equal(t->lines[i], wanted[i]);
	assert_int_equal(t->n, n);
	t->n = 0;
}
#define EXPECT(t, ...)                                                                             \
	tap_expect(t, (const char *const[]){ __VA_ARGS__ },                                        \
		   sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void put(struct cache *c, struct node *n)
{
	assert_int_equal(directory_put(&c->dir, n), ERR_OK);
	node_fini(n);
}

/* hq with a phone (WireGuard) behind it, ourselves (oslo), bergen. */
static void fill(struct cache *c)
{
	struct node n;

	cache_init(c);
	fake_welcome(&c->welcome, 2, "oslo", 7);
	c->has_welcome = true;
	c->dir.revision = 7;
	fake_node(&n, 1, "hq", NODE_HUB, &hub_keys);
	fake_subnet(&n, "10.1.0.0/16", 10);
	put(c, &n);
	fake_node(&n, 2, "oslo", NODE_SPOKE, &oslo_keys);
	fake_subnet(&n, "10.20.0.0/24", 10);
	put(c, &n);
	fake_node(&n, 3, "bergen", NODE_SPOKE, &bergen_keys);
	fake_subnet(&n, "10.30.0.0/24", 10);
	fake_subnet(&n, "10.20.0.0/24", 20);
	put(c, &n);
	fake_node(&n, 4, "phone", NODE_WIREGUARD, NULL);
	fake_subnet(&n, "10.1.0.0/16", 5);
	fake_subnet(&n, "10.40.0.0/24", 10);
	put(c, &n);
}

static void wireguard_prefixes_are_routes_of_the_hub(void **state)
{
	struct node_subnet *r;
	struct cache c;
	size_t n;

	(void)state;
	fill(&c);
	assert_int_equal(engine_feed_routes(&c, cache_hub(&c), &r, &n), ERR_OK);
	assert_int_equal(
		n,
		4); /* both own addresses, the subnet that both have once, the phone's other one */
	for (size_t i = 0; i < n; i++) {
		char text[PREFIX_STR_SIZE];

		prefix_format(&r[i].prefix, text);
		if (strcmp(text, "10.1.0.0/16") == 0)
			assert_int_equal(r[i].weight, 5);
		else
			assert_true(!strcmp(text, "10.99.0.1/32") ||
				    !strcmp(text, "10.99.0.4/32") || !strcmp(text, "10.40.0.0/24"));
	}
	free(r);
	assert_int_equal(engine_feed_routes(&c, directory_find(&c.dir, 3), &r, &n), ERR_OK);
	assert_int_equal(n, 3);
	free(r);
	cache_fini(&c);
}

static void whole_sync(void **state)
{
	struct tap *t = tap_new(false);
	struct engine_feed f;
	struct endpoint e;
	struct cache c;

	(void)state;
	fill(&c);
	engine_feed_init(&f, NULL, NULL, NULL);
	engine_feed_attach(&f, t->near);
	assert_int_equal(endpoint_parse("203.0.113.1:443", 0, &c.last_good), ERR_OK);
	assert_int_equal(endpoint_parse("203.0.113.2:443", 0, &e), ERR_OK);
	cache_remember(&c, "hq 443", &e, 1);
	engine_feed_sync(&f, &c);
	EXPECT(t, "self 2 hub 1", "begin", "peer oslo 2 10.20.0.0/24 keepalive 0",
	       "peer hq 4 10.1.0.0/16 keepalive 25", "peer bergen via 3 10.20.0.0/24 keepalive 0",
	       "end 7", "endpoints 1: 2, 203.0.113.1:6655");
	f.muted = true;
	engine_feed_sync(&f, &c);
	EXPECT(t, "self 2 hub 1", "begin", "peer oslo 2 10.20.0.0/24 keepalive 0", "end 7");
	engine_feed_fini(&f);
	cache_fini(&c);
	tap_free(t);
}

static void nothing_without_a_welcome(void **state)
{
	struct tap *t = tap_new(false);
	struct engine_feed f;
	struct cache c;

	(void)state;
	fill(&c);
	c.has_welcome = false;
	engine_feed_init(&f, NULL, NULL, NULL);
	engine_feed_attach(&f, t->near);
	engine_feed_sync(&f, &c);
	tap_run(t);
	assert_int_equal(t->n, 0);
	cache_fini(&c);
	tap_free(t);
}

static void a_tunnel_key_without_a_right_signature_is_refused(void **state)
{
	struct tap *t = tap_new(false);
	struct net_set addresses = { 0 }, routes = { 0 };
	struct engine_feed f;
	struct cache c;

	(void)state;
	fill(&c);
	directory_find(&c.dir, 3)->tunnel_sig[5] ^= 1;
	engine_feed_init(&f, NULL, NULL, NULL);
	engine_feed_attach(&f, t->near);
	engine_feed_sync(&f, &c);
	EXPECT(t, "self 2 hub 1", "begin", "peer oslo 2 10.20.0.0/24 keepalive 0",
	       "peer hq 4 10.1.0.0/16 keepalive 25", "end 7");
	assert_true(engine_feed_refuses(&f, 3));
	assert_int_equal(net_feed_wanted(&c, &f, &addresses, &routes), ERR_OK);
	for (size_t i = 0; i < routes.n; i++) {
		char text[PREFIX_STR_SIZE];

		assert_string_not_equal(prefix_format(&routes.list[i], text), "10.30.0.0/24");
	}
	net_set_fini(&addresses);
	net_set_fini(&routes);
	directory_find(&c.dir, 3)->tunnel_sig[5] ^= 1;
	engine_feed_sync(&f, &c);
	assert_false(engine_feed_refuses(&f, 3));
	engine_feed_fini(&f);
	cache_fini(&c);
	tap_free(t);
}

static void many_subnets_take_several_messages(void **state)
{
	struct tap *t = tap_new(false);
	struct engine_feed f;
	struct cache c;
	char text[64];

	(void)state;
	fill(&c);
	for (unsigned i = 0; i < 2 * ENGINE_PEER_SUBNETS_MAX; i++) {
		snprintf(text, sizeof(text), "172.16.%u.%u/32", i / 256, i % 256);
		fake_subnet(directory_find(&c.dir, 3), text, 10);
	}
	engine_feed_init(&f, NULL, NULL, NULL);
	engine_feed_attach(&f, t->near);
	engine_feed_sync(&f, &c);
	EXPECT(t, "self 2 hub 1", "begin", "peer oslo 2 10.20.0.0/24 keepalive 0",
	       "peer hq 4 10.1.0.0/16 keepalive 25", "peer bergen via 256 10.20.0.0/24 keepalive 0",
	       "peer bergen via more 256 172.16.0.253/32 keepalive 0",
	       "peer bergen via more 3 172.16.1.253/32 keepalive 0", "end 7");
	cache_fini(&c);
	tap_free(t);
}

/* Applies a delta as apply.c does. */
static void apply(struct engine_feed *f, struct cache *c, const struct delta *x)
{
	bool hub_routes = engine_feed_touches_hub(c, x);

	assert_int_equal(directory_apply(&c->dir, x), ERR_OK);
	engine_feed_delta(f, c, x, hub_routes);
}

static void deltas(void **state)
{
	struct tap *t = tap_new(false);
	struct delta_gone gone[2] = { { .id = 3, .revoked = true }, { .id = 4, .revoked = false } };
	struct engine_feed f;
	struct cache c;
	struct node n;
	struct delta x;

	(void)state;
	fill(&c);
	engine_feed_init(&f, NULL, NULL, NULL);
	engine_feed_attach(&f, t->near);
	/* A revoked spoke: only that. */
	x = (struct delta){ .from = 7, .to = 8, .n_gone = 1, .gone = gone };
	apply(&f, &c, &x);
	EXPECT(t, "gone 3 revoked", "commit 8");
	/* A WireGuard node that goes takes its routes from the hub. */
	x = (struct delta){ .from = 8, .to = 9, .n_gone = 1, .gone = gone + 1 };
	apply(&f, &c, &x);
	EXPECT(t, "gone 4", "peer hq 2 10.1.0.0/16 keepalive 25", "commit 9");
	/* One that comes adds them. */
	fake_node(&n, 5, "tablet", NODE_WIREGUARD, NULL);
	x = (struct delta){ .from = 9, .to = 10, .n_changed = 1, .changed = &n };
	apply(&f, &c, &x);
	EXPECT(t, "peer hq 3 10.1.0.0/16 keepalive 25", "commit 10");
	node_fini(&n);
	/* Our own record is told with our own prefixes, and is no peer reached over the network. */
	fake_node(&n, 2, "oslo", NODE_SPOKE, &oslo_keys);
	x = (struct delta){ .from = 10, .to = 11, .n_changed = 1, .changed = &n };
	apply(&f, &c, &x);
	EXPECT(t, "self 2 hub 1", "peer oslo 1 10.99.0.2/32 keepalive 0", "commit 11");
	node_fini(&n);
	/* A forged tunnel key: the peer goes, if it was there. */
	fake_node(&n, 6, "mallory", NODE_SPOKE, &bergen_keys);
	n.tunnel_key = hub_keys.tunnel_public;
	x = (struct delta){ .from = 11, .to = 12, .n_changed = 1, .changed = &n };
	apply(&f, &c, &x);
	EXPECT(t, "gone 6", "commit 12");
	assert_true(engine_feed_refuses(&f, 6));
	/* A second hub is nobody's peer. */
	node_fini(&n);
	fake_node(&n, 7, "hq2", NODE_HUB, &bergen_keys);
	x = (struct delta){ .from = 12, .to = 13, .n_changed = 1, .changed = &n };
	apply(&f, &c, &x);
	EXPECT(t, "gone 7", "commit 13");
	node_fini(&n);
	engine_feed_fini(&f);
	cache_fini(&c);
	tap_free(t);
}

static void addresses_and_routes(void **state)
{
	struct tap *t = tap_new(true);
	struct prefix held;
	struct addr hub;
	struct engine_feed f;
	struct net_feed net;
	struct cache c;

	(void)state;
	fill(&c);
	engine_feed_init(&f, NULL, NULL, NULL);
	net_feed_init(&net, &t->near);
	net_feed_update(&net, &c, &f);
	/* Not 10.20.0.0/24: that is our own, although bergen has it too. */
	EXPECT(t, "begin", "add address 10.99.0.2/32", "add route 10.1.0.0/16",
	       "add route 10.30.0.0/24", "add route 10.40.0.0/24", "add route 10.99.0.0/16",
	       "end mtu 1400");
	net_feed_update(&net, &c, &f);
	tap_run(t);
	assert_int_equal(t->n, 0);
	directory_remove(&c.dir, 3);
	directory_find(&c.dir, 2)->addresses[0].b[3] = 22;
	fake_subnet(directory_find(&c.dir, 1), "10.2.0.0/16", 10);
	net_feed_update(&net, &c, &f);
	EXPECT(t, "remove address 10.99.0.2/32", "add address 10.99.0.22/32",
	       "add route 10.2.0.0/16", "remove route 10.30.0.0/24");
	c.welcome.mtu = 1300;
	net_feed_update(&net, &c, &f);
	tap_run(t);
	assert_string_equal(t->lines[t->n - 1], "end mtu 1300");
	tap_run(t);
	t->n = 0;

	/* The hub is reached at 10.2.0.9, and must stay so: the more specific of two routes first.
	 */
	fake_subnet(directory_find(&c.dir, 1), "10.2.0.0/24", 10);
	net_feed_update(&net, &c, &f);
	EXPECT(t, "add route 10.2.0.0/24");
	assert_int_equal(addr_parse("10.2.0.9", &hub), ERR_OK);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(net_feed_hold(&net, &hub, &held));
		assert_int_equal(held.len, i ? 16 : 24);
		net_feed_update(&net, &c, &f);
		if (i)
			EXPECT(t, "remove route 10.2.0.0/16");
		else
			EXPECT(t, "remove route 10.2.0.0/24");
	}
	assert_false(net_feed_hold(&net, &hub, &held));
	assert_true(net_feed_has_address(&net, &directory_find(&c.dir, 2)->addresses[0]));
	assert_false(net_feed_has_address(&net, &hub));
	/* Held as long as the hub is there, ... */
	assert_false(net_feed_release(&net, &hub, 1));
	net_feed_update(&net, &c, &f);
	tap_run(t);
	assert_int_equal(t->n, 0);
	/* ... and set when it is elsewhere. */
	assert_true(net_feed_release(&net, NULL, 0));
	net_feed_update(&net, &c, &f);
	EXPECT(t, "add route 10.2.0.0/16", "add route 10.2.0.0/24");
	/* What the directory has no more is held no more. */
	assert_true(net_feed_hold(&net, &hub, &held));
	directory_find(&c.dir, 1)->n_subnets--;
	net_feed_update(&net, &c, &f);
	EXPECT(t, "remove route 10.2.0.0/24");
	assert_int_equal(net.n_held, 0);
	net_feed_fini(&net);
	cache_fini(&c);
	tap_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wireguard_prefixes_are_routes_of_the_hub),
		cmocka_unit_test(whole_sync),
		cmocka_unit_test(nothing_without_a_welcome),
		cmocka_unit_test(a_tunnel_key_without_a_right_signature_is_refused),
		cmocka_unit_test(many_subnets_take_several_messages),
		cmocka_unit_test(deltas),
		cmocka_unit_test(addresses_and_routes),
	};

	BUG_ON(keys_generate(&hub_keys) || keys_generate(&oslo_keys) ||
	       keys_generate(&bergen_keys));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
