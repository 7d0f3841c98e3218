/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/cookie.h"

#include "tests/unit/shared/noise/vectors.h"

#define NOW_MS     7000000u
#define INITIATION HANDSHAKE_INITIATION_BYTES

static struct primitives prim;
static const struct public_key receiver_key = { { 42, 1, 2, 3 } };

/* The two type sets: an initiation, a response, and their cookie reply. */
static const struct {
	enum packet_type initiation, response, reply;
} sets[] = {
	{ PACKET_WG_INITIATION, PACKET_WG_RESPONSE, PACKET_WG_COOKIE },
	{ PACKET_INITIATION, PACKET_RESPONSE, PACKET_COOKIE },
};

static int setup(void **state)
{
	(void)state;
	return primitives_init(&prim);
}

static int teardown(void **state)
{
	(void)state;
	primitives_fini(&prim);
	return 0;
}

static struct cookie_source source_v4(uint8_t last, uint16_t port)
{
	return (struct cookie_source){
		.endpoint = { .addr = { .family = AF_INET, .b = { 192, 0, 2, last } },
			      .port = port },
	};
}

struct flow {
	struct cookie_maker maker;
	struct cookie_checker checker;
	struct cookie_source from;
	uint8_t msg[INITIATION];
	size_t n;
	uint8_t reply[COOKIE_REPLY_BYTES];
};

static void flow_init(struct flow *f, enum packet_type type)
{
	*f = (struct flow){ .from = source_v4(7, 1234) };
	f->n = type == PACKET_WG_RESPONSE || type == PACKET_RESPONSE ? HANDSHAKE_RESPONSE_BYTES
								     : INITIATION;
	secret_random(f->msg, sizeof(f->msg));
	memset(f->msg, 0, 4);
	f->msg[0] = (uint8_t)type;
	assert_int_equal(cookie_maker_init(&f->maker, &prim, &receiver_key), ERR_OK);
	assert_int_equal(cookie_checker_init(&f->checker, &prim, &receiver_key), ERR_OK);
}

static enum cookie_verdict send_at(struct flow *f, uint64_t now_ms)
{
	assert_int_equal(cookie_add_macs(&f->maker, &prim, f->msg, f->n, now_ms), ERR_OK);
	return cookie_check(&f->checker, &prim, f->msg, f->n, &f->from, now_ms);
}

static void reply_at(struct flow *f, uint64_t now_ms)
{
	assert_int_equal(cookie_create_reply(&f->checker, &prim, f->msg, f->n, &f->from, now_ms,
					     NULL, f->reply),
			 ERR_OK);
}

static enum err take_at(struct flow *f, uint64_t now_ms)
{
	return cookie_consume_reply(&f->maker, &prim, f->reply, sizeof(f->reply), now_ms);
}

/* First try, reply, second try with MAC2: for both kinds of message of both sets. */
static void the_flow_under_load(void **state)
{
	struct flow f;
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(sets); i++) {
		flow_init(&f, i % 2 ? sets[i / 2].response : sets[i / 2].initiation);
		assert_int_equal(send_at(&f, NOW_MS), COOKIE_MAC1);
		assert_true(secret_is_zero(f.msg + HANDSHAKE_MAC2_OFFSET(f.n), COOKIE_BYTES));
		reply_at(&f, NOW_MS);
		assert_int_equal(f.reply[0], sets[i / 2].reply);
		assert_memory_equal(f.reply + 4, f.msg + 4, 4);
		assert_int_equal(take_at(&f, NOW_MS), ERR_OK);
		assert_int_equal(send_at(&f, NOW_MS + REKEY_TIMEOUT_MS), COOKIE_MAC1_AND_MAC2);
	}
}

static void a_cookie_is_worth_something_only_where_it_was_sent(void **state)
{
	struct flow f;
	(void)state;
	flow_init(&f, PACKET_INITIATION);
	struct cookie_source relayed = f.from, v6 = f.from;
	relayed.relay_source = 5;
	v6.endpoint.addr.family = AF_INET6;
	const struct cookie_source others[] = { source_v4(8, 1234), source_v4(7, 1235),
						source_v4(7, 0), relayed, v6 };

	send_at(&f, NOW_MS);
	reply_at(&f, NOW_MS);
	assert_int_equal(take_at(&f, NOW_MS), ERR_OK);
	assert_int_equal(send_at(&f, NOW_MS), COOKIE_MAC1_AND_MAC2);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_int_equal(cookie_check(&f.checker, &prim, f.msg, f.n, &others[i], NOW_MS),
				 COOKIE_MAC1);
	/* And each bit of MAC2 counts. */
	for (size_t i = 0; i < 8 * COOKIE_BYTES; i++) {
		uint8_t *at = f.msg + HANDSHAKE_MAC2_OFFSET(f.n) + i / 8;
		*at ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(cookie_check(&f.checker, &prim, f.msg, f.n, &f.from, NOW_MS),
				 COOKIE_MAC1);
		*at ^= (uint8_t)(1u << (i % 8));
	}
	/* A message for another key fails already at MAC1. */
	const struct public_key other = { { 43 } };
	assert_int_equal(cookie_checker_init(&f.checker, &prim, &other), ERR_OK);
	assert_int_equal(cookie_check(&f.checker, &prim, f.msg, f.n, &f.from, NOW_MS), COOKIE_BAD);
}

static void cookies_and_secrets_age(void **state)
{
	struct flow f;
	uint8_t secret[KEY_BYTES];
	(void)state;
	flow_init(&f, PACKET_WG_INITIATION);
	send_at(&f, NOW_MS);
	reply_at(&f, NOW_MS);
	memcpy(secret, f.checker.secret, sizeof(secret));
	/* The secret was half used up when the cookie was given. */
	reply_at(&f, NOW_MS + COOKIE_SECRET_MAX_AGE_MS / 2);
	assert_memory_equal(secret, f.checker.secret, sizeof(secret));
	assert_int_equal(take_at(&f, NOW_MS + COOKIE_SECRET_MAX_AGE_MS / 2), ERR_OK);
	assert_int_equal(send_at(&f, NOW_MS + COOKIE_SECRET_MAX_AGE_MS - 1), COOKIE_MAC1_AND_MAC2);
	assert_int_equal(send_at(&f, NOW_MS + COOKIE_SECRET_MAX_AGE_MS), COOKIE_MAC1);
	/* The sender stops using it after its own time. */
	assert_false(secret_is_zero(f.msg + HANDSHAKE_MAC2_OFFSET(f.n), COOKIE_BYTES));
	send_at(&f, NOW_MS + COOKIE_SECRET_MAX_AGE_MS / 2 + COOKIE_VALID_MS);
	assert_true(secret_is_zero(f.msg + HANDSHAKE_MAC2_OFFSET(f.n), COOKIE_BYTES));
	assert_false(f.maker.has_cookie);
	/* A new reply comes from a new secret. */
	reply_at(&f, NOW_MS + 2 * COOKIE_SECRET_MAX_AGE_MS);
	assert_memory_not_equal(secret, f.checker.secret, sizeof(secret));
}

static void replies_are_checked(void **state)
{
	struct flow f, g;
	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
		flow_init(&f, sets[s].initiation);
		send_at(&f, NOW_MS);
		reply_at(&f, NOW_MS);
		for (size_t i = 0; i < 8 * sizeof(f.reply); i++) {
			/* The receiver index is the caller's affair: it leads to this peer, or to
			 * none. */
			if (i / 8 >= 4 && i / 8 < 8)
				continue;
			f.reply[i / 8] ^= (uint8_t)(1u << (i % 8));
			assert_int_equal(take_at(&f, NOW_MS), i / 8 < 4 ? ERR_INVALID : ERR_AUTH);
			f.reply[i / 8] ^= (uint8_t)(1u << (i % 8));
		}
		for (size_t n = 0; n < sizeof(f.reply); n++)
			assert_int_equal(cookie_consume_reply(&f.maker, &prim, f.reply, n, NOW_MS),
					 ERR_INVALID);
		assert_false(f.maker.has_cookie);
		/* The other set's type on the same bytes. */
		f.reply[0] = (uint8_t)sets[1 - s].reply;
		assert_int_equal(take_at(&f, NOW_MS), ERR_INVALID);
		f.reply[0] = (uint8_t)sets[s].reply;
		/* An answer to another message. */
		flow_init(&g, sets[s].initiation);
		send_at(&g, NOW_MS);
		assert_int_equal(
			cookie_consume_reply(&g.maker, &prim, f.reply, sizeof(f.reply), NOW_MS),
			ERR_AUTH);
		/* Once is fine, twice is not, and without a message sent it is nothing. */
		assert_int_equal(take_at(&f, NOW_MS), ERR_OK);
		assert_int_equal(take_at(&f, NOW_MS), ERR_INVALID);
		cookie_maker_fini(&f.maker);
		assert_true(secret_is_zero(&f.maker, sizeof(f.maker)));
		assert_int_equal(take_at(&f, NOW_MS), ERR_INVALID);
	}
}

static void other_messages_have_no_macs(void **state)
{
	static const struct {
		uint8_t type;
		size_t n;
	} rows[] = {
		{ PACKET_WG_COOKIE, COOKIE_REPLY_BYTES },
		{ PACKET_WG_TRANSPORT, INITIATION },
		{ PACKET_TRANSPORT, HANDSHAKE_RESPONSE_BYTES },
		{ PACKET_RELAY, INITIATION },
		{ PACKET_WG_INITIATION, INITIATION - 1 },
		{ PACKET_INITIATION, HANDSHAKE_RESPONSE_BYTES },
		{ PACKET_RESPONSE, INITIATION },
		{ PACKET_COOKIE, INITIATION },
		{ 0, INITIATION },
		{ 0, 0 },
	};
	struct flow f;
	(void)state;
	flow_init(&f, PACKET_INITIATION);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f.msg[0] = rows[i].type;
		f.n = rows[i].n;
		assert_int_equal(cookie_add_macs(&f.maker, &prim, f.msg, f.n, NOW_MS), ERR_INVALID);
		assert_int_equal(cookie_check(&f.checker, &prim, f.msg, f.n, &f.from, NOW_MS),
				 COOKIE_BAD);
		assert_int_equal(cookie_create_reply(&f.checker, &prim, f.msg, f.n, &f.from, NOW_MS,
						     NULL, f.reply),
				 ERR_INVALID);
	}
	assert_false(f.checker.has_secret);
}

/* ------- Against the independently derived vectors ------- */

static void check_vector(const json_t *fixed, const json_t *v)
{
	struct cookie_maker maker;
	struct cookie_checker checker;
	struct public_key responder = json_public(v, "responder_public");
	struct cookie_source from = { .endpoint = { .addr = { .family = AF_INET },
						    .port = (uint16_t)json_u32(fixed,
									       "source_port") },
				      .relay_source = json_u32(fixed, "relay_source") };
	uint8_t msg[INITIATION], want[INITIATION], nonce[COOKIE_NONCE_BYTES],
		reply[COOKIE_REPLY_BYTES];
	const json_t *cookie = json_object_get(v, "cookie");

	json_hex(fixed, "source_address", from.endpoint.addr.b, 4);
	json_hex(fixed, "cookie_nonce", nonce, sizeof(nonce));
	json_hex(v, "initiation", want, sizeof(want));
	memcpy(msg, want, sizeof(msg));
	memset(msg + HANDSHAKE_MAC1_OFFSET(sizeof(msg)), 0, 2 * COOKIE_BYTES);
	assert_int_equal(cookie_maker_init(&maker, &prim, &responder), ERR_OK);
	assert_int_equal(cookie_checker_init(&checker, &prim, &responder), ERR_OK);
	assert_int_equal(cookie_add_macs(&maker, &prim, msg, sizeof(msg), NOW_MS), ERR_OK);
	assert_memory_equal(msg, want, sizeof(want));

	json_hex(fixed, "cookie_secret", checker.secret, sizeof(checker.secret));
	checker.has_secret = true;
	checker.secret_born_ms = NOW_MS;
	assert_int_equal(
		cookie_create_reply(&checker, &prim, msg, sizeof(msg), &from, NOW_MS, nonce, reply),
		ERR_OK);
	assert_int_equal(json_hex(cookie, "reply", want, sizeof(want)), sizeof(reply));
	assert_memory_equal(reply, want, sizeof(reply));
	assert_int_equal(cookie_consume_reply(&maker, &prim, reply, sizeof(reply), NOW_MS), ERR_OK);
	assert_int_equal(cookie_add_macs(&maker, &prim, msg, sizeof(msg), NOW_MS), ERR_OK);
	assert_int_equal(json_hex(cookie, "initiation_with_mac2", want, sizeof(want)), sizeof(msg));
	assert_memory_equal(msg, want, sizeof(msg));
	assert_int_equal(cookie_check(&checker, &prim, msg, sizeof(msg), &from, NOW_MS),
			 COOKIE_MAC1_AND_MAC2);
	cookie_checker_fini(&checker);
	assert_true(secret_is_zero(&checker, sizeof(checker)));
}

static void equals_the_derived_vectors(void **state)
{
	json_t *j = vectors_load();
	json_t *v;
	size_t i;
	(void)state;
	json_array_foreach(json_object_get(j, "handshakes"), i, v)
		check_vector(json_object_get(j, "fixed"), v);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_flow_under_load),
		cmocka_unit_test(a_cookie_is_worth_something_only_where_it_was_sent),
		cmocka_unit_test(cookies_and_secrets_age),
		cmocka_unit_test(replies_are_checked),
		cmocka_unit_test(other_messages_have_no_macs),
		cmocka_unit_test(equals_the_derived_vectors),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
