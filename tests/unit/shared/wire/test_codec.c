/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/codec.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

/* Reads one thing of each kind from the front. */
static void get_addr(struct cursor *c)
{
	struct addr a;

	codec_get_addr(c, &a, CODEC_OPTIONAL);
}

static void get_addr_required(struct cursor *c)
{
	struct addr a;

	codec_get_addr(c, &a, CODEC_REQUIRED);
}

static void get_endpoint(struct cursor *c)
{
	struct endpoint e;

	codec_get_endpoint(c, &e, CODEC_OPTIONAL);
}

static void get_prefix(struct cursor *c)
{
	struct prefix p;

	codec_get_prefix(c, &p, CODEC_OPTIONAL);
}

static void get_subnet(struct cursor *c)
{
	struct node_subnet s;

	codec_get_subnet(c, &s);
}

static void get_own(struct cursor *c)
{
	struct addr a[2];

	codec_get_own_addrs(c, a);
}

static void get_name(struct cursor *c)
{
	char name[NAME_SIZE];

	codec_get_name(c, name, CODEC_REQUIRED);
}

static void get_name_optional(struct cursor *c)
{
	char name[NAME_SIZE];

	codec_get_name(c, name, CODEC_OPTIONAL);
}

static void get_bool(struct cursor *c) { codec_get_bool(c); }
static void get_u8(struct cursor *c) { codec_get_u8_in(c, 3, 5); }
static void get_u16(struct cursor *c) { codec_get_u16_in(c, 0x102, 0x103); }
static void get_id(struct cursor *c) { codec_get_id(c); }
static void get_result(struct cursor *c) { (void)!codec_get_err(c); }

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static void test_rows(void **state)
{
	const struct {
		const char *what;
		void (*get)(struct cursor *c);
		const uint8_t *p;
		size_t n;
		enum err e;
	} rows[] = {
		{ "no address", get_addr, BYTES(0), ERR_OK },
		{ "no address, required", get_addr_required, BYTES(0), ERR_INVALID },
		{ "IPv4", get_addr_required, BYTES(4, 10, 0, 0, 1), ERR_OK },
		{ "IPv4, short", get_addr, BYTES(4, 10, 0, 0), ERR_TRUNCATED },
		{ "IPv6", get_addr, BYTES(6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
		  ERR_OK },
		{ "AF_INET6 is no kind", get_addr, BYTES(AF_INET6), ERR_INVALID },
		{ "no endpoint", get_endpoint, BYTES(0), ERR_OK },
		{ "endpoint", get_endpoint, BYTES(4, 10, 0, 0, 1, 1, 0, 0, 0, 0, 0), ERR_OK },
		{ "port 0", get_endpoint, BYTES(4, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0), ERR_INVALID },
		{ "scope of IPv4", get_endpoint, BYTES(4, 10, 0, 0, 1, 1, 0, 1, 0, 0, 0),
		  ERR_INVALID },
		{ "no port", get_endpoint, BYTES(4, 10, 0, 0, 1), ERR_TRUNCATED },
		{ "no prefix", get_prefix, BYTES(0), ERR_OK },
		{ "prefix /0", get_prefix, BYTES(4, 0, 0, 0, 0, 0), ERR_OK },
		{ "prefix /31", get_prefix, BYTES(4, 10, 0, 0, 2, 31), ERR_OK },
		{ "host bits", get_prefix, BYTES(4, 10, 0, 0, 1, 31), ERR_INVALID },
		{ "prefix /33", get_prefix, BYTES(4, 10, 0, 0, 0, 33), ERR_INVALID },
		{ "prefix without length", get_prefix, BYTES(4, 10, 0, 0, 0), ERR_TRUNCATED },
		{ "subnet", get_subnet, BYTES(4, 10, 0, 0, 0, 8, 0xff, 0xff, 0, 0), ERR_OK },
		{ "weight", get_subnet, BYTES(4, 10, 0, 0, 0, 8, 0, 0, 1, 0), ERR_INVALID },
		{ "subnet without prefix", get_subnet, BYTES(0, 1, 0, 0, 0), ERR_INVALID },
		{ "own, none", get_own, BYTES(0, 0), ERR_OK },
		{ "own, IPv4", get_own, BYTES(4, 1, 2, 3, 4, 0), ERR_OK },
		{ "own, IPv4 in the place of IPv6", get_own, BYTES(0, 4, 1, 2, 3, 4), ERR_INVALID },
		{ "own, twice", get_own, BYTES(4, 1, 2, 3, 4, 4, 1, 2, 3, 4), ERR_INVALID },
		{ "name", get_name, BYTES(1, 0, 'a'), ERR_OK },
		{ "name, empty", get_name, BYTES(0, 0), ERR_INVALID },
		{ "name, empty, optional", get_name_optional, BYTES(0, 0), ERR_OK },
		{ "name, bad", get_name_optional, BYTES(1, 0, '/'), ERR_INVALID },
		{ "name, NUL", get_name, BYTES(2, 0, 'a', 0), ERR_INVALID },
		{ "name, long", get_name, BYTES(64, 0), ERR_TRUNCATED },
		{ "bool", get_bool, BYTES(1), ERR_OK },
		{ "bool 2", get_bool, BYTES(2), ERR_INVALID },
		{ "u8 low", get_u8, BYTES(2), ERR_INVALID },
		{ "u8", get_u8, BYTES(3), ERR_OK },
		{ "u8 high", get_u8, BYTES(6), ERR_INVALID },
		{ "u16 low", get_u16, BYTES(1, 1), ERR_INVALID },
		{ "u16", get_u16, BYTES(2, 1), ERR_OK },
		{ "u16 high", get_u16, BYTES(4, 1), ERR_INVALID },
		{ "id", get_id, BYTES(0, 0, 0, 1), ERR_OK },
		{ "id 0", get_id, BYTES(0, 0, 0, 0), ERR_INVALID },
		{ "error", get_result, BYTES(27), ERR_OK },
		{ "no such error", get_result, BYTES(28), ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cursor c;

		cursor_init_read(&c, rows[i].p, rows[i].n);
		rows[i].get(&c);
		if (cursor_end(&c) != rows[i].e)
			fail_msg("%s: %d, want %d", rows[i].what, cursor_end(&c), rows[i].e);
	}
}

/* Every value of enum err survives. */
static void test_results(void **state)
{
	uint8_t p[1];
	struct cursor c;

	(void)state;
	for (int e = ERR_OK; e >= ERR_STALE; e--) {
		cursor_init_write(&c, p, sizeof(p));
		codec_put_err(&c, (enum err)e);
		cursor_init_read(&c, p, sizeof(p));
		assert_int_equal(codec_get_err(&c), e);
		assert_int_equal(cursor_end(&c), ERR_OK);
	}
}

/* The stated maxima are those of the longest values. */
static void test_sizes(void **state)
{
	struct endpoint e = { .addr = { .family = AF_INET6 }, .port = 1, .scope_id = 1 };
	struct node_subnet s = { .prefix = { .addr = { .family = AF_INET6 }, .len = 0 } };
	char name[NAME_SIZE];
	uint8_t p[256];
	struct cursor c;

	(void)state;
	cursor_init_write(&c, p, sizeof(p));
	codec_put_endpoint(&c, &e);
	assert_int_equal(cursor_pos(&c), CODEC_ENDPOINT_MAX_BYTES);
	cursor_init_write(&c, p, sizeof(p));
	codec_put_subnet(&c, &s);
	assert_int_equal(cursor_pos(&c), CODEC_SUBNET_MAX_BYTES);
	memset(name, 'a', NAME_MAX_BYTES);
	name[NAME_MAX_BYTES] = '\0';
	cursor_init_write(&c, p, sizeof(p));
	codec_put_name(&c, name);
	assert_int_equal(cursor_pos(&c), CODEC_NAME_MAX_BYTES);
}

/* A carrier is told only where one may stand; elsewhere it is refused, like any kind that is none.
 */
static void test_carrier(void **state)
{
	const struct endpoint carrier = endpoint_of_carrier(0x01020304);
	struct endpoint v4, back;
	uint8_t mem[CODEC_ENDPOINT_MAX_BYTES];
	struct cursor c;

	(void)state;
	cursor_init_write(&c, mem, sizeof(mem));
	codec_put_outer(&c, &carrier);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(c.pos, 5);
	cursor_init_read(&c, mem, 5);
	codec_get_outer(&c, &back, CODEC_REQUIRED);
	assert_int_equal(cursor_end(&c), ERR_OK);
	assert_true(endpoint_equal(&back, &carrier));
	cursor_init_read(&c, mem, 5);
	codec_get_endpoint(&c, &back, CODEC_REQUIRED);
	assert_int_equal(c.err, ERR_INVALID);
	assert_false(endpoint_is_set(&back));
	memset(mem + 1, 0, 4);
	cursor_init_read(&c, mem, 5);
	codec_get_outer(&c, &back, CODEC_REQUIRED);
	assert_int_equal(c.err, ERR_INVALID);
	assert_false(endpoint_is_set(&back));
	/* Where only addresses may stand one of ours becomes "none". */
	cursor_init_write(&c, mem, sizeof(mem));
	codec_put_endpoint(&c, &carrier);
	assert_int_equal(c.pos, 1);
	assert_int_equal(mem[0], 0);
	/* All others read as ever. */
	assert_int_equal(endpoint_parse("192.0.2.1:655", 0, &v4), ERR_OK);
	cursor_init_write(&c, mem, sizeof(mem));
	codec_put_outer(&c, &v4);
	cursor_init_read(&c, mem, c.pos);
	codec_get_outer(&c, &back, CODEC_REQUIRED);
	assert_int_equal(cursor_end(&c), ERR_OK);
	assert_true(endpoint_equal(&back, &v4));
	cursor_init_read(&c, mem, 0);
	codec_get_outer(&c, &back, CODEC_OPTIONAL);
	assert_int_not_equal(c.err, ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_carrier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
