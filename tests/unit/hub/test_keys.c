/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's keys, and the certificate of the page. */
#include "hub/keys.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "hub/https_cert.h"
#include "shared/base/base64.h"
#include "tests/lib/store_fixture.h"

static void signatures(void **state)
{
	struct hub_keys k, other;
	uint8_t bad[KEYS_SIGNATURE_BYTES];

	(void)state;
	assert_ok(keys_generate(&k));
	assert_ok(keys_generate(&other));
	assert_memory_not_equal(k.identity.b, other.identity.b, KEY_BYTES);
	assert_true(keys_tunnel_is_signed(&k.identity_public, &k.tunnel_public, k.tunnel_sig));
	assert_false(keys_tunnel_is_signed(&other.identity_public, &k.tunnel_public, k.tunnel_sig));
	assert_false(keys_tunnel_is_signed(&k.identity_public, &other.tunnel_public, k.tunnel_sig));
	for (size_t i = 0; i < sizeof(bad); i += 9) {
		memcpy(bad, k.tunnel_sig, sizeof(bad));
		bad[i] ^= 0x10;
		assert_false(keys_tunnel_is_signed(&k.identity_public, &k.tunnel_public, bad));
	}
	assert_false(keys_tunnel_is_weak(&k.tunnel_public));
}

/* The points of small order, from RFC 7748 section 6.1's remark: each makes a shared secret of
 * zeros. */
static void weak_points(void **state)
{
	static const char *const cases[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct public_key p;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_ok(hex_decode(cases[i], p.b, sizeof(p.b), &n));
		if (!keys_tunnel_is_weak(&p))
			fail_msg("%s is taken", cases[i]);
	}
}

static void key_files(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		enum err err;
	} cases[] = {
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", 0600, ERR_OK },
		{ "  AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 0400, ERR_OK },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", 0644, ERR_DENIED },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", 0640, ERR_DENIED },
		{ "", 0600, ERR_INVALID },
		{ "AAECAwQF\n", 0600, ERR_INVALID },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nmore\n", 0600, ERR_INVALID },
		{ "!!ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", 0600, ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char path[PATHS_FILE_SIZE];
		struct secret_key k;
		struct fixture f;
		FILE *file;

		fixture_dir(&f);
		file = fopen(paths_join(path, f.dir, "key"), "w");
		assert_non_null(file);
		fputs(cases[i].text, file);
		fclose(file);
		assert_int_equal(chmod(path, cases[i].mode), 0);
		assert_int_equal(keys_read_secret(path, &k), cases[i].err);
		if (!cases[i].err)
			assert_int_equal(k.b[31], 31);
		assert_int_equal(keys_read_secret(f.dir, &k), ERR_DENIED);
		unlink(path);
		assert_int_equal(keys_read_secret(path, &k), ERR_NOTFOUND);
		fixture_close(&f);
	}
}

static void certificate(void **state)
{
	static const char *const names[] = { "hq.example.com", "192.0.2.1", "2001:db8::1" };
	struct buf key, cert;
	EVP_PKEY *k;
	X509 *crt;
	BIO *bio;

	(void)state;
	buf_init(&key, 8192);
	buf_init(&cert, 8192);
	assert_ok(https_cert_make(names, 3, &key, &cert));
	bio = BIO_new_mem_buf(buf_data(&key), (int)buf_len(&key));
	k = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(buf_data(&cert), (int)buf_len(&cert));
	crt = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_true(k && crt);
	assert_int_equal(EVP_PKEY_get_base_id(k), EVP_PKEY_EC);
	assert_int_equal(X509_check_private_key(crt, k), 1);
	assert_int_equal(X509_verify(crt, k), 1);
	assert_int_equal(X509_check_host(crt, "hq.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(crt, "other.example.com", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(crt, "192.0.2.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(crt, "2001:db8::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(crt, "192.0.2.2", 0), 0);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(crt)) < 0);
	assert_true(X509_cmp_current_time(X509_get0_notAfter(crt)) > 0);
	X509_free(crt);
	EVP_PKEY_free(k);
	buf_fini(&key);
	buf_fini(&cert);
	assert_int_equal(https_cert_make(NULL, 0, &key, &cert), ERR_CRYPTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures),
		cmocka_unit_test(weak_points),
		cmocka_unit_test(key_files),
		cmocka_unit_test(certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
