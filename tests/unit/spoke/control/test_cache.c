/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cache: what is written is read again, and no damage of any byte goes unseen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/file.h"
#include "spoke/control/cache.h"
#include "tests/unit/spoke/fake_hub.h"

static struct keys keys;

static void fill(struct cache *c)
{
	struct endpoint e[2];
	struct node n;

	cache_init(c);
	fake_welcome(&c->welcome, 2, "oslo", 7);
	c->has_welcome = true;
	fake_node(&n, 1, "hq", NODE_HUB, &keys);
	fake_subnet(&n, "10.1.0.0/16", 10);
	assert_int_equal(directory_put(&c->dir, &n), ERR_OK);
	node_fini(&n);
	fake_node(&n, 2, "oslo", NODE_SPOKE, &keys);
	assert_int_equal(directory_put(&c->dir, &n), ERR_OK);
	node_fini(&n);
	c->dir.revision = 7;
	c->highest = 9;
	c->confirmed_ms = 1000000;
	assert_int_equal(endpoint_parse("203.0.113.1:6655", 0, &e[0]), ERR_OK);
	assert_int_equal(endpoint_parse("[2001:db8::1]:6655", 0, &e[1]), ERR_OK);
	c->last_good = e[0];
	assert_true(cache_remember(c, "hq.example 6655", e, 2));
	assert_false(cache_remember(c, "hq.example 6655", e, 2));
}

static void encode(const struct cache *c, struct buf *b)
{
	buf_init(b, 1u << 20);
	assert_int_equal(cache_encode(c, b), ERR_OK);
}

static void comes_back_as_it_was(void **state)
{
	struct endpoint found[RESOLVE_ADDRESSES_MAX];
	struct cache c, d;
	struct buf b, again;

	(void)state;
	fill(&c);
	c.refused = true;
	snprintf(c.refused_why, sizeof(c.refused_why), "its key was revoked: stolen");
	encode(&c, &b);
	cache_init(&d);
	assert_int_equal(cache_decode(&d, buf_data(&b), buf_len(&b)), ERR_OK);
	assert_int_equal(d.dir.revision, 7);
	assert_int_equal(d.highest, 9);
	assert_true(d.refused);
	assert_string_equal(d.refused_why, c.refused_why);
	assert_true(node_equal(cache_hub(&d), cache_hub(&c)));
	assert_string_equal(cache_self(&d)->name, "oslo");
	assert_int_equal(cache_recall(&d, "hq.example 6655", found), 2);
	assert_int_equal(cache_recall(&d, "other 1", found), 0);
	assert_true(endpoint_equal(&d.last_good, &c.last_good));
	assert_int_equal(d.welcome.keepalive_s, 25);
	assert_true(prefix_equal(&d.welcome.pools[0], &c.welcome.pools[0]));
	encode(&d, &again);
	assert_int_equal(buf_len(&again), buf_len(&b));
	assert_memory_equal(buf_data(&again), buf_data(&b), buf_len(&b));
	buf_fini(&b);
	buf_fini(&again);
	cache_fini(&c);
	cache_fini(&d);
}

/* The hub's reason was cut to our size inside a character: the refusal is remembered all the same.
 */
static void a_cut_reason_is_kept(void **state)
{
	struct cache c, d;
	struct buf b;

	(void)state;
	fill(&c);
	c.refused = true;
	snprintf(c.refused_why, sizeof(c.refused_why), "lost in Troms\xc3");
	encode(&c, &b);
	cache_init(&d);
	assert_int_equal(cache_decode(&d, buf_data(&b), buf_len(&b)), ERR_OK);
	assert_true(d.refused);
	assert_string_equal(d.refused_why, "lost in Troms?");
	buf_fini(&b);
	cache_fini(&c);
	cache_fini(&d);
}

static void every_damaged_byte_is_seen(void **state)
{
	struct cache c, d;
	struct buf b;

	(void)state;
	fill(&c);
	encode(&c, &b);
	for (size_t i = 0; i < buf_len(&b); i++) {
		uint8_t *p = b.mem + b.off + i, was = *p;
		enum err e;

		*p = (uint8_t)(was ^ (1u << (i % 8)));
		cache_init(&d);
		e = cache_decode(&d, buf_data(&b), buf_len(&b));
		if (e != ERR_CORRUPT && e != ERR_VERSION)
			fail_msg("byte %zu: %d", i, (int)e);
		assert_int_equal(d.dir.count, 0);
		*p = was;
	}
	buf_fini(&b);
	cache_fini(&c);
}

static void every_shorter_file_is_seen(void **state)
{
	struct cache c, d;
	struct buf b;

	(void)state;
	fill(&c);
	encode(&c, &b);
	for (size_t n = 0; n < buf_len(&b); n++) {
		cache_init(&d);
		assert_int_equal(cache_decode(&d, buf_data(&b), n), ERR_CORRUPT);
	}
	buf_fini(&b);
	cache_fini(&c);
}

static void another_format_is_refused(void **state)
{
	static const char text[] = "{\"format\":2,\"sha256\":\"\"}\n{}\n";
	struct cache d;

	(void)state;
	cache_init(&d);
	assert_int_equal(cache_decode(&d, text, sizeof(text) - 1), ERR_VERSION);
}

static void a_damaged_file_is_moved_aside(void **state)
{
	char path[64] = "/tmp/spoke-cache-XXXXXX", aside[80];
	struct cache c;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "garbage\n", 8), 8);
	close(fd);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	cache_init(&c);
	assert_int_equal(cache_load(&c, path), ERR_CORRUPT);
	assert_false(file_exists(path));
	assert_true(file_exists(aside));
	unlink(aside);
	assert_int_equal(cache_load(&c, path), ERR_NOTFOUND);
	fill(&c);
	assert_int_equal(cache_save(&c, path), ERR_OK);
	cache_fini(&c);
	assert_int_equal(cache_load(&c, path), ERR_OK);
	assert_int_equal(c.dir.count, 2);
	cache_fini(&c);
	unlink(path);
}

static void grace(void **state)
{
	static const struct {
		int64_t confirmed_ms, seen_ms, wall_ms;
		uint64_t left_ms;
	} rows[] = {
		{ 0, 0, 1000000, 0 }, /* never confirmed */
		{ 1000000, 1000000, 1000000, 60000 },
		{ 1000000, 1000000, 1059999, 1 },
		{ 1000000, 1000000, 1060000, 0 },
		{ 1000000, 1000000, 9999999, 0 },
		{ 1000000, 1000000, 500000,
		  60000 }, /* set back before the confirmation: nothing gained, nothing lost */
		{ 1000000, 1050000, 500000, 10000 }, /* set back later: the latest clock counts */
		{ 1000000, 1060000, 1000000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cache c = { .confirmed_ms = rows[i].confirmed_ms,
				   .seen_ms = rows[i].seen_ms };

		assert_int_equal(cache_grace_left_ms(&c, rows[i].wall_ms, 60), rows[i].left_ms);
	}
}

static void oldest_names_are_forgotten(void **state)
{
	struct endpoint e, out[RESOLVE_ADDRESSES_MAX];
	struct cache c;
	char name[32];

	(void)state;
	cache_init(&c);
	assert_int_equal(endpoint_parse("203.0.113.1:6655", 0, &e), ERR_OK);
	for (unsigned i = 0; i <= CACHE_ADDRESSES_MAX; i++) {
		snprintf(name, sizeof(name), "host%u 1", i);
		assert_true(cache_remember(&c, name, &e, 1));
	}
	assert_int_equal(c.n_addresses, CACHE_ADDRESSES_MAX);
	assert_int_equal(cache_recall(&c, "host0 1", out), 0);
	assert_int_equal(cache_recall(&c, name, out), 1);
}

/* Where peers were: comes back from the file, the oldest goes first, and a file of before there was
 * such a thing is as good as ever. */
static void endpoints_of_peers(void **state)
{
	struct endpoint e[2];
	struct cache c, back;
	struct buf b;

	(void)state;
	cache_init(&c);
	cache_init(&back);
	assert_int_equal(endpoint_parse("203.0.113.1:6655", 0, &e[0]), ERR_OK);
	assert_int_equal(endpoint_parse("[2001:db8::1]:7000", 0, &e[1]), ERR_OK);
	assert_true(cache_peer_put(&c, 7, e, 2, 1000));
	assert_false(cache_peer_put(&c, 7, e, 2, 2000));
	assert_int_equal(cache_peer_find(&c, 7)->at_ms, 2000);
	assert_true(cache_peer_first(&c, 7, &e[1], 3000));
	assert_false(cache_peer_first(&c, 7, &e[1], 3000));
	assert_true(endpoint_equal(&cache_peer_find(&c, 7)->endpoints[0], &e[1]));
	assert_int_equal(cache_peer_find(&c, 7)->n, 2);
	buf_init(&b, CACHE_FILE_MAX_BYTES);
	assert_int_equal(cache_encode(&c, &b), ERR_OK);
	assert_int_equal(cache_decode(&back, buf_data(&b), buf_len(&b)), ERR_OK);
	buf_fini(&b);
	assert_int_equal(back.n_peers, 1);
	assert_int_equal(cache_peer_find(&back, 7)->at_ms, 3000);
	assert_true(endpoint_equal(&cache_peer_find(&back, 7)->endpoints[1], &e[0]));
	/* Nobody of that id is in the directory. */
	cache_peers_prune(&back);
	assert_int_equal(back.n_peers, 0);
	cache_fini(&back);
	for (uint32_t id = 8; id < 8 + CACHE_PEERS_MAX; id++)
		assert_true(cache_peer_put(&c, id, e, 1, 3000 + id));
	assert_int_equal(c.n_peers, CACHE_PEERS_MAX);
	assert_null(cache_peer_find(&c, 7));
	assert_non_null(cache_peer_find(&c, 8));
	assert_true(cache_peer_put(&c, 8, NULL, 0, 9000));
	assert_null(cache_peer_find(&c, 8));
	assert_false(cache_peer_put(&c, 8, NULL, 0, 9000));
	cache_fini(&c);
}

/* Written by the version before, with its sum. */
static void a_file_of_before_loads(void **state)
{
	static const char old[] =
		"{\"format\":1,\"sha256\":"
		"\"56e3e0caeb2a692c747133b5ed1949b6383286d0997294db16a6313434c2495d\"}\n"
		"{\"directory\":{\"revision\":0,\"nodes\":[]},\"highest_revision\":5,"
		"\"confirmed_ms\":1000,\"seen_ms\":2000,\"refused\":false,\"refused_why\":\"\","
		"\"welcome\":null,\"last_good\":\"203.0.113.1:6655\",\"hub_addresses\":[]}\n";
	struct cache c;

	(void)state;
	cache_init(&c);
	assert_int_equal(cache_decode(&c, old, sizeof(old) - 1), ERR_OK);
	assert_int_equal(c.highest, 5);
	assert_int_equal(c.n_peers, 0);
	cache_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(a_cut_reason_is_kept),
		cmocka_unit_test(every_damaged_byte_is_seen),
		cmocka_unit_test(every_shorter_file_is_seen),
		cmocka_unit_test(another_format_is_refused),
		cmocka_unit_test(a_damaged_file_is_moved_aside),
		cmocka_unit_test(grace),
		cmocka_unit_test(oldest_names_are_forgotten),
		cmocka_unit_test(endpoints_of_peers),
		cmocka_unit_test(a_file_of_before_loads),
	};

	BUG_ON(keys_generate(&keys) != ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
