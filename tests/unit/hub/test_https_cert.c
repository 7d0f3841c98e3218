/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificate of the page. */
#include "hub/https_cert.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/lib/store_fixture.h"

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
		cmocka_unit_test(certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
