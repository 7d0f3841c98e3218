/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One certificate, made in memory: it only carries the public key into TLS. Ed25519 signatures are
 * deterministic and nothing else varies, so a key always gives the same certificate, and dates mean
 * nothing (a branch box may have no clock).
 */
#include "shared/loop/stream_identity.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define CERT_LIST_MAX_BYTES 4096 /* ours takes about 350 */
#define CERT_NAME           "branchline"

/* RFC 7301 section 3.1: a length, then the name. The number is the version of the frames inside. */
static const unsigned char alpn[] = "\014branchline/1";
#define ALPN_BYTES (sizeof(alpn) - 1)

struct stream_identity {
	SSL_CTX *client, *server;
	struct public_key pub;
	stream_socket make; /* NULL: socket() */
	void *make_arg;
};

static bool set_name(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					  (const unsigned char *)CERT_NAME, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, name) == 1;
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *x = X509_new();

	if (!x)
		return NULL;
	if (X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
	    ASN1_TIME_set_string(X509_getm_notBefore(x), "19700101000000Z") == 1 &&
	    ASN1_TIME_set_string(X509_getm_notAfter(x), "99991231235959Z") == 1 && set_name(x) &&
	    X509_set_pubkey(x, key) == 1 && X509_sign(x, key, NULL) > 0)
		return x;
	X509_free(x);
	return NULL;
}

/*
 * Stands in for the whole chain building of OpenSSL: one certificate, an Ed25519 key, signed by
 * itself. Whether the key is welcome is for the owner to say in opened(); that the peer holds it is
 * proved by TLS.
 */
static int verify_certificate(X509_STORE_CTX *ctx, void *arg)
{
	X509 *x = X509_STORE_CTX_get0_cert(ctx);
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;

	(void)arg;
	if (key && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 && sk_X509_num(sent) <= 1 &&
	    X509_verify(x, key) == 1) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_REJECTED);
	return 0;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned in_len, void *arg)
{
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, alpn, ALPN_BYTES, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* What both sides have in common. */
static bool set_up(SSL_CTX *ctx, EVP_PKEY *key, X509 *x)
{
	SSL_CTX_set_options(ctx,
			    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify_certificate, NULL);
	SSL_CTX_set_max_cert_list(ctx, CERT_LIST_MAX_BYTES);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
					     "TLS_AES_128_GCM_SHA256") == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1 &&
	       SSL_CTX_set1_sigalgs_list(ctx, "ed25519") == 1 &&
	       SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
}

static SSL_CTX *make_client(EVP_PKEY *key, X509 *x)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	/* SSL_CTX_set_alpn_protos() returns 0 for success, unlike the rest. */
	if (ctx && set_up(ctx, key, x) && SSL_CTX_set_alpn_protos(ctx, alpn, ALPN_BYTES) == 0)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static SSL_CTX *make_server(EVP_PKEY *key, X509 *x)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx && set_up(ctx, key, x) && SSL_CTX_set_num_tickets(ctx, 0) == 1) {
		SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

enum err stream_identity_new(const struct secret_key *ed25519_seed, struct stream_identity **out)
{
	struct stream_identity *id = calloc(1, sizeof(*id));
	size_t n = sizeof(id->pub.b);
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	enum err e = ERR_CRYPTO;

	if (!id)
		return ERR_NOMEM;
	ERR_clear_error();
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, ed25519_seed->b, KEY_BYTES);
	if (!key || EVP_PKEY_get_raw_public_key(key, id->pub.b, &n) != 1 || n != KEY_BYTES)
		goto out;
	x = make_certificate(key);
	if (!x)
		goto out;
	id->client = make_client(key, x);
	id->server = make_server(key, x);
	if (id->client && id->server)
		e = ERR_OK;
out:
	X509_free(x);
	EVP_PKEY_free(key);
	if (e)
		stream_identity_free(id);
	else
		*out = id;
	ERR_clear_error();
	return e;
}

void stream_identity_free(struct stream_identity *id)
{
	if (!id)
		return;
	/* Streams that are still open hold references of their own. */
	SSL_CTX_free(id->client);
	SSL_CTX_free(id->server);
	free(id);
}

enum err stream_identity_sign(const struct stream_identity *id, const void *p, size_t n,
			      uint8_t sig[64])
{
	EVP_PKEY *key = SSL_CTX_get0_privatekey(id->client);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = 64;
	enum err e = ERR_CRYPTO;

	if (key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, sig, &len, p, n) == 1 && len == 64)
		e = ERR_OK;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return e;
}

const struct public_key *stream_identity_public(const struct stream_identity *id)
{
	return &id->pub;
}

SSL *stream_identity_ssl(struct stream_identity *id, bool server)
{
	SSL *ssl = SSL_new(server ? id->server : id->client);

	if (ssl && server)
		SSL_set_accept_state(ssl);
	else if (ssl)
		SSL_set_connect_state(ssl);
	return ssl;
}

enum err stream_identity_peer(SSL *ssl, struct public_key *peer, const char **why)
{
	struct public_key found = { { 0 } };
	const unsigned char *chosen = NULL;
	unsigned chosen_len = 0;
	size_t n = sizeof(found.b);
	X509 *x = SSL_get0_peer_certificate(ssl);
	EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;

	/* A side that leaves ALPN out of its hello is not asked by OpenSSL, so it is looked at
	 * here. */
	SSL_get0_alpn_selected(ssl, &chosen, &chosen_len);
	if (chosen_len != ALPN_BYTES - 1 || memcmp(chosen, alpn + 1, chosen_len)) {
		*why = "TLS: the other side does not speak branchline/1";
		return ERR_AUTH;
	}
	if (!key || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(key, found.b, &n) != 1 || n != KEY_BYTES) {
		*why = "TLS: the other side has no Ed25519 key";
		return ERR_AUTH;
	}
	*peer = found;
	return ERR_OK;
}

void stream_identity_sockets(struct stream_identity *id, stream_socket make, void *arg)
{
	id->make = make;
	id->make_arg = arg;
}

int stream_identity_socket(struct stream_identity *id, int family)
{
	if (id->make)
		return id->make(id->make_arg, family);
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}
