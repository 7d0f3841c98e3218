/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/transport.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_AT_ONCE_BYTES (256u << 10)

/* Forward secrecy, and an AEAD. */
#define TLS12_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* --- the TLS context --- */

/* A key with a passphrase is none for a daemon: nobody is asked. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static bool use_key(SSL_CTX *ctx, const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(buf_data(pem), (int)buf_len(pem));
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	bool good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

/* The hub's own certificate, and those that lead to its root. */
static bool use_certificates(SSL_CTX *ctx, const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(buf_data(pem), (int)buf_len(pem));
	X509 *x = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL) : NULL;
	bool good = x && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	while (good && (x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		good = SSL_CTX_add0_chain_cert(ctx, x) == 1;
		if (!good)
			X509_free(x);
	}
	BIO_free(bio);
	return good;
}

/* HTTP/1, for who asks (RFC 7301); who speaks something else only is told so. */
static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool set_up(SSL_CTX *ctx)
{
	/* An end without a goodbye is an end: HTTP itself says where a request is whole. */
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, TLS12_CIPHERS) == 1;
}

enum err transport_tls_new(struct buf *key_pem, struct buf *cert_pem, SSL_CTX **out,
			   const char **why)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx && set_up(ctx) && use_certificates(ctx, cert_pem) && use_key(ctx, key_pem) &&
	    SSL_CTX_check_private_key(ctx) == 1) {
		ERR_clear_error();
		*out = ctx;
		return ERR_OK;
	}
	*why = ERR_reason_error_string(ERR_peek_error());
	if (!*why)
		*why = "no usable key and certificate";
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return ERR_INVALID;
}

/* --- one client --- */

enum err transport_init(struct transport *t, int fd, SSL_CTX *tls)
{
	*t = (struct transport){ .fd = fd };
	if (!tls)
		return ERR_OK;
	t->ssl = SSL_new(tls);
	if (t->ssl && SSL_set_fd(t->ssl, fd) == 1) {
		SSL_set_accept_state(t->ssl);
		return ERR_OK;
	}
	transport_fini(t);
	return ERR_NOMEM;
}

void transport_fini(struct transport *t)
{
	SSL_free(t->ssl);
	t->ssl = NULL;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

/* What a TLS call that returned `ret` <= 0 waits for, or how it has failed. */
static enum err tls_error(struct transport *t, int ret, bool writing)
{
	int errnum = errno, what = SSL_get_error(t->ssl, ret);

	ERR_clear_error();
	switch (what) {
	case SSL_ERROR_WANT_READ:
		t->wants_read = writing;
		return ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		t->wants_write = !writing;
		return ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return ERR_CLOSED;
	case SSL_ERROR_SYSCALL:
		return errnum ? ERR_IO : ERR_CLOSED;
	default:
		return ERR_AUTH;
	}
}

static enum err plain_error(ssize_t n)
{
	if (n == 0)
		return ERR_CLOSED;
	return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
}

enum err transport_shake(struct transport *t)
{
	int n;

	t->wants_write = false;
	ERR_clear_error();
	errno = 0;
	n = SSL_do_handshake(t->ssl);
	return n == 1 ? ERR_OK : tls_error(t, n, false);
}

enum err transport_read(struct transport *t, void *p, size_t n, size_t *got)
{
	ssize_t some;

	if (!t->ssl) {
		some = recv(t->fd, p, n, MSG_DONTWAIT);
		if (some <= 0)
			return plain_error(some);
		*got = (size_t)some;
		return ERR_OK;
	}
	t->wants_write = false;
	ERR_clear_error();
	errno = 0;
	some = SSL_read(t->ssl, p, n < INT_MAX ? (int)n : INT_MAX);
	if (some <= 0)
		return tls_error(t, (int)some, false);
	*got = (size_t)some;
	return ERR_OK;
}

enum err transport_write(struct transport *t, const void *p, size_t n, size_t *put)
{
	ssize_t some;

	if (!t->ssl) {
		some = send(t->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (some < 0)
			return plain_error(some);
		*put = (size_t)some;
		return ERR_OK;
	}
	t->wants_read = false;
	ERR_clear_error();
	errno = 0;
	some = SSL_write(t->ssl, p, n < INT_MAX ? (int)n : INT_MAX);
	if (some <= 0)
		return tls_error(t, (int)some, true);
	*put = (size_t)some;
	return ERR_OK;
}

void transport_shutdown(struct transport *t)
{
	t->wants_read = t->wants_write = false;
	if (t->ssl && SSL_is_init_finished(t->ssl)) {
		ERR_clear_error();
		/* Best effort: who has read the answer knows its length. */
		(void)SSL_shutdown(t->ssl);
		ERR_clear_error();
	}
	shutdown(t->fd, SHUT_WR);
}

enum err transport_drain(struct transport *t)
{
	uint8_t scrap[16384];
	ssize_t n = 1;

	for (size_t total = 0; n > 0 && total < DRAIN_AT_ONCE_BYTES; total += (size_t)n)
		n = recv(t->fd, scrap, sizeof(scrap), MSG_DONTWAIT);
	return n > 0 ? ERR_AGAIN : plain_error(n);
}

bool transport_has_more(const struct transport *t) { return t->ssl && SSL_pending(t->ssl) > 0; }
