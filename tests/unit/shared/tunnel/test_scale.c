/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One engine with 10,000 peers: what a peer costs in memory, that finding one does not depend on
 * how many there are, and that no timer, however many peers it concerns, keeps packets waiting.
 *
 * Memory is what malloc has in use, before and after; a sanitizer's or valgrind's own malloc tells
 * nothing, so the bounds are checked in ordinary builds only, as is time. Stalls are counted in CPU
 * time of this thread: a busy machine must not fail the test.
 */
#include "engines.h"

#include <malloc.h>
#include <sys/eventfd.h>
#include <time.h>

#include "shared/tunnel/session.h"
#include "shared/tunnel/timers.h"
#include "tests/lib/sanitized.h"

#define PEERS            (SANITIZED ? 1000u : 10000u)
#define IDLE_MAX_BYTES   2048.0
#define ACTIVE_MAX_BYTES 16384.0
/* On a slower machine: what so many callers need for their keys and an initiation. */
#define STALL_MAX_NS      10000000u
#define STALL_MAX_CALLERS 40u
#define LONG_MS           550000u /* a sanitizer on a busy machine needs minutes */
/* Of one bucket among 10,000 entries with a good hash: one more is a matter of 10^-10. */
#define CHAIN_MAX 16u

static struct box hub;
static struct endpoint sink; /* where the peers seem to be; nobody reads there */
static int sink_fd;

/* Does the program run as it is, not under a sanitizer or valgrind (which is loaded before it)? */
static bool is_ordinary(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return !SANITIZED && !(preload && strstr(preload, "vgpreload"));
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static double heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

static struct peer *nth(uint32_t i) { return peer_find(hub.t, 2 + i); }

/* Peer `i` as the directory has it: an address and a net of its own, as a branch has. Without a
 * `key` it gets any 32 bytes, which are a public key. */
static void add_peer(uint32_t i, const struct public_key *key)
{
	static struct engine_peer m;
	struct addr a = addr_from_v4((const uint8_t[]){ 172, 16, (uint8_t)(i >> 8), (uint8_t)i });
	struct addr net = addr_from_v4((const uint8_t[]){ 10, (uint8_t)(i >> 8), (uint8_t)i, 0 });

	memset(&m, 0, sizeof(m));
	m.id = 2 + i;
	m.kind = NODE_SPOKE;
	m.aes = true;
	m.groups = m.reach = 1;
	snprintf(m.name, sizeof(m.name), "branch%u", (unsigned)i);
	if (key)
		m.tunnel_key = *key;
	else
		secret_random(m.tunnel_key.b, sizeof(m.tunnel_key.b));
	m.n_subnets = 2;
	m.subnets[0] = (struct node_subnet){ .prefix = prefix_of_host(&a), .weight = 10 };
	m.subnets[1] = (struct node_subnet){ .prefix = prefix_of_net(&net, 24), .weight = 10 };
	assert_int_equal(peer_set(hub.t, &m), ERR_OK);
}

static int open_hub(void **state)
{
	(void)state;
	assert_int_equal(loop_new(&the_loop), ERR_OK);
	sink_fd = udp_socket(&sink);
	node_open(&hub, 1);
	node_self(&hub, true, true);
	settle();
	return 0;
}

static int close_hub(void **state)
{
	(void)state;
	node_close(&hub);
	close(sink_fd);
	loop_free(the_loop);
	return 0;
}

/* --- memory ----------------------------------------------------------------------------------- */

static double idle_bytes; /* found by the first test, used by the next */

static void an_idle_peer_is_small(void **state)
{
	double before = heap_bytes();

	(void)state;
	for (uint32_t i = 0; i < PEERS; i++)
		add_peer(i, NULL);
	assert_int_equal(hub.t->by_id.count, PEERS);
	idle_bytes = (heap_bytes() - before) / PEERS;
	print_message("an idle peer with two prefixes: %.0f bytes, of them struct peer %zu\n",
		      idle_bytes, sizeof(struct peer));
	if (is_ordinary())
		assert_true(idle_bytes > 0 && idle_bytes <= IDLE_MAX_BYTES);
}

static struct keypair *make_keypair(struct peer *p)
{
	struct keypair *kp = calloc(1, sizeof(*kp));
	struct index_entry entry = { .peer = p, .keypair = kp };
	struct secret_key send, recv;
	struct keypair_params params = {
		.cipher = p->cipher, .is_initiator = true, .send_key = &send, .recv_key = &recv
	};

	assert_non_null(kp);
	secret_random(&send, sizeof(send));
	secret_random(&recv, sizeof(recv));
	assert_int_equal(index_add(hub.t->index, &entry, &params.local_index), ERR_OK);
	assert_int_equal(keypair_init(kp, &hub.t->primitives, &params, hub.t->now_ms), ERR_OK);
	return kp;
}

/* Gives every peer all the keys that it can have, and takes them away again: bytes a peer. */
static double bytes_of_keys(void)
{
	double before = heap_bytes(), with;

	for (uint32_t i = 0; i < PEERS; i++) {
		struct session *s = &nth(i)->session;

		s->current = make_keypair(nth(i));
		s->previous = make_keypair(nth(i));
		s->next = make_keypair(nth(i));
	}
	with = heap_bytes();
	for (uint32_t i = 0; i < PEERS; i++) {
		const struct keypair *kp = nth(i)->session.next;
		const struct index_entry *e = index_find(hub.t->index, kp->local_index);

		assert_ptr_equal(e->keypair, kp);
		assert_ptr_equal(e->peer, nth(i));
	}
	for (uint32_t i = 0; i < PEERS; i++)
		session_wipe(nth(i));
	return (with - before) / PEERS;
}

/* As active as it can be: a current, a previous and a next keypair, in the middle of a rekey. */
static void an_active_peer_is_bounded(void **state)
{
	const struct aead_ops *chosen = hub.t->primitives.aead[CIPHER_AES256GCM];
	const struct aead_ops *ops[] = { aead_openssl(CIPHER_AES256GCM), chosen };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		double keys;

		hub.t->primitives.aead[CIPHER_AES256GCM] = ops[i];
		keys = bytes_of_keys();
		print_message("an active peer, %s: %.0f bytes, a keypair %.0f\n", ops[i]->name,
			      idle_bytes + keys, keys / 3);
		if (is_ordinary())
			assert_true(keys > 0 && idle_bytes + keys <= ACTIVE_MAX_BYTES);
	}
	hub.t->primitives.aead[CIPHER_AES256GCM] = chosen;
}

/* --- lookup ----------------------------------------------------------------------------------- */

static unsigned longest_chain(const struct table *t)
{
	unsigned longest = 0;

	for (size_t i = 0; i < t->n_buckets; i++) {
		unsigned n = 0;

		for (const struct table_node *node = t->buckets[i]; node; node = node->next)
			n++;
		if (n > longest)
			longest = n;
	}
	return longest;
}

/* By id and by key: no bucket is long, though the number of peers grew from none to 10,000. */
static void buckets_stay_short(void **state)
{
	(void)state;
	print_message("longest chains: by id %u, by key %u, of %zu buckets\n",
		      longest_chain(&hub.t->by_id), longest_chain(&hub.t->by_key),
		      hub.t->by_id.n_buckets);
	assert_true(hub.t->by_id.n_buckets >= PEERS / 2);
	assert_true(longest_chain(&hub.t->by_id) <= CHAIN_MAX);
	assert_true(longest_chain(&hub.t->by_key) <= CHAIN_MAX);
}

/* Everything finds the peer that it should: id, key, address, net. */
static void each_peer_is_found(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < PEERS; i++) {
		const uint8_t address[4] = { 172, 16, (uint8_t)(i >> 8), (uint8_t)i };
		const uint8_t behind[4] = { 10, (uint8_t)(i >> 8), (uint8_t)i, 77 };
		struct peer *p = nth(i);

		assert_non_null(p);
		assert_ptr_equal(peer_find_key(hub.t, &p->tunnel_key), p);
		assert_ptr_equal(route_lookup(&hub.t->routes, AF_INET, address)->peer, p);
		assert_ptr_equal(route_lookup(&hub.t->routes, AF_INET, behind)->peer, p);
	}
}

/* --- stalls ----------------------------------------------------------------------------------- */

static uint64_t caller_ns; /* processor time of one, found by the first test, used by the next */

static uint64_t stall_max_ns(void)
{
	uint64_t here_ns = STALL_MAX_CALLERS * caller_ns;

	return here_ns > STALL_MAX_NS ? here_ns : STALL_MAX_NS;
}

/* A descriptor that is always ready, as that of a flow that never pauses: how long it waited. */
struct flow {
	struct loop_fd fd;
	uint64_t last_ns, worst_ns;
	unsigned rounds;
};

static void flow_ready(struct loop_fd *f, uint32_t events)
{
	struct flow *w = container_of(f, struct flow, fd);
	uint64_t now = cpu_ns();

	(void)events;
	if (w->last_ns && now - w->last_ns > w->worst_ns)
		w->worst_ns = now - w->last_ns;
	w->last_ns = now;
	w->rounds++;
}

/* `arg` counts those that have been found; a few at a time, so that asking is no stall itself. */
static bool all_tried(void *arg)
{
	uint32_t *tried = arg;

	for (unsigned i = 0; i < 200 && *tried < PEERS; i++) {
		if (!nth(*tried)->session.initiator.active)
			return false;
		++*tried;
	}
	return *tried == PEERS;
}

/*
 * Every peer's handshake has gone unanswered at the same moment, as after a failure of the hub's
 * line: 10,000 timers are due in one millisecond, and each makes an initiation.
 */
static void ten_thousand_timers_do_not_stall(void **state)
{
	struct flow flow = { 0 };
	uint64_t now = loop_now_ms(the_loop);
	uint32_t tried = 0;
	int fd = eventfd(1, EFD_CLOEXEC);

	(void)state;
	hub.t->now_ms = now;
	for (uint32_t i = 0; i < PEERS; i++) {
		struct peer *p = nth(i);

		p->path.endpoint = sink;
		p->due.attempt_began_ms = p->due.retransmit_ms = now;
		timers_arm(p);
	}
	assert_int_equal(loop_fd_add(the_loop, &flow.fd, fd, EPOLLIN, flow_ready), ERR_OK);
	flow_ready(&flow.fd, EPOLLIN);
	assert_true(run_until(all_tried, &tried, LONG_MS));
	flow_ready(&flow.fd, EPOLLIN);
	print_message("%u initiations in %u rounds: a flow waited %.1f ms at most\n", PEERS,
		      flow.rounds, (double)flow.worst_ns / 1e6);
	if (is_ordinary())
		assert_true(flow.worst_ns < stall_max_ns());
	loop_fd_del(the_loop, &flow.fd);
	close(fd);
}

/* Sends the initiation of a peer that the hub then knows as number `i`. */
static void send_initiation(uint32_t i)
{
	struct handshake_self self = { 0 };
	struct handshake_peer remote = { 0 };
	struct handshake_initiator initiator = { 0 };
	struct cookie_maker cookie = { 0 };
	struct primitives *prim = &hub.t->primitives;
	uint8_t msg[HANDSHAKE_INITIATION_BYTES], timestamp[TIMESTAMP_BYTES] = { 1 };
	struct secret_key key;

	secret_random(&key, sizeof(key));
	assert_int_equal(handshake_self_init(&self, &key), ERR_OK);
	assert_int_equal(handshake_peer_init(&remote, &self, &hub.public, NULL), ERR_OK);
	assert_int_equal(cookie_maker_init(&cookie, prim, &hub.public), ERR_OK);
	add_peer(i, &self.key.public);
	assert_int_equal(handshake_create_initiation(&initiator, prim, &self, &remote,
						     CIPHER_AES256GCM, i, timestamp, NULL, msg),
			 ERR_OK);
	assert_int_equal(cookie_add_macs(&cookie, prim, msg, sizeof(msg), hub.t->now_ms), ERR_OK);
	wire_send(sink_fd, msg, sizeof(msg), &hub.udp);
	handshake_initiator_fini(&initiator);
	cookie_maker_fini(&cookie);
	handshake_peer_fini(&remote);
	handshake_self_fini(&self);
}

/* Below HANDSHAKE_UNDER_LOAD_PER_S, where cookies begin, and what an ordinary socket buffer holds.
 */
#define CALLERS 200u

static bool all_answered(void *arg)
{
	uint32_t *answered = arg;

	while (*answered < CALLERS && nth(PEERS + *answered)->session.next)
		++*answered;
	return *answered == CALLERS;
}

/* The other way round: many initiations are in the socket at once, each of which costs the hub
 * four X25519. */
static void initiations_of_many_do_not_stall(void **state)
{
	struct flow flow = { 0 };
	uint32_t answered = 0;
	int fd = eventfd(1, EFD_CLOEXEC);

	(void)state;
	caller_ns = cpu_ns();
	for (uint32_t i = 0; i < CALLERS; i++)
		send_initiation(PEERS + i);
	caller_ns = (cpu_ns() - caller_ns) / CALLERS;
	assert_int_equal(loop_fd_add(the_loop, &flow.fd, fd, EPOLLIN, flow_ready), ERR_OK);
	flow_ready(&flow.fd, EPOLLIN);
	assert_true(run_until(all_answered, &answered, LONG_MS));
	flow_ready(&flow.fd, EPOLLIN);
	print_message(
		"%u initiations received in %u rounds: a flow waited %.1f ms at most of %.1f\n",
		CALLERS, flow.rounds, (double)flow.worst_ns / 1e6, (double)stall_max_ns() / 1e6);
	if (is_ordinary())
		assert_true(flow.worst_ns < stall_max_ns());
	loop_fd_del(the_loop, &flow.fd);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_peer_is_small),
		cmocka_unit_test(an_active_peer_is_bounded),
		cmocka_unit_test(buckets_stay_short),
		cmocka_unit_test(each_peer_is_found),
		cmocka_unit_test(initiations_of_many_do_not_stall),
		cmocka_unit_test(ten_thousand_timers_do_not_stall),
	};

	return cmocka_run_group_tests(tests, open_hub, close_hub);
}
