/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/aead.h"

#include "tests/unit/shared/noise/vectors.h"

static struct primitives prim;

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

static const enum tunnel_cipher ciphers[] = { CIPHER_WIREGUARD, CIPHER_AES256GCM,
					      CIPHER_CHACHA20POLY1305 };
static const size_t lengths[] = { 0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 1400, 1500, 9000 };

/* The kept context must give what the one-shot functions give (which test_primitives holds against
 * the RFCs), record for record. */
static void kept_context_equals_one_shot(void **state)
{
	static const uint64_t counters[] = { 0, 1, 2, 0xff, 0x100, 1ull << 32, 1ull << 60, 5, 0 };
	const struct secret_key key = { { 1, 2, 3 } };
	static uint8_t plain[9000], want[9016], got[9016], back[9016];
	uint8_t aad[16];
	(void)state;
	secret_random(plain, sizeof(plain));
	secret_random(aad, sizeof(aad));
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		const struct aead_ops *ops = aead_openssl(ciphers[c]);
		void *seal_ctx, *open_ctx;
		assert_int_equal(ops->setkey(&prim, &key, AEAD_SEAL, &seal_ctx), ERR_OK);
		assert_int_equal(ops->setkey(&prim, &key, AEAD_OPEN, &open_ctx), ERR_OK);
		for (size_t i = 0; i < ARRAY_LEN(lengths) * ARRAY_LEN(counters); i++) {
			size_t len = lengths[i % ARRAY_LEN(lengths)];
			uint64_t n = counters[i / ARRAY_LEN(lengths)];
			size_t aad_len = i % 3 ? sizeof(aad) : 0;
			assert_int_equal(primitives_seal(&prim, ciphers[c], key.b, n, aad, aad_len,
							 plain, len, want),
					 ERR_OK);
			assert_int_equal(ops->seal(seal_ctx, n, aad, aad_len, plain, len, got),
					 ERR_OK);
			assert_memory_equal(got, want, len + AEAD_TAG_BYTES);
			assert_int_equal(ops->open(open_ctx, n, aad, aad_len, got,
						   len + AEAD_TAG_BYTES, back),
					 ERR_OK);
			if (len)
				assert_memory_equal(back, plain, len);
			/* In place. */
			assert_int_equal(ops->open(open_ctx, n, aad, aad_len, got,
						   len + AEAD_TAG_BYTES, got),
					 ERR_OK);
			if (len)
				assert_memory_equal(got, plain, len);
		}
		ops->free(seal_ctx);
		ops->free(open_ctx);
	}
}

static void a_failed_open_leaves_the_context_usable(void **state)
{
	const struct secret_key key = { { 9 } };
	uint8_t record[80] = { 0 }, aad[16] = { 7 }, out[80];
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		const struct aead_ops *ops = aead_openssl(ciphers[c]);
		void *seal_ctx, *open_ctx;
		assert_int_equal(ops->setkey(&prim, &key, AEAD_SEAL, &seal_ctx), ERR_OK);
		assert_int_equal(ops->setkey(&prim, &key, AEAD_OPEN, &open_ctx), ERR_OK);
		assert_int_equal(ops->seal(seal_ctx, 3, aad, sizeof(aad), record, 64, record),
				 ERR_OK);
		for (size_t i = 0; i < sizeof(record); i++) {
			record[i] ^= 1;
			assert_int_equal(ops->open(open_ctx, 3, aad, sizeof(aad), record,
						   sizeof(record), out),
					 ERR_AUTH);
			record[i] ^= 1;
		}
		for (size_t i = 0; i < sizeof(aad); i++) {
			aad[i] ^= 1;
			assert_int_equal(ops->open(open_ctx, 3, aad, sizeof(aad), record,
						   sizeof(record), out),
					 ERR_AUTH);
			aad[i] ^= 1;
		}
		assert_int_equal(
			ops->open(open_ctx, 4, aad, sizeof(aad), record, sizeof(record), out),
			ERR_AUTH);
		for (size_t n = 0; n < AEAD_TAG_BYTES; n++)
			assert_int_equal(ops->open(open_ctx, 3, aad, sizeof(aad), record, n, out),
					 ERR_INVALID);
		assert_int_equal(
			ops->open(open_ctx, 3, aad, sizeof(aad), record, sizeof(record), out),
			ERR_OK);
		memset(record, 0, sizeof(record));
		ops->free(seal_ctx);
		ops->free(open_ctx);
		ops->free(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_context_equals_one_shot),
		cmocka_unit_test(a_failed_open_leaves_the_context_usable),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
