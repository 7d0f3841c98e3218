/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/keypair.h"

#include "shared/wire/packet.h"
#include "tests/unit/shared/noise/vectors.h"

#define CREATED_MS 1000000u

static struct primitives prim;
static const enum tunnel_cipher ciphers[] = { CIPHER_WIREGUARD, CIPHER_AES256GCM,
					      CIPHER_CHACHA20POLY1305 };

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

static void make(struct keypair *kp, enum tunnel_cipher cipher, bool is_initiator)
{
	static const struct secret_key one = { { 1 } }, two = { { 2 } };
	const struct keypair_params params = {
		.cipher = cipher,
		.is_initiator = is_initiator,
		.local_index = is_initiator ? 11 : 22,
		.remote_index = is_initiator ? 22 : 11,
		.send_key = is_initiator ? &one : &two,
		.recv_key = is_initiator ? &two : &one,
	};
	*kp = (struct keypair){ 0 };
	assert_int_equal(keypair_init(kp, &prim, &params, CREATED_MS), ERR_OK);
}

struct pair {
	struct keypair a, b; /* initiator, responder */
	uint8_t mem[2048];
	struct pkt pkt;
};

static void pair_init(struct pair *p, enum tunnel_cipher cipher)
{
	make(&p->a, cipher, true);
	make(&p->b, cipher, false);
}

static void pair_fini(struct pair *p)
{
	keypair_fini(&p->a);
	keypair_fini(&p->b);
}

/* A plaintext of `n` bytes, each its own number plus one, in the middle of dirty memory. */
static struct pkt *pair_plaintext(struct pair *p, size_t n)
{
	memset(p->mem, 0xee, sizeof(p->mem));
	pkt_init(&p->pkt, p->mem, sizeof(p->mem), PACKET_HEADROOM_BYTES);
	uint8_t *at = pkt_put(&p->pkt, n);
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(i + 1);
	return &p->pkt;
}

static void packets_go_there_and_back(void **state)
{
	static const size_t lengths[] = { 0, 1, 15, 16, 17, 20, 576, 1400 };
	struct pair p;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		bool wg = ciphers[c] == CIPHER_WIREGUARD;
		pair_init(&p, ciphers[c]);
		for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
			const uint8_t flags = (uint8_t)(wg ? 0 : TRANSPORT_FLAG_PARTIAL_CSUM);
			uint8_t got = 0xee;
			struct pkt *pkt = pair_plaintext(&p, lengths[i]);
			size_t padded = wg ? (lengths[i] + 15) / 16 * 16 : lengths[i];
			assert_int_equal(keypair_seal(&p.a, pkt, flags, 0), ERR_OK);
			assert_int_equal(pkt->len, padded + TRANSPORT_OVERHEAD_BYTES);
			assert_int_equal(pkt->data[0], wg ? PACKET_WG_TRANSPORT : PACKET_TRANSPORT);
			assert_int_equal(keypair_open(&p.b, pkt, &got), ERR_OK);
			assert_int_equal(got, flags);
			assert_int_equal(pkt->len, padded);
			for (size_t k = 0; k < padded; k++)
				assert_int_equal(pkt->data[k],
						 k < lengths[i] ? (uint8_t)(k + 1) : 0);
		}
		assert_int_equal(p.a.send_counter, ARRAY_LEN(lengths));
		pair_fini(&p);
	}
}

static void padding_stays_below_the_mtu(void **state)
{
	static const struct {
		size_t len;
		uint16_t mtu;
		size_t padded;
	} rows[] = {
		{ 0, 1400, 0 },       { 1, 1400, 16 },      { 16, 1400, 16 },
		{ 1390, 1400, 1392 }, { 1393, 1400, 1400 }, { 1400, 1400, 1400 },
		{ 1399, 1399, 1399 }, { 1393, 0, 1408 },    { 1401, 1400, 1416 },
		{ 1500, 1000, 1512 }, { 1400, 700, 1400 },
	};
	struct pair p;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		pair_init(&p, CIPHER_WIREGUARD);
		struct pkt *pkt = pair_plaintext(&p, rows[i].len);
		assert_int_equal(keypair_seal(&p.a, pkt, 0, rows[i].mtu), ERR_OK);
		assert_int_equal(pkt->len - TRANSPORT_OVERHEAD_BYTES, rows[i].padded);
		pair_fini(&p);
	}
}

static void responder_waits_for_the_first_packet(void **state)
{
	struct pair p;
	uint8_t flags;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		pair_init(&p, ciphers[c]);
		assert_true(p.a.confirmed && keypair_may_send(&p.a, CREATED_MS));
		assert_false(p.b.confirmed || keypair_may_send(&p.b, CREATED_MS));
		assert_true(keypair_may_receive(&p.b, CREATED_MS));
		assert_int_equal(keypair_seal(&p.b, pair_plaintext(&p, 4), 0, 0), ERR_LIMIT);

		struct pkt *pkt = pair_plaintext(&p, 40);
		assert_int_equal(keypair_seal(&p.a, pkt, 0, 0), ERR_OK);
		pkt->data[20] ^= 1;
		assert_int_equal(keypair_open(&p.b, pkt, &flags), ERR_AUTH);
		assert_false(p.b.confirmed);

		pkt = pair_plaintext(&p, 0);
		assert_int_equal(keypair_seal(&p.a, pkt, 0, 0), ERR_OK);
		assert_int_equal(keypair_open(&p.b, pkt, &flags), ERR_OK);
		assert_true(p.b.confirmed && keypair_may_send(&p.b, CREATED_MS));
		pkt = pair_plaintext(&p, 4);
		assert_int_equal(keypair_seal(&p.b, pkt, 0, 0), ERR_OK);
		assert_int_equal(keypair_open(&p.a, pkt, &flags), ERR_OK);
		pair_fini(&p);
	}
}

/* Each byte of a packet flipped: refused, and the true packet is taken afterwards and only once. */
static void flipped_bytes_and_replays_are_refused(void **state)
{
	struct pair p;
	uint8_t flags = 0xee, copy[2048];
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		pair_init(&p, ciphers[c]);
		struct pkt *pkt = pair_plaintext(&p, 45);
		assert_int_equal(keypair_seal(&p.a, pkt, 0, 0), ERR_OK);
		size_t n = pkt->len;
		memcpy(copy, pkt->data, n);
		for (size_t i = 0; i < 8 * n; i++) {
			memcpy(pkt->data, copy, n);
			pkt->data[i / 8] ^= (uint8_t)(1u << (i % 8));
			enum err e = keypair_open(&p.b, pkt, &flags);
			assert_true(e == ERR_INVALID || e == ERR_AUTH || e == ERR_LIMIT);
			assert_int_equal(pkt->len, n);
			assert_int_equal(p.b.replay.next, 0);
		}
		assert_int_equal(flags, 0xee);
		for (size_t cut = 0; cut < n; cut++) {
			memcpy(pkt->data, copy, n);
			struct pkt part = *pkt;
			pkt_trim(&part, cut);
			assert_int_not_equal(keypair_open(&p.b, &part, &flags), ERR_OK);
		}
		memcpy(pkt->data, copy, n);
		struct pkt first = *pkt, second = *pkt;
		assert_int_equal(keypair_open(&p.b, &first, &flags), ERR_OK);
		memcpy(second.data, copy, n);
		assert_int_equal(keypair_open(&p.b, &second, &flags), ERR_REPLAY);
		/* Refused before any decryption: a spoilt copy is told as a replay too. */
		second.data[second.len - 1] ^= 1;
		assert_int_equal(keypair_open(&p.b, &second, &flags), ERR_REPLAY);
		pair_fini(&p);
		flags = 0xee;
	}
}

static void packets_of_another_session_are_refused(void **state)
{
	struct pair p, q;
	uint8_t flags;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		pair_init(&p, ciphers[c]);
		/* The type goes with the cipher. */
		pair_init(&q, ciphers[(c + 1) % ARRAY_LEN(ciphers)]);
		struct pkt *pkt = pair_plaintext(&p, 10);
		assert_int_equal(keypair_seal(&p.a, pkt, 0, 0), ERR_OK);
		assert_int_not_equal(keypair_open(&q.b, pkt, &flags), ERR_OK);
		pair_fini(&q);
		/* Our own packet, sent back to us: another index, another key. */
		pkt = pair_plaintext(&p, 10);
		assert_int_equal(keypair_seal(&p.a, pkt, 0, 0), ERR_OK);
		assert_int_equal(keypair_open(&p.a, pkt, &flags), ERR_INVALID);
		pair_fini(&p);
	}
}

/* The last counters that may be used, of each kind of cipher and nonce space. */
static void counters_have_an_end(void **state)
{
	static const struct {
		enum tunnel_cipher cipher;
		uint8_t space;
		uint64_t rekey, end;
	} rows[] = {
		{ CIPHER_WIREGUARD, 0, REKEY_AFTER_MESSAGES, REJECT_AFTER_MESSAGES },
		{ CIPHER_AES256GCM, 0, 1ull << 55, (1ull << 56) - 8192 },
		{ CIPHER_AES256GCM, 1, 3ull << 55, (2ull << 56) - 8192 },
		{ CIPHER_CHACHA20POLY1305, 7, 15ull << 55, (8ull << 56) - 8192 },
	};
	struct pair p;
	uint8_t flags;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const bool wg = rows[i].cipher == CIPHER_WIREGUARD;
		pair_init(&p, rows[i].cipher);
		keypair_set_space(&p.a, rows[i].space);
		assert_int_equal(p.a.send_counter, (uint64_t)rows[i].space << 56);
		p.a.send_counter = rows[i].rekey - 1;
		assert_false(keypair_wants_rekey_on_send(&p.a, CREATED_MS));
		struct pkt *pkt = pair_plaintext(&p, 3);
		assert_int_equal(keypair_seal(&p.a, pkt, 0, 0), ERR_OK);
		assert_true(keypair_wants_rekey_on_send(&p.a, CREATED_MS));

		p.a.send_counter = rows[i].end - 1;
		assert_true(keypair_may_send(&p.a, CREATED_MS));
		pkt = pair_plaintext(&p, 3);
		assert_int_equal(keypair_seal(&p.a, pkt, 0, 0), ERR_OK);
		assert_int_equal(keypair_open(&p.b, pkt, &flags), ERR_OK);
		assert_false(keypair_may_send(&p.a, CREATED_MS));
		assert_int_equal(keypair_seal(&p.a, pair_plaintext(&p, 3), 0, 0), ERR_LIMIT);
		assert_int_equal(p.a.send_counter, rows[i].end);

		const struct packet_transport h = { wg ? PACKET_WG_TRANSPORT : PACKET_TRANSPORT, 0,
						    22, rows[i].end };
		pkt = pair_plaintext(&p, 64);
		packet_encode_transport(&h, pkt->data);
		assert_int_equal(keypair_open(&p.b, pkt, &flags), ERR_LIMIT);
		pair_fini(&p);
	}
}

/* A packet of one sender's worker, opened by `kp`. */
static enum err take(struct pair *p, struct keypair *from, uint64_t counter, struct keypair *kp)
{
	struct pkt *pkt = pair_plaintext(p, 20);
	uint8_t flags;

	from->send_counter = counter;
	from->send_end = UINT64_MAX;
	assert_int_equal(keypair_seal(from, pkt, 0, 0), ERR_OK);
	return keypair_open(kp, pkt, &flags);
}

/* All workers of a sender have the same key, and one receiver tells them apart by the counter's top
 * byte: each has its own window, none is forgotten for another. */
static void nonce_spaces_have_windows_of_their_own(void **state)
{
	struct pair p;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		if (ciphers[c] == CIPHER_WIREGUARD)
			continue;
		pair_init(&p, ciphers[c]);
		for (uint64_t space = 0; space < NONCE_SPACES; space++) {
			assert_int_equal(take(&p, &p.a, space << 56 | 100000, &p.b), ERR_OK);
			assert_int_equal(take(&p, &p.a, space << 56 | 99000, &p.b), ERR_OK);
		}
		for (uint64_t space = 0; space < NONCE_SPACES; space++) {
			assert_int_equal(take(&p, &p.a, space << 56 | 100000, &p.b), ERR_REPLAY);
			assert_int_equal(take(&p, &p.a, space << 56 | 99000, &p.b), ERR_REPLAY);
			assert_int_equal(take(&p, &p.a, space << 56 | 99001, &p.b), ERR_OK);
			assert_int_equal(take(&p, &p.a, space << 56 | 1, &p.b), ERR_REPLAY);
		}
		/* No worker has these numbers. */
		for (uint64_t space = NONCE_SPACES; space < 256; space++)
			assert_int_equal(take(&p, &p.a, space << 56 | 5, &p.b), ERR_LIMIT);
		pair_fini(&p);
	}
}

/* What is not authentic makes no window. */
static void forged_packets_cost_no_memory(void **state)
{
	struct pair p;
	uint8_t flags;
	(void)state;
	pair_init(&p, CIPHER_AES256GCM);
	keypair_set_space(&p.a, 3);
	struct pkt *pkt = pair_plaintext(&p, 20);
	assert_int_equal(keypair_seal(&p.a, pkt, 0, 0), ERR_OK);
	pkt->data[pkt->len - 1] ^= 1;
	assert_int_equal(keypair_open(&p.b, pkt, &flags), ERR_AUTH);
	for (size_t i = 0; i < ARRAY_LEN(p.b.others); i++)
		assert_null(p.b.others[i]);
	pkt->data[pkt->len - 1] ^= 1;
	pair_fini(&p);
}

/* A stock device counts through all 64 bits. */
static void wireguard_has_one_space(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p, CIPHER_WIREGUARD);
	assert_int_equal(take(&p, &p.a, 1ull << 56, &p.b), ERR_OK);
	assert_int_equal(take(&p, &p.a, 1ull << 56, &p.b), ERR_REPLAY);
	assert_int_equal(take(&p, &p.a, 0, &p.b), ERR_REPLAY); /* far behind */
	assert_int_equal(take(&p, &p.a, 200ull << 56, &p.b), ERR_OK);
	assert_int_equal(take(&p, &p.a, (200ull << 56) - 1, &p.b), ERR_OK); /* in one window */
	pair_fini(&p);
}

static void age_decides(void **state)
{
	const uint64_t spare = KEEPALIVE_MS + REKEY_TIMEOUT_MS;
	const uint64_t late = REJECT_AFTER_MS > spare ? REJECT_AFTER_MS - spare : REKEY_AFTER_MS;
	const struct {
		uint64_t age;
		bool use, rekey_send, rekey_receive; /* the last two of the initiator */
	} rows[] = {
		{ 0, true, false, false },
		{ REKEY_AFTER_MS - 1, true, false, REKEY_AFTER_MS - 1 >= late },
		{ REKEY_AFTER_MS, true, true, REKEY_AFTER_MS >= late },
		{ late - 1, true, late - 1 >= REKEY_AFTER_MS, false },
		{ late, true, late >= REKEY_AFTER_MS, true },
		{ REJECT_AFTER_MS - 1, true, true, true },
		{ REJECT_AFTER_MS, false, true, true },
		{ 100ull * REJECT_AFTER_MS, false, true, true },
	};
	struct pair p;
	(void)state;
	pair_init(&p, CIPHER_CHACHA20POLY1305);
	p.b.confirmed = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t now = CREATED_MS + rows[i].age;
		assert_int_equal(keypair_may_send(&p.a, now), rows[i].use);
		assert_int_equal(keypair_may_send(&p.b, now), rows[i].use);
		assert_int_equal(keypair_may_receive(&p.a, now), rows[i].use);
		assert_int_equal(keypair_wants_rekey_on_send(&p.a, now), rows[i].rekey_send);
		assert_int_equal(keypair_wants_rekey_on_receive(&p.a, now), rows[i].rekey_receive);
		/* The responder leaves it to the initiator. */
		assert_false(keypair_wants_rekey_on_send(&p.b, now));
		assert_false(keypair_wants_rekey_on_receive(&p.b, now));
	}
	pair_fini(&p);
}

static void moved_and_ended_keypairs_are_empty(void **state)
{
	struct keypair a, b = { 0 };
	(void)state;
	make(&a, CIPHER_AES256GCM, true);
	keypair_move(&b, &a);
	assert_true(secret_is_zero(&a, sizeof(a)));
	assert_true(b.valid && b.local_index == 11);
	make(&a, CIPHER_WIREGUARD, false);
	keypair_move(&b, &a);
	assert_true(b.valid && b.local_index == 22);
	keypair_fini(&b);
	assert_true(secret_is_zero(&b, sizeof(b)));
	keypair_fini(&b);
	assert_false(keypair_may_send(&b, 0) || keypair_may_receive(&b, 0));
	assert_false(keypair_wants_rekey_on_send(&b, REJECT_AFTER_MS));
	assert_false(keypair_wants_rekey_on_receive(&b, REJECT_AFTER_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_go_there_and_back),
		cmocka_unit_test(padding_stays_below_the_mtu),
		cmocka_unit_test(responder_waits_for_the_first_packet),
		cmocka_unit_test(flipped_bytes_and_replays_are_refused),
		cmocka_unit_test(packets_of_another_session_are_refused),
		cmocka_unit_test(counters_have_an_end),
		cmocka_unit_test(nonce_spaces_have_windows_of_their_own),
		cmocka_unit_test(forged_packets_cost_no_memory),
		cmocka_unit_test(wireguard_has_one_space),
		cmocka_unit_test(age_decides),
		cmocka_unit_test(moved_and_ended_keypairs_are_empty),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
