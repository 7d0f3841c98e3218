/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libipsec-mb against OpenSSL: two ends of a tunnel may use different ones, so every byte must be
 * the same. Where the library is not installed (or the CPU is not for it) these cases are skipped,
 * loudly; what happens then is tested everywhere.
 */
#include "shared/noise/aead.h"

#include "shared/noise/aead_ipsecmb.h"
#include "shared/noise/keypair.h"
#include "tests/unit/shared/noise/vectors.h"

#define LENGTH_MAX 2100u
#define GUARD      0xa5

/* `mb` has libipsec-mb as far as it can be had, `ssl` never. */
static struct primitives mb, ssl;

static const enum tunnel_cipher ciphers[] = { CIPHER_WIREGUARD, CIPHER_AES256GCM,
					      CIPHER_CHACHA20POLY1305 };

static int setup(void **state)
{
	const char *why = "";

	(void)state;
	if (primitives_init(&mb) || primitives_init(&ssl))
		return -1;
	aead_select(AEAD_OPENSSL, &ssl);
	if (aead_ipsecmb_load(&mb, AEAD_IPSECMB_ANY_CPU, &why))
		print_message("libipsec-mb cannot be tested here: %s\n", why);
	else
		print_message("libipsec-mb %s\n", aead_ipsecmb_version(mb.ipsecmb));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	primitives_fini(&mb);
	primitives_fini(&ssl);
	return 0;
}

#define NEEDS_LIBRARY()                                                                            \
	do {                                                                                       \
		if (!mb.ipsecmb) {                                                                 \
			print_message("SKIPPED: no libipsec-mb\n");                                \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

/* The same key in both implementations and both directions. */
struct pair {
	const struct aead_ops *a, *b; /* OpenSSL, libipsec-mb */
	void *a_seal, *a_open, *b_seal, *b_open;
};

static void pair_open(struct pair *p, enum tunnel_cipher cipher)
{
	struct secret_key key;

	secret_random(key.b, sizeof(key.b));
	p->a = aead_openssl(cipher);
	p->b = aead_ipsecmb_ops(cipher);
	assert_int_equal(p->a->setkey(&ssl, &key, AEAD_SEAL, &p->a_seal), ERR_OK);
	assert_int_equal(p->a->setkey(&ssl, &key, AEAD_OPEN, &p->a_open), ERR_OK);
	assert_int_equal(p->b->setkey(&mb, &key, AEAD_SEAL, &p->b_seal), ERR_OK);
	assert_int_equal(p->b->setkey(&mb, &key, AEAD_OPEN, &p->b_open), ERR_OK);
}

static void pair_close(struct pair *p)
{
	p->a->free(p->a_seal);
	p->a->free(p->a_open);
	p->b->free(p->b_seal);
	p->b->free(p->b_open);
}

/* One record: sealed by both, apart and in place, opened by the other. */
static void check_record(struct pair *p, uint64_t counter, const uint8_t *aad, size_t aad_len,
			 const uint8_t *plain, size_t len)
{
	static uint8_t a[LENGTH_MAX + 64], b[LENGTH_MAX + 64], back[LENGTH_MAX + 64];
	const size_t sealed = len + AEAD_TAG_BYTES;

	memset(b, GUARD, sizeof(b));
	memset(back, GUARD, sizeof(back));
	assert_int_equal(p->a->seal(p->a_seal, counter, aad, aad_len, plain, len, a), ERR_OK);
	assert_int_equal(p->b->seal(p->b_seal, counter, aad, aad_len, plain, len, b), ERR_OK);
	assert_memory_equal(a, b, sealed);
	for (size_t i = sealed; i < sizeof(b); i++)
		assert_int_equal(b[i], GUARD);
	assert_int_equal(p->b->open(p->b_open, counter, aad, aad_len, a, sealed, back), ERR_OK);
	if (len)
		assert_memory_equal(back, plain, len);
	for (size_t i = len; i < sizeof(back); i++)
		assert_int_equal(back[i], GUARD);
	assert_int_equal(p->a->open(p->a_open, counter, aad, aad_len, b, sealed, back), ERR_OK);
	if (len)
		assert_memory_equal(back, plain, len);
	/* In place. */
	memcpy(b, plain, len);
	assert_int_equal(p->b->seal(p->b_seal, counter, aad, aad_len, b, len, b), ERR_OK);
	assert_memory_equal(a, b, sealed);
	assert_int_equal(p->b->open(p->b_open, counter, aad, aad_len, b, sealed, b), ERR_OK);
	if (len)
		assert_memory_equal(b, plain, len);
}

static void every_length_gives_the_same_bytes(void **state)
{
	static uint8_t plain[LENGTH_MAX];
	uint8_t aad[TRANSPORT_HEADER_BYTES];
	struct pair p;

	(void)state;
	NEEDS_LIBRARY();
	secret_random(plain, sizeof(plain));
	secret_random(aad, sizeof(aad));
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		pair_open(&p, ciphers[c]);
		for (size_t len = 0; len <= LENGTH_MAX; len++) {
			check_record(&p, len * 0x123456789abcdull, aad, sizeof(aad), plain, len);
			check_record(&p, len, NULL, 0, plain, len);
			/* At addresses that are aligned to nothing. */
			if (len > 16)
				check_record(&p, ~len, aad, len % 17, plain + len % 16,
					     len - len % 16);
		}
		pair_close(&p);
	}
}

/* Flips a bit of `byte` and expects that the record is refused, apart and in place, and that
 * nothing of the plaintext comes out. */
static void expect_refused(struct pair *p, uint64_t counter, const uint8_t *aad, uint8_t *record,
			   size_t n, uint8_t *byte)
{
	static const uint8_t zeros[LENGTH_MAX];
	uint8_t out[LENGTH_MAX], copy[LENGTH_MAX];

	memset(out, GUARD, sizeof(out));
	*byte ^= 1;
	memcpy(copy, record, n);
	assert_int_equal(p->b->open(p->b_open, counter, aad, 16, record, n, out), ERR_AUTH);
	assert_memory_equal(out, zeros, n - AEAD_TAG_BYTES);
	assert_int_equal(out[n - AEAD_TAG_BYTES], GUARD);
	assert_int_equal(p->b->open(p->b_open, counter, aad, 16, copy, n, copy), ERR_AUTH);
	assert_memory_equal(copy, zeros, n - AEAD_TAG_BYTES);
	memcpy(copy, record, n);
	assert_int_equal(p->a->open(p->a_open, counter, aad, 16, copy, n, copy), ERR_AUTH);
	assert_memory_equal(copy, zeros, n - AEAD_TAG_BYTES);
	*byte ^= 1;
}

static void what_was_changed_is_refused(void **state)
{
	static const size_t lengths[] = { 1, 16, 100, 300, 1400 };
	uint8_t record[LENGTH_MAX], aad[16] = { 7 }, out[LENGTH_MAX];
	struct pair p;

	(void)state;
	NEEDS_LIBRARY();
	for (size_t k = 0; k < ARRAY_LEN(ciphers) * ARRAY_LEN(lengths); k++) {
		size_t len = lengths[k % ARRAY_LEN(lengths)], n = len + AEAD_TAG_BYTES;
		uint8_t unused = 0;

		pair_open(&p, ciphers[k / ARRAY_LEN(lengths)]);
		secret_random(record, len);
		assert_int_equal(p.b->seal(p.b_seal, 5, aad, 16, record, len, record), ERR_OK);
		for (size_t i = 0; i < n; i += i < len ? 1 + len / 20 : 1)
			expect_refused(&p, 5, aad, record, n, &record[i]);
		for (size_t i = len; i < n; i++)
			expect_refused(&p, 5, aad, record, n, &record[i]);
		for (size_t i = 0; i < sizeof(aad); i++)
			expect_refused(&p, 5, aad, record, n, &aad[i]);
		expect_refused(&p, 6, aad, record, n, &unused);
		expect_refused(&p, 5ull << 32, aad, record, n, &unused);
		for (size_t i = 0; i < AEAD_TAG_BYTES; i++)
			assert_int_equal(p.b->open(p.b_open, 5, aad, 16, record, i, out),
					 ERR_INVALID);
		/* And after all that the context is as good as before. */
		assert_int_equal(p.b->open(p.b_open, 5, aad, 16, record, n, record), ERR_OK);
		pair_close(&p);
	}
	aead_ipsecmb_ops(CIPHER_AES256GCM)->free(NULL);
	aead_ipsecmb_ops(CIPHER_CHACHA20POLY1305)->free(NULL);
}

/* --- the self-test ---------------------------------------------------------------------------- */

/* Backends that are wrong in one way each, on top of OpenSSL's. */
static enum err seal_wrong_at_513(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
				  const uint8_t *in, size_t len, uint8_t *out)
{
	enum err e = aead_openssl(CIPHER_AES256GCM)->seal(ctx, counter, aad, aad_len, in, len, out);

	if (len == 513)
		out[512] ^= 1;
	return e;
}

static enum err seal_wrong_tag(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			       const uint8_t *in, size_t len, uint8_t *out)
{
	enum err e = aead_openssl(CIPHER_AES256GCM)->seal(ctx, counter, aad, aad_len, in, len, out);

	out[len + AEAD_TAG_BYTES - 1] ^= 0x80;
	return e;
}

static enum err open_believes_all(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
				  const uint8_t *in, size_t len, uint8_t *out)
{
	aead_openssl(CIPHER_AES256GCM)->open(ctx, counter, aad, aad_len, in, len, out);
	return ERR_OK;
}

static enum err setkey_fails(struct primitives *p, const struct secret_key *key,
			     enum aead_direction dir, void **ctx)
{
	(void)p;
	(void)key;
	(void)ctx;
	if (dir == AEAD_OPEN)
		return ERR_NOMEM;
	return aead_openssl(CIPHER_AES256GCM)->setkey(p, key, dir, ctx);
}

static void the_self_test_finds_faults(void **state)
{
	struct aead_ops ops = *aead_openssl(CIPHER_AES256GCM);

	(void)state;
	assert_int_equal(aead_compare(&ssl, &ops, CIPHER_AES256GCM), ERR_OK);
	assert_int_equal(aead_compare(&ssl, &ops, CIPHER_CHACHA20POLY1305), ERR_CRYPTO);
	ops.seal = seal_wrong_at_513;
	assert_int_equal(aead_compare(&ssl, &ops, CIPHER_AES256GCM), ERR_CRYPTO);
	ops.seal = seal_wrong_tag;
	assert_int_equal(aead_compare(&ssl, &ops, CIPHER_AES256GCM), ERR_CRYPTO);
	ops = *aead_openssl(CIPHER_AES256GCM);
	ops.open = open_believes_all;
	assert_int_equal(aead_compare(&ssl, &ops, CIPHER_AES256GCM), ERR_CRYPTO);
	ops = *aead_openssl(CIPHER_AES256GCM);
	ops.setkey = setkey_fails;
	assert_int_equal(aead_compare(&ssl, &ops, CIPHER_AES256GCM), ERR_NOMEM);
}

static void the_library_passes_the_self_test(void **state)
{
	(void)state;
	NEEDS_LIBRARY();
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++)
		assert_int_equal(aead_compare(&mb, aead_ipsecmb_ops(ciphers[c]), ciphers[c]),
				 ERR_OK);
}

/* --- the choice ------------------------------------------------------------------------------- */

static void choices_are_parsed(void **state)
{
	static const struct {
		const char *text;
		enum err e;
		enum aead_choice choice;
	} rows[] = {
		{ "auto", ERR_OK, AEAD_AUTO },
		{ "Auto", ERR_OK, AEAD_AUTO },
		{ "openssl", ERR_OK, AEAD_OPENSSL },
		{ "OpenSSL", ERR_OK, AEAD_OPENSSL },
		{ "ipsec-mb", ERR_OK, AEAD_IPSEC_MB },
		{ "ipsecmb", ERR_INVALID, 0 },
		{ "", ERR_INVALID, 0 },
		{ "none", ERR_INVALID, 0 },
		{ "openssl ", ERR_INVALID, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum aead_choice got = AEAD_AUTO;

		assert_int_equal(aead_choice_parse(rows[i].text, &got), rows[i].e);
		assert_int_equal(got, rows[i].choice);
	}
}

/* What is used without the library: everything on OpenSSL, with names that fit the status. */
static void openssl_is_the_fallback(void **state)
{
	struct primitives p;

	(void)state;
	assert_int_equal(primitives_init(&p), ERR_OK);
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		assert_ptr_equal(p.aead[ciphers[c]], aead_openssl(ciphers[c]));
		assert_true(strlen(p.aead[ciphers[c]]->name) < AEAD_NAME_SIZE);
	}
	aead_select(AEAD_OPENSSL, &p);
	assert_null(p.ipsecmb);
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++)
		assert_ptr_equal(p.aead[ciphers[c]], aead_openssl(ciphers[c]));
	primitives_fini(&p);
}

static void the_library_is_chosen_where_it_can_be(void **state)
{
	static const enum aead_choice choices[] = { AEAD_AUTO, AEAD_IPSEC_MB };
	struct primitives p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		assert_int_equal(primitives_init(&p), ERR_OK);
		aead_select(choices[i], &p);
		/* Asked for by name it is used on every CPU that `mb` could load it on. */
		if (choices[i] == AEAD_IPSEC_MB)
			assert_int_equal(p.ipsecmb != NULL, mb.ipsecmb != NULL);
		for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
			assert_ptr_equal(p.aead[ciphers[c]], p.ipsecmb
								     ? aead_ipsecmb_ops(ciphers[c])
								     : aead_openssl(ciphers[c]));
			assert_true(strlen(p.aead[ciphers[c]]->name) < AEAD_NAME_SIZE);
		}
		primitives_fini(&p);
	}
}

/* A tunnel with one implementation at each end. */
static void keypairs_use_what_was_chosen(void **state)
{
	const struct secret_key k1 = { { 1 } }, k2 = { { 2 } };
	struct primitives chosen;
	uint8_t mem[2048], flags;
	struct pkt pkt;

	(void)state;
	NEEDS_LIBRARY();
	assert_int_equal(primitives_init(&chosen), ERR_OK);
	aead_select(AEAD_IPSEC_MB, &chosen);
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		struct keypair_params i = { ciphers[c], true, 1, 2, &k1, &k2 };
		struct keypair_params r = { ciphers[c], false, 2, 1, &k2, &k1 };
		struct keypair here = { 0 }, there = { 0 };

		assert_int_equal(keypair_init(&here, &chosen, &i, 0), ERR_OK);
		assert_int_equal(keypair_init(&there, &ssl, &r, 0), ERR_OK);
		assert_ptr_equal(here.ops, aead_ipsecmb_ops(ciphers[c]));
		assert_ptr_equal(there.ops, aead_openssl(ciphers[c]));
		for (unsigned n = 0; n < 200; n++) {
			struct keypair *from = n % 2 ? &there : &here;
			struct keypair *to = n % 2 ? &here : &there;

			pkt_init(&pkt, mem, sizeof(mem), PACKET_HEADROOM_BYTES);
			memset(pkt_put(&pkt, 16 * n / 3), (int)n, 16 * n / 3);
			assert_int_equal(keypair_seal(from, &pkt, 0, 0), ERR_OK);
			assert_int_equal(keypair_open(to, &pkt, &flags), ERR_OK);
			assert_true(pkt.len >= 16 * n / 3);
			if (pkt.len)
				assert_int_equal(pkt.data[0], n);
		}
		keypair_fini(&here);
		keypair_fini(&there);
	}
	primitives_fini(&chosen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_gives_the_same_bytes),
		cmocka_unit_test(what_was_changed_is_refused),
		cmocka_unit_test(the_self_test_finds_faults),
		cmocka_unit_test(the_library_passes_the_self_test),
		cmocka_unit_test(choices_are_parsed),
		cmocka_unit_test(openssl_is_the_fallback),
		cmocka_unit_test(the_library_is_chosen_where_it_can_be),
		cmocka_unit_test(keypairs_use_what_was_chosen),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
