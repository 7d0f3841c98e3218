/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/auth.h"
#include "tests/lib/store_fixture.h"

#define WORKER 65534u
#define GROUP  60u

/* A row: who is on the other end of the UNIX socket, who started the hub; may it use the API? */
static const struct {
	uid_t uid;
	gid_t gid, extra;
	bool has_group;
	uid_t owner;
	bool allowed;
} peers[] = {
	{ 0, 0, 0, true, 0, true },
	{ 0, 0, 0, false, 0, true },
	{ 1000, 1000, 1000, true, 0, false },
	{ 1000, GROUP, 1000, true, 0, true },
	{ 1000, 1000, GROUP, true, 0, true },
	{ 1000, GROUP, GROUP, false, 0, false },
	{ WORKER, GROUP, GROUP, true, 0, false }, /* a worker of our own in wrong hands */
	{ 1000, 1000, 1000, false, 1000, true },  /* a hub that was started by a plain user */
	{ 1001, 1000, 1000, false, 1000, false },
};

static void judges_peers(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
		struct auth_unix u = { peers[i].owner, peers[i].has_group, GROUP };
		struct auth_peer p = { .uid = peers[i].uid,
				       .gid = peers[i].gid,
				       .n_groups = 1,
				       .groups = { peers[i].extra } };

		assert_int_equal(
			auth_peer_allowed(&u, &p, peers[i].owner ? peers[i].owner : WORKER),
			peers[i].allowed);
	}
}

static void names_peers(void **unused)
{
	struct auth_peer root = { .uid = 0 }, nobody = { .uid = 3999999 };
	char actor[AUTH_ACTOR_SIZE];

	(void)unused;
	assert_string_equal(auth_peer_actor(&root, actor), "unix:root");
	assert_string_equal(auth_peer_actor(&nobody, actor), "unix:uid3999999");
}

static void add_token(struct store *s, const char *name, const char *text, int64_t expires_ms)
{
	struct store_api_token t = { .created_ms = 1, .expires_ms = expires_ms, .role = "admin" };

	snprintf(t.name, sizeof(t.name), "%s", name);
	auth_token_hash(text, t.hash);
	assert_ok(store_begin(s));
	assert_ok(store_api_token_put(s, &t));
	assert_ok(store_commit(s));
}

static const struct {
	const char *header;
	enum err want;
} headers[] = {
	{ "Bearer blt_good", ERR_OK },
	{ "bearer   blt_good", ERR_OK },
	{ "Bearer blt_old", ERR_EXPIRED },
	{ "Bearer blt_goo", ERR_AUTH },
	{ "Bearer blt_good ", ERR_AUTH },
	{ "Bearer good", ERR_AUTH },
	{ "Bearer ", ERR_AUTH },
	{ "Basic blt_good", ERR_AUTH },
	{ "blt_good", ERR_AUTH },
	{ "", ERR_AUTH },
	{ NULL, ERR_AUTH },
};

static void judges_tokens(void **unused)
{
	char longest[1024] = "Bearer blt_";
	struct auth_who who = { 0 };
	struct fixture f;

	(void)unused;
	fixture_open(&f);
	add_token(f.s, "ci", "blt_good", 0);
	add_token(f.s, "old", "blt_old", 5000);
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		memset(&who, 0, sizeof(who));
		assert_int_equal(auth_bearer(f.s, headers[i].header, 5000, &who), headers[i].want);
		assert_string_equal(who.actor, headers[i].want ? "" : "token:ci");
		assert_int_equal(who.role, headers[i].want ? ROLE_NONE : ROLE_ADMIN);
	}
	assert_ok(auth_bearer(f.s, "Bearer blt_old", 4999, &who));
	memset(longest + 11, 'x', sizeof(longest) - 12);
	assert_int_equal(auth_bearer(f.s, longest, 5000, &who), ERR_AUTH);
	fixture_close(&f);
}

static void new_tokens_differ(void **unused)
{
	char a[AUTH_TOKEN_MAX_CHARS], b[AUTH_TOKEN_MAX_CHARS];

	(void)unused;
	auth_token_new(a);
	auth_token_new(b);
	assert_int_equal(strlen(a), 4 + 43);
	assert_memory_equal(a, "blt_", 4);
	assert_string_not_equal(a, b);
}

static void failures_are_limited(void **unused)
{
	struct addr a = fixture_addr("203.0.113.7"), b = fixture_addr("203.0.113.8");
	struct auth_limit l = { 0 };
	uint64_t now = 1000000;

	(void)unused;
	for (unsigned i = 0; i < AUTH_FAILURES_BURST; i++) {
		assert_int_equal(auth_limit_wait_ms(&l, &a, now), 0);
		auth_limit_failed(&l, &a, now);
	}
	assert_int_equal(auth_limit_wait_ms(&l, &a, now), AUTH_FAILURE_MS);
	assert_int_equal(auth_limit_wait_ms(&l, &b, now), 0);
	assert_int_equal(auth_limit_wait_ms(&l, &a, now + AUTH_FAILURE_MS - 1), 1);
	assert_int_equal(auth_limit_wait_ms(&l, &a, now + AUTH_FAILURE_MS), 0);
	auth_limit_failed(&l, &a, now + AUTH_FAILURE_MS);
	assert_int_equal(auth_limit_wait_ms(&l, &a, now + AUTH_FAILURE_MS), AUTH_FAILURE_MS);
	/* after a long quiet time there is the whole burst again */
	now += 3600000;
	for (unsigned i = 0; i < AUTH_FAILURES_BURST; i++) {
		assert_int_equal(auth_limit_wait_ms(&l, &a, now), 0);
		auth_limit_failed(&l, &a, now);
	}
	assert_true(auth_limit_wait_ms(&l, &a, now) > 0);
}

/* An IPv6 host cannot get round the limit by another address of its /64. */
static void ipv6_counts_by_network(void **unused)
{
	struct addr a = fixture_addr("2001:db8::1"), b = fixture_addr("2001:db8::2"),
		    c = fixture_addr("2001:db8:0:1::1");
	struct auth_limit l = { 0 };

	(void)unused;
	for (unsigned i = 0; i < AUTH_FAILURES_BURST; i++)
		auth_limit_failed(&l, &a, 1000000);
	assert_true(auth_limit_wait_ms(&l, &b, 1000000) > 0);
	assert_int_equal(auth_limit_wait_ms(&l, &c, 1000000), 0);
}

/* More sources than places: the one that is quiet longest is forgotten, the loud one is not. */
static void many_sources(void **unused)
{
	struct addr loud = fixture_addr("203.0.113.7"), other = fixture_addr("10.0.0.0");
	struct auth_limit l = { 0 };

	(void)unused;
	for (unsigned i = 0; i < AUTH_FAILURES_BURST + 5; i++)
		auth_limit_failed(&l, &loud, 1000000);
	for (unsigned i = 0; i < 2 * AUTH_SOURCES_MAX; i++) {
		other.b[2] = (uint8_t)(i >> 8);
		other.b[3] = (uint8_t)i;
		auth_limit_failed(&l, &other, 1000000 + i);
	}
	assert_true(auth_limit_wait_ms(&l, &loud, 1000000) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_peers),         cmocka_unit_test(names_peers),
		cmocka_unit_test(judges_tokens),        cmocka_unit_test(new_tokens_differ),
		cmocka_unit_test(failures_are_limited), cmocka_unit_test(ipv6_counts_by_network),
		cmocka_unit_test(many_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
