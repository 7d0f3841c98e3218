/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/https_cert.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "shared/base/addr.h"

#define SUBJECT_MAX_CHARS 64 /* ub-common-name, RFC 5280 appendix A.1 */
#define DAY_S             86400L

/* One entry of subjectAltName (RFC 5280 section 4.2.1.6). */
static GENERAL_NAME *alt_name(const char *name)
{
	GENERAL_NAME *gn = GENERAL_NAME_new();
	struct addr a = { 0 };
	bool numeric = addr_parse(name, &a) == ERR_OK;
	ASN1_STRING *value = ASN1_STRING_type_new(numeric ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	const void *bytes = numeric ? (const void *)a.b : name;
	int n = (int)(numeric ? addr_len(&a) : strlen(name));

	if (!gn || !value || !ASN1_STRING_set(value, bytes, n)) {
		ASN1_STRING_free(value);
		GENERAL_NAME_free(gn);
		return NULL;
	}
	GENERAL_NAME_set0_value(gn, numeric ? GEN_IPADD : GEN_DNS, value);
	return gn;
}

static bool add_alt_names(X509 *crt, const char *const *names, size_t n_names)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	bool good = list != NULL;

	for (size_t i = 0; i < n_names && good; i++) {
		GENERAL_NAME *gn = alt_name(names[i]);

		good = gn && sk_GENERAL_NAME_push(list, gn) > 0;
		if (!good)
			GENERAL_NAME_free(gn);
	}
	if (good)
		good = X509_add1_ext_i2d(crt, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) ==
		       1;
	GENERAL_NAMES_free(list);
	return good;
}

/* An extension given as text, as in openssl.cnf. */
static bool add_extension(X509 *crt, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool good;

	X509V3_set_ctx(&ctx, crt, crt, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = ext && X509_add_ext(crt, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return good;
}

/* A random positive serial of 127 bits: two certificates of the same issuer must not share one. */
static bool set_serial(X509 *crt)
{
	uint8_t bytes[16];
	BIGNUM *number;
	bool good;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(crt));
	BN_free(number);
	return good;
}

static bool set_subject(X509 *crt, const char *name)
{
	char text[SUBJECT_MAX_CHARS + 1];
	X509_NAME *subject = X509_get_subject_name(crt);

	snprintf(text, sizeof(text), "%s", name);
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)text,
					  -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
					  (const unsigned char *)"Branchline", -1, -1, 0) == 1 &&
	       X509_set_issuer_name(crt, subject) == 1;
}

/* The certificate itself, signed by its own key. */
static X509 *make_certificate(EVP_PKEY *key, const char *const *names, size_t n_names)
{
	X509 *crt = X509_new();

	/* A day back, for clocks that are behind ours. */
	if (crt && X509_set_version(crt, X509_VERSION_3) == 1 && set_serial(crt) &&
	    set_subject(crt, names[0]) && X509_gmtime_adj(X509_getm_notBefore(crt), -DAY_S) &&
	    X509_gmtime_adj(X509_getm_notAfter(crt), HTTPS_CERT_DAYS * DAY_S) &&
	    X509_set_pubkey(crt, key) == 1 &&
	    add_extension(crt, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(crt, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(crt, NID_ext_key_usage, "serverAuth") &&
	    add_extension(crt, NID_subject_key_identifier, "hash") &&
	    add_alt_names(crt, names, n_names) && X509_sign(crt, key, EVP_sha256()) > 0)
		return crt;
	X509_free(crt);
	return NULL;
}

/* What was written to a memory BIO. */
static enum err take(BIO *bio, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	return n > 0 ? buf_put(out, p, (size_t)n) : ERR_CRYPTO;
}

enum err https_cert_make(const char *const *names, size_t n_names, struct buf *key_pem,
			 struct buf *cert_pem)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *crt = key && n_names ? make_certificate(key, names, n_names) : NULL;
	BIO *key_bio = BIO_new(BIO_s_secmem()), *crt_bio = BIO_new(BIO_s_mem());
	enum err e = ERR_CRYPTO;

	if (crt && key_bio && crt_bio &&
	    PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_bio_X509(crt_bio, crt) == 1) {
		e = take(key_bio, key_pem);
		if (!e)
			e = take(crt_bio, cert_pem);
	}
	BIO_free(key_bio);
	BIO_free(crt_bio);
	X509_free(crt);
	EVP_PKEY_free(key);
	return e;
}
