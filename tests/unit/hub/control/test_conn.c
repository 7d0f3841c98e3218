/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Links: hostile bytes, limits on strangers, one identity on two machines, the orderly end. */
#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/unit/hub/control/hub_world.h"

static void sends_bytes(struct spoke *x, const void *p, size_t n)
{
	assert_int_equal(stream_send(x->stream, p, n), ERR_OK);
}

/* As the first thing after TLS, and on a link that is up. */
static void test_garbage(void **state)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t n;
	} rows[] = {
		{ "no JSON", "\0\0\0\4nope", 8 },
		{ "an array", "\0\0\0\2[]", 6 },
		{ "empty", "\0\0\0\0", 4 },
		{ "too long", "\x7f\xff\xff\xff", 4 },
		{ "compressed garbage", "\x80\0\0\4abcd", 8 },
		{ "HTTP", "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "no type", "\0\0\0\2{}", 6 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (unsigned up = 0; up < 2; up++) {
			struct spoke x;
			char name[16];

			snprintf(name, sizeof(name), "box%zu", i);
			if (up)
				spoke_joins(w, &x, name, NULL);
			else
				spoke_new(w, &x), spoke_dial(&x);
			spoke_forget(&x);
			sends_bytes(&x, rows[i].bytes, rows[i].n);
			if (strcmp(rows[i].what, "no type") != 0)
				assert_int_equal(spoke_expects(&x, CONTROL_BYE)->bye.reason,
						 BYE_PROTOCOL);
			if (strcmp(rows[i].what, "no type") != 0 || !up)
				assert_true(wait_for(w, spoke_is_closed, &x));
			spoke_end(&x);
			settle(w, 5);
			assert_int_equal(w->c->admission.n_strangers, 0);
		}
	}
	assert_int_equal(registry_count(&w->c->registry), 0);
}

/* A frame that a known spoke may send is too long for a stranger. */
static void test_stranger_frame_limit(void **state)
{
	const uint8_t head[4] = { 0, 0, (LINK_FRAME_STRANGER_MAX_BYTES + 1) >> 8,
				  (LINK_FRAME_STRANGER_MAX_BYTES + 1) & 0xff };
	struct world *w = *state;
	struct spoke x;

	spoke_new(w, &x);
	spoke_dial(&x);
	sends_bytes(&x, head, sizeof(head));
	assert_int_equal(spoke_expects(&x, CONTROL_BYE)->bye.reason, BYE_PROTOCOL);
	assert_int_equal(w->c->counters.n[COUNT_REFUSED_FRAME], 1);
	spoke_end(&x);
}

static void test_messages_out_of_place(void **state)
{
	static const struct {
		enum control_type type;
		bool up;
	} rows[] = {
		{ CONTROL_ACK, false },    { CONTROL_REPORT, false },  { CONTROL_PONG, false },
		{ CONTROL_LOCATE, false }, { CONTROL_WELCOME, false }, { CONTROL_BYE, true },
		{ CONTROL_JOIN, true },    { CONTROL_PRESENCE, true },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct control_msg m = { .type = rows[i].type };
		struct spoke x;
		char name[16];

		snprintf(name, sizeof(name), "box%zu", i);
		if (rows[i].type == CONTROL_BYE)
			m.bye.reason = BYE_BUSY;
		if (rows[i].type == CONTROL_LOCATE || rows[i].type == CONTROL_PRESENCE)
			m.locate.id = 1;
		if (rows[i].type == CONTROL_ACK)
			m.ack.revision = 1;
		if (rows[i].type == CONTROL_WELCOME) {
			snprintf(m.welcome.network, sizeof(m.welcome.network), "x");
			snprintf(m.welcome.name, sizeof(m.welcome.name), "x");
			snprintf(m.welcome.hub_name, sizeof(m.welcome.hub_name), "x");
			m.welcome.id = 2;
			m.welcome.hub_id = 1;
			m.welcome.mtu = 1400;
			m.welcome.udp_port = 6655;
		}
		if (rows[i].up)
			spoke_joins(w, &x, name, NULL);
		else
			spoke_new(w, &x), spoke_dial(&x);
		spoke_sends(&x, &m);
		assert_int_equal(spoke_expects(&x, CONTROL_BYE)->bye.reason, BYE_PROTOCOL);
		assert_true(wait_for(w, spoke_is_closed, &x));
		spoke_end(&x);
	}
}

static void test_unknown_type(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	spoke_sends_text(&x, "{\"type\":\"teleport\",\"where\":[1,2]}");
	assert_string_equal(spoke_expects(&x, CONTROL_ERROR)->error.code, "unknown_type");
	spoke_sends_locate(&x, 9999);
	spoke_expects(&x, CONTROL_PRESENCE); /* the link lives */
	assert_int_equal(w->c->counters.n[COUNT_UNKNOWN_TYPE], 1);
	spoke_end(&x);

	spoke_new(w, &x);
	spoke_dial(&x);
	spoke_sends_text(&x, "{\"type\":\"teleport\"}");
	assert_string_equal(spoke_expects(&x, CONTROL_ERROR)->error.code, "unknown_type");
	assert_true(wait_for(w, spoke_is_closed, &x));
	spoke_end(&x);
}

static void test_too_many_messages(void **state)
{
	struct control_msg pong = { .type = CONTROL_PONG };
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	for (unsigned i = 0; i < LINK_MESSAGES_BURST + 20; i++)
		spoke_sends(&x, &pong);
	assert_int_equal(spoke_expects(&x, CONTROL_BYE)->bye.reason, BYE_PROTOCOL);
	assert_int_equal(w->c->counters.n[COUNT_REFUSED_RATE], 1);
	spoke_end(&x);
}

static int connect_plain(const struct world *w)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(w->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* Half-open connections of one address do not grow without end, and go away. */
static void test_strangers_of_one_source(void **state)
{
	enum { EXTRA = 8 };
	struct world *w = *state;
	int fds[LINK_UNAUTHENTICATED_PER_SOURCE + EXTRA];

	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = connect_plain(w);
	settle(w, 30);
	assert_int_equal(w->c->admission.n_strangers, LINK_UNAUTHENTICATED_PER_SOURCE);
	assert_int_equal(w->c->counters.n[COUNT_REFUSED_SOURCE], EXTRA);
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	settle(w, 30);
	assert_int_equal(w->c->admission.n_strangers, 0);
	assert_int_equal(w->c->admission.n_tls, 0);

	struct spoke x;
	spoke_joins(w, &x, "oslo", NULL);
	spoke_end(&x);
}

/* A connection from 127.0.0.`last`: half-open, as far as TLS goes. */
static int connect_from(const struct world *w, uint32_t last)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last) };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(w->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static bool all_places_are_taken(void *arg)
{
	const struct world *w = arg;

	return w->c->admission.n_tls == LINK_TLS_PENDING_MAX;
}

/*
 * Many sources hold all places for TLS handshakes and say nothing: who comes later waits in the
 * backlog, no longer than the silent ones have for sure.
 */
static void test_strangers_of_many_sources(void **state)
{
	enum { PER_SOURCE = 16, SOURCES = LINK_TLS_PENDING_MAX / PER_SOURCE };
	struct world *w = *state;
	int fds[LINK_TLS_PENDING_MAX];
	struct spoke x;

	for (unsigned i = 0; i < SOURCES; i++) {
		for (unsigned k = 0; k < PER_SOURCE; k++)
			fds[i * PER_SOURCE + k] = connect_from(w, 2 + i);
		settle(w, 2);
	}
	assert_true(wait_for(w, all_places_are_taken, w));
	assert_true(w->c->listeners.all[0].resting);
	uint64_t began_ms = clock_now_ms();
	spoke_joins(w, &x, "oslo", NULL);
	assert_in_range(clock_now_ms() - began_ms, 0, LINK_STRANGER_MIN_MS + 1500);
	assert_true(w->c->counters.n[COUNT_REFUSED_EVICTED] >= 1);
	spoke_end(&x);
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	settle(w, 50);
	assert_int_equal(w->c->admission.n_tls, 0);
	assert_int_equal(w->c->admission.n_strangers, 0);
	assert_false(w->c->listeners.all[0].resting);
}

/* --- at the limit of open files --- */

#define FEW_FILES 56u /* half of them are for connections */

/* The soft limit of open files. Returns what it was. */
static rlim_t limit_files(rlim_t to)
{
	struct rlimit r;
	rlim_t was;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	was = r.rlim_cur;
	r.rlim_cur = to;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	return was;
}

/* The worker starts under a low limit; then there is room for our ends of the connections. */
static int world_setup_few_files(void **state)
{
	rlim_t was = limit_files(FEW_FILES);
	int code = world_setup(state);

	limit_files(was);
	return code;
}

/* A link is up, and works. */
static void link_works(struct spoke *x)
{
	spoke_forget(x);
	spoke_sends_locate(x, 9999);
	spoke_expects(x, CONTROL_PRESENCE);
}

static bool one_more_is_accepted(void *arg)
{
	const struct world *w = arg;

	return w->c->admission.n_strangers == 1;
}

struct seen_revision {
	const struct control *c;
	uint64_t revision;
};

static bool a_newer_revision_is_read(void *arg)
{
	const struct seen_revision *seen = arg;

	return seen->c->dir.revision > seen->revision;
}

static bool nobody_is_a_stranger(void *arg)
{
	const struct world *w = arg;

	return w->c->admission.n_strangers == 0;
}

/*
 * Links take all places but the worker's own: who comes then waits, what is up works, the store
 * too, and the first place that is free is taken.
 */
static void test_all_places_are_links(void **state)
{
	enum { PLACES = FEW_FILES / 2 };
	struct world *w = *state;
	struct spoke *x = calloc(PLACES, sizeof(*x)), late;
	char name[16];

	assert_non_null(x);
	assert_int_equal(w->c->listeners.open_max, PLACES);
	for (unsigned i = 0; i < PLACES; i++) {
		snprintf(name, sizeof(name), "box%u", i);
		assert_false(w->c->listeners.all[0].resting);
		spoke_joins(w, &x[i], name, NULL);
	}
	assert_true(w->c->listeners.all[0].resting);
	int fd = connect_plain(w);
	settle(w, 100);
	assert_int_equal(w->c->counters.n[COUNT_ACCEPTED], PLACES);
	assert_int_equal(registry_count(&w->c->registry), PLACES);
	struct seen_revision seen = { w->c, w->c->dir.revision };
	admin_adds(w, "bergen", NULL);
	nudge(w);
	assert_true(wait_for(w, a_newer_revision_is_read, &seen));
	link_works(&x[1]);

	spoke_end(&x[0]);
	assert_true(wait_for(w, one_more_is_accepted, w));
	assert_true(w->c->listeners.all[0].resting);
	link_works(&x[1]);
	close(fd);
	assert_true(wait_for(w, nobody_is_a_stranger, w));
	spoke_joins(w, &late, "oslo", NULL);
	spoke_end(&late);
	for (unsigned i = 1; i < PLACES; i++)
		spoke_end(&x[i]);
	settle(w, 20);
	assert_int_equal(w->c->listeners.n_open, 0);
	free(x);
}

static bool accept_has_failed(void *arg)
{
	const struct world *w = arg;

	return w->c->listeners.broke_ms != 0;
}

static uint64_t cpu_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Somebody else took the last descriptor: accept4() itself fails. */
static void test_no_descriptor(void **state)
{
	enum { FILES = 200 };
	struct world *w = *state;
	struct spoke stays, ends;
	int fillers[FILES], fd, n = 0;

	spoke_joins(w, &stays, "oslo", NULL);
	spoke_joins(w, &ends, "bergen", NULL);
	fd = connect_plain(w);
	rlim_t was = limit_files(FILES);
	while (n < FILES && (fillers[n] = dup(STDERR_FILENO)) >= 0)
		n++;
	assert_int_equal(errno, EMFILE);
	assert_true(wait_for(w, accept_has_failed, w));
	uint64_t cpu = cpu_ms(), wall = clock_now_ms();
	settle(w, 600);
	wall = clock_now_ms() - wall;
	assert_in_range(cpu_ms() - cpu, 0, wall / 2); /* it waits, and does not spin */
	assert_int_equal(w->c->counters.n[COUNT_ACCEPTED], 2);
	link_works(&stays);

	spoke_end(&ends);
	assert_true(wait_for(w, one_more_is_accepted, w));
	link_works(&stays);
	limit_files(was);
	while (n > 0)
		close(fillers[--n]);
	close(fd);
	spoke_end(&stays);
}

/* --- the life of a link --- */

/* TLS is done, but no first message comes. */
static void test_slow_stranger(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_new(w, &x);
	spoke_dial(&x);
	settle(w, 5);
	assert_int_equal(w->c->admission.n_strangers, 1);
	struct conn *conn = list_entry(w->c->strangers.next, struct conn, in_strangers);
	assert_int_equal(conn->state, CONN_FIRST);
	conn->accepted_ms -= LINK_HANDSHAKE_MS;
	timer_arm(loop_timers(w->loop), &conn->timer, clock_now_ms());
	assert_true(wait_for(w, spoke_is_closed, &x));
	assert_int_equal(w->c->counters.n[COUNT_REFUSED_SLOW], 1);
	spoke_end(&x);
}

static void test_ping_and_death(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	struct conn *conn = registry_find(&w->c->registry, x.id);
	assert_non_null(conn);
	conn->heard_ms -= LINK_PING_MS;
	timer_arm(loop_timers(w->loop), &conn->timer, clock_now_ms());
	spoke_expects(&x, CONTROL_PING);
	assert_true(conn->pinged);
	struct control_msg pong = { .type = CONTROL_PONG };
	spoke_sends(&x, &pong);
	settle(w, 20);
	assert_false(conn->pinged);

	conn->heard_ms -= LINK_DEAD_MS;
	conn->pinged = true;
	timer_arm(loop_timers(w->loop), &conn->timer, clock_now_ms());
	assert_true(wait_for(w, spoke_is_closed, &x));
	assert_int_equal(w->c->counters.n[COUNT_DEAD], 1);
	spoke_end(&x);
}

/* Two machines with one identity: the newer wins a few times, then it has to wait. */
static void test_replaced(void **state)
{
	struct world *w = *state;
	struct spoke a, b;
	struct spoke *pair[2] = { &a, &b };

	spoke_joins(w, &a, "oslo", NULL);
	b = a;
	b.n = 0;
	b.stream = NULL;
	assert_int_equal(stream_identity_new(&a.seed, &b.identity), ERR_OK);
	for (unsigned i = 0; i < LINK_REPLACED_MAX; i++) {
		struct spoke *now = pair[(i + 1) % 2], *old = pair[i % 2];
		spoke_returns(now);
		const struct control_bye *bye = &spoke_expects(old, CONTROL_BYE)->bye;
		assert_int_equal(bye->reason, BYE_REPLACED);
		assert_true(wait_for(w, spoke_is_closed, old));
	}
	struct spoke *holder = pair[LINK_REPLACED_MAX % 2],
		     *newer = pair[(LINK_REPLACED_MAX + 1) % 2];
	spoke_dial(newer);
	spoke_sends_hello(newer, newer->revision, newer->revision);
	const struct control_bye *bye = &spoke_expects(newer, CONTROL_BYE)->bye;
	assert_int_equal(bye->reason, BYE_REPLACED);
	assert_int_equal(bye->retry_after_ms, LINK_RETRY_MAX_MS);
	assert_false(holder->closed);
	assert_int_equal(w->c->counters.n[COUNT_REFUSED_REPLACED], 1);

	/* After a while the newer one may come again. */
	struct conn *conn = registry_find(&w->c->registry, a.id);
	for (unsigned i = 0; i < LINK_REPLACED_MAX; i++)
		conn->replaced_ms[i] -= LINK_REPLACED_WINDOW_MS;
	spoke_returns(newer);
	struct store_presence p;
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_presence_get(w->admin, a.id, &p), ERR_OK);
	assert_true(p.online); /* one left, one came: it was never away */
	spoke_end(&a);
	spoke_end(&b);
}

static void test_orderly_stop(void **state)
{
	struct world *w = *state;
	struct spoke a, b, stranger;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	spoke_new(w, &stranger);
	spoke_dial(&stranger);
	settle(w, 100);
	w->w.ops->stop(&w->w);
	const struct control_bye *bye = &spoke_expects(&a, CONTROL_BYE)->bye;
	assert_int_equal(bye->reason, BYE_SHUTDOWN);
	assert_in_range(bye->retry_after_ms, 1, 1000);
	if (!w->ended)
		settle(w, 1500);
	assert_true(w->ended);
	struct store_presence p;
	assert_int_equal(store_presence_get(w->admin, a.id, &p), ERR_OK);
	assert_false(p.online);
	spoke_end(&a);
	spoke_end(&b);
	spoke_end(&stranger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_garbage, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_stranger_frame_limit, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_messages_out_of_place, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_unknown_type, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_too_many_messages, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_strangers_of_one_source, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_strangers_of_many_sources, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_all_places_are_links, world_setup_few_files,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptor, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_slow_stranger, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_ping_and_death, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_replaced, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_orderly_stop, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
