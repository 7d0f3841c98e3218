/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/primitives.h"

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

static void fill_sequence(uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)i;
}

/* "abc": RFC 7693 appendix B. The others, and all MACs and HKDFs: Python's hashlib and hmac, which
 * have their own code. */
static void hash_gives_known_results(void **state)
{
	static const struct {
		const char *text;
		const char *hash, *hmac;
	} rows[] = {
		{ "", "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9",
		  "e2641d24dfa8dd89e8cb77f1cdc77d8c006e5bebdfc4d6a3a3a6f8d5b7586fb0" },
		{ "abc", "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
		  "82623be5bc0a391b24dce53e67d028eff92d586de0485ac37822e597d049c74f" },
		{ NULL, "6d244e1a06ce4ef578dd0f63aff0936706735119ca9c8d22d86c801414ab9741",
		  "543eec9b22646365ef782d72dae137cc761d018005f8d33d0f20bfbd01e62974" },
	};
	uint8_t sequence[200], key[32], want[32], got[32];
	(void)state;
	fill_sequence(sequence, sizeof(sequence));
	fill_sequence(key, sizeof(key));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const void *in = rows[i].text ? (const void *)rows[i].text : sequence;
		size_t len = rows[i].text ? strlen(rows[i].text) : sizeof(sequence);
		unhex(rows[i].hash, want, sizeof(want));
		assert_int_equal(primitives_hash(&prim, in, len, NULL, 0, got), ERR_OK);
		assert_memory_equal(got, want, sizeof(want));
		/* In two pieces, cut anywhere: the same. */
		for (size_t cut = 0; cut <= len; cut++) {
			assert_int_equal(primitives_hash(&prim, in, cut, (const uint8_t *)in + cut,
							 len - cut, got),
					 ERR_OK);
			assert_memory_equal(got, want, sizeof(want));
		}
		unhex(rows[i].hmac, want, sizeof(want));
		assert_int_equal(primitives_hmac(&prim, key, in, len, got), ERR_OK);
		assert_memory_equal(got, want, sizeof(want));
	}
}

static void mac_gives_known_results(void **state)
{
	static const struct {
		size_t key_len, len;
		const char *mac;
	} rows[] = {
		{ 16, 0, "af4e5d3bb230e9ff9096ca6f7c501f76" },
		{ 16, 200, "b8d300fa7937e4d1e67c8468df4c9a43" },
		{ 32, 0, "9536f9b267655743dee97b8a670f9f53" },
		{ 32, 200, "42a6f8ff590af21b512e9e088257aa34" },
		{ 16, 200, "b8d300fa7937e4d1e67c8468df4c9a43" }, /* back to the shorter key */
	};
	uint8_t sequence[200], want[16], got[16];
	(void)state;
	fill_sequence(sequence, sizeof(sequence));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unhex(rows[i].mac, want, sizeof(want));
		assert_int_equal(primitives_mac(&prim, sequence, rows[i].key_len, sequence,
						rows[i].len, got),
				 ERR_OK);
		assert_memory_equal(got, want, sizeof(want));
	}
}

static void hkdf_gives_known_results(void **state)
{
	static const struct {
		const char *in;
		const char *out[3];
	} rows[] = {
		{ "input",
		  { "87b7f70b24183c6db5dc4f6d9f4c47cdb203321aa2a0bef714896adb3107a040",
		    "538a02e1eb2e31b7e4d4b82476d1fe2acf50085d3fb584537279195f5d1f5824",
		    "9ad858025593be88de0f9442a589cfe84a88dc19e4753d93684d1c5efc4837f9" } },
		{ "",
		  { "7a38c34bf2b8738d7374ca77c44ecb309a11d2b2528304fa86052c365e722624",
		    "1a17621f346abdc520746a9fb64d8eb03231d674fc15687537b0780fd9c060fd",
		    "4eaf02809ac4b930ef63479de62275f1c55656e61f78a3cc653c18a2223d6c5f" } },
	};
	uint8_t ck[32], want[3][32], got[3][32];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t n = 1; n <= 3; n++) {
			fill_sequence(ck, sizeof(ck));
			memset(got, 0xee, sizeof(got));
			/* The first result may overwrite the chaining key. */
			assert_int_equal(primitives_hkdf(&prim, ck, rows[i].in, strlen(rows[i].in),
							 ck, n > 1 ? got[1] : NULL,
							 n > 2 ? got[2] : NULL),
					 ERR_OK);
			memcpy(got[0], ck, sizeof(ck));
			for (size_t k = 0; k < 3; k++) {
				unhex(rows[i].out[k], want[k], 32);
				if (k < n)
					assert_memory_equal(got[k], want[k], 32);
			}
		}
	}
}

/* RFC 7748, sections 5.2 and 6.1. */
static void x25519_gives_published_results(void **state)
{
	static const struct {
		const char *scalar, *u, *out;
	} rows[] = {
		{ "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		  "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		  "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552" },
		{ "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		  "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		  "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957" },
		{ "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
		  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		  "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" },
	};
	struct secret_key scalar;
	struct public_key u;
	struct dh_key k;
	uint8_t want[32], got[32];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unhex(rows[i].scalar, scalar.b, 32);
		unhex(rows[i].u, u.b, 32);
		unhex(rows[i].out, want, 32);
		assert_int_equal(primitives_dh_key_init(&k, &scalar), ERR_OK);
		assert_int_equal(primitives_dh(&k, &u, got), ERR_OK);
		assert_memory_equal(got, want, 32);
		primitives_dh_key_fini(&k);
	}
	/* The last scalar is Bob's of section 6.1. */
	assert_int_equal(primitives_dh_key_init(&k, &scalar), ERR_OK);
	unhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", want, 32);
	assert_memory_equal(k.public.b, want, 32);
	primitives_dh_key_fini(&k);
	primitives_dh_key_fini(&k);
}

/* Section 5.2 again: a thousand times, each result the next scalar. */
static void x25519_iterates(void **state)
{
	struct secret_key k = { { 9 } };
	struct public_key u = { { 9 } };
	uint8_t want[32], got[32];
	(void)state;
	for (unsigned i = 1; i <= 1000; i++) {
		struct dh_key d;
		assert_int_equal(primitives_dh_key_init(&d, &k), ERR_OK);
		assert_int_equal(primitives_dh(&d, &u, got), ERR_OK);
		primitives_dh_key_fini(&d);
		memcpy(u.b, k.b, 32);
		memcpy(k.b, got, 32);
		if (i == 1)
			unhex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
			      want, 32);
		if (i == 1)
			assert_memory_equal(k.b, want, 32);
	}
	unhex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51", want, 32);
	assert_memory_equal(k.b, want, 32);
}

static void x25519_refuses_low_order_points(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000080",
	};
	struct dh_key k;
	(void)state;
	assert_int_equal(primitives_dh_key_init(&k, NULL), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct public_key p;
		uint8_t out[32];
		memset(out, 0xee, sizeof(out));
		unhex(points[i], p.b, 32);
		assert_int_equal(primitives_dh(&k, &p, out), ERR_AUTH);
		assert_int_equal(out[0], 0xee);
	}
	primitives_dh_key_fini(&k);
}

static void fresh_keys_differ_and_agree(void **state)
{
	struct dh_key a, b;
	uint8_t ab[32], ba[32];
	(void)state;
	assert_int_equal(primitives_dh_key_init(&a, NULL), ERR_OK);
	assert_int_equal(primitives_dh_key_init(&b, NULL), ERR_OK);
	assert_memory_not_equal(a.public.b, b.public.b, 32);
	assert_int_equal(primitives_dh(&a, &b.public, ab), ERR_OK);
	assert_int_equal(primitives_dh(&b, &a.public, ba), ERR_OK);
	assert_memory_equal(ab, ba, 32);
	primitives_dh_key_fini(&a);
	primitives_dh_key_fini(&b);
}

static const struct aead_row {
	enum tunnel_cipher cipher;
	const char *key;
	uint64_t counter;
	const char *aad, *plain, *sealed;
} aead_rows[] = {
	/* The GCM specification's test cases 13 and 14; its others have nonces that Noise cannot
	   make. */
	{ CIPHER_AES256GCM, "0000000000000000000000000000000000000000000000000000000000000000", 0,
	  "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ CIPHER_AES256GCM, "0000000000000000000000000000000000000000000000000000000000000000", 0,
	  "", "00000000000000000000000000000000",
	  "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
	/* A nonce that tells the byte orders apart, by tests/vectors/derive_handshake.py. */
	{ CIPHER_AES256GCM, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  0x0102030405060708, "616164",
	  "616263616263616263616263616263616263616263616263616263616263616263",
	  "6533066fbf8268fc60fe9f8c7f055a91189a3da0b4b42a0f889937310954beaf4cb9132a3264c9cc4ba728ad"
	  "53a2c11b"
	  "8e" },
	/* RFC 8439 appendix A.5; its nonce is 00000000 and the counter little-endian. */
	{ CIPHER_CHACHA20POLY1305,
	  "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0", 0x0807060504030201,
	  "f33388860000000000004e91",
	  "496e7465726e65742d4472616674732061726520647261667420646f63756d656e74732076616c69"
	  "6420666f722061206d6178696d756d206f6620736978206d6f6e74687320616e64206d6179206265"
	  "20757064617465642c207265706c616365642c206f72206f62736f6c65746564206279206f746865"
	  "7220646f63756d656e747320617420616e792074696d652e20497420697320696e617070726f7072"
	  "6961746520746f2075736520496e7465726e65742d447261667473206173207265666572656e6365"
	  "206d6174657269616c206f7220746f2063697465207468656d206f74686572207468616e20617320"
	  "2fe2809c776f726b20696e2070726f67726573732e2fe2809d",
	  "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43ee"
	  "a09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b9481"
	  "14ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0"
	  "f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
	  "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a0bb2316053fa7699"
	  "1955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130"
	  "305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f"
	  "38" },
};

static void check_aead_row(const struct aead_row *r, enum tunnel_cipher cipher)
{
	uint8_t key[32], aad[64], plain[512], sealed[512], out[512];
	unhex(r->key, key, sizeof(key));
	size_t aad_len = unhex(r->aad, aad, sizeof(aad));
	size_t len = unhex(r->plain, plain, sizeof(plain));
	size_t sealed_len = unhex(r->sealed, sealed, sizeof(sealed));

	assert_int_equal(sealed_len, len + AEAD_TAG_BYTES);
	assert_int_equal(
		primitives_seal(&prim, cipher, key, r->counter, aad, aad_len, plain, len, out),
		ERR_OK);
	assert_memory_equal(out, sealed, sealed_len);
	/* In place, both ways. */
	assert_int_equal(primitives_unseal(&prim, cipher, key, r->counter, aad, aad_len, out,
					   sealed_len, out),
			 ERR_OK);
	if (len)
		assert_memory_equal(out, plain, len);
	assert_int_equal(
		primitives_seal(&prim, cipher, key, r->counter, aad, aad_len, out, len, out),
		ERR_OK);
	assert_memory_equal(out, sealed, sealed_len);

	for (size_t i = 0; i < sealed_len; i++) {
		sealed[i] ^= 0x20;
		memset(out, 0xee, sizeof(out));
		assert_int_equal(primitives_unseal(&prim, cipher, key, r->counter, aad, aad_len,
						   sealed, sealed_len, out),
				 ERR_AUTH);
		assert_true(secret_is_zero(out, len));
		sealed[i] ^= 0x20;
	}
	assert_int_equal(primitives_unseal(&prim, cipher, key, r->counter + 1, aad, aad_len, sealed,
					   sealed_len, out),
			 ERR_AUTH);
	assert_int_equal(primitives_unseal(&prim, cipher, key, r->counter, sealed, aad_len + 1,
					   sealed, sealed_len, out),
			 ERR_AUTH);
	assert_int_equal(
		primitives_unseal(&prim, cipher, key, r->counter, aad, aad_len, sealed, 15, out),
		ERR_AUTH);
}

static void aead_gives_published_results(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(aead_rows); i++) {
		check_aead_row(&aead_rows[i], aead_rows[i].cipher);
		if (aead_rows[i].cipher == CIPHER_CHACHA20POLY1305)
			check_aead_row(&aead_rows[i], CIPHER_WIREGUARD);
	}
}

/* draft-irtf-cfrg-xchacha-03, sections 2.2.1 and A.3.1. */
static void xchacha_gives_published_results(void **state)
{
	static const char plain[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only "
		"one tip for the future, sunscreen would be it.";
	const size_t len = sizeof(plain) - 1;
	uint8_t key[32], in[16], nonce[24], aad[12], want[256], out[256];
	(void)state;

	fill_sequence(key, sizeof(key));
	unhex("000000090000004a0000000031415927", in, sizeof(in));
	unhex("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc", want,
	      sizeof(want));
	assert_int_equal(primitives_hchacha20(&prim, key, in, out), ERR_OK);
	assert_memory_equal(out, want, 32);

	for (size_t i = 0; i < 32; i++)
		key[i] = (uint8_t)(0x80 + i);
	for (size_t i = 0; i < 24; i++)
		nonce[i] = (uint8_t)(0x40 + i);
	unhex("50515253c0c1c2c3c4c5c6c7", aad, sizeof(aad));
	size_t n = unhex(
		"bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa644"
		"0bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e"
		"3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7"
		"987947deafd8780acf49",
		want, sizeof(want));
	assert_int_equal(n, len + AEAD_TAG_BYTES);
	assert_int_equal(primitives_xseal(&prim, key, nonce, aad, sizeof(aad), plain, len, out),
			 ERR_OK);
	assert_memory_equal(out, want, n);
	assert_int_equal(primitives_xunseal(&prim, key, nonce, aad, sizeof(aad), out, n, out),
			 ERR_OK);
	assert_memory_equal(out, plain, len);
	for (size_t i = 0; i < sizeof(nonce); i++) {
		nonce[i] ^= 1;
		assert_int_equal(
			primitives_xunseal(&prim, key, nonce, aad, sizeof(aad), want, n, out),
			ERR_AUTH);
		nonce[i] ^= 1;
	}
}

static void fini_is_harmless_twice(void **state)
{
	struct primitives p;
	(void)state;
	assert_int_equal(primitives_init(&p), ERR_OK);
	primitives_fini(&p);
	primitives_fini(&p);
	assert_null(p.hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_gives_known_results),
		cmocka_unit_test(mac_gives_known_results),
		cmocka_unit_test(hkdf_gives_known_results),
		cmocka_unit_test(x25519_gives_published_results),
		cmocka_unit_test(x25519_iterates),
		cmocka_unit_test(x25519_refuses_low_order_points),
		cmocka_unit_test(fresh_keys_differ_and_agree),
		cmocka_unit_test(aead_gives_published_results),
		cmocka_unit_test(xchacha_gives_published_results),
		cmocka_unit_test(fini_is_harmless_twice),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
