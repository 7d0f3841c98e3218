/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* A transport and a client of OpenSSL's own, at the ends of a pair of sockets. */
#include <fcntl.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/api/transport.h"
#include "hub/https_cert.h"

#define PEM_MAX_BYTES (64u << 10)

struct pem {
	struct buf key, cert;
};

static void make(struct pem *p)
{
	const char *const names[] = { "hub.example" };

	buf_init(&p->key, PEM_MAX_BYTES);
	buf_init(&p->cert, PEM_MAX_BYTES);
	assert_int_equal(https_cert_make(names, 1, &p->key, &p->cert), ERR_OK);
}

static void drop(struct pem *p)
{
	buf_fini(&p->key);
	buf_fini(&p->cert);
}

static void keys_that_do_not_fit(void **unused)
{
	/* One with a passphrase: nobody is asked for it. */
	static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
				     "MAAwAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
	const char *why = NULL;
	SSL_CTX *ctx = NULL;
	struct pem a, b;
	struct buf other;

	(void)unused;
	make(&a);
	make(&b);
	buf_init(&other, PEM_MAX_BYTES);
	assert_int_equal(transport_tls_new(&a.key, &b.cert, &ctx, &why), ERR_INVALID);
	assert_true(why && why[0]);
	assert_int_equal(transport_tls_new(&other, &a.cert, &ctx, &why), ERR_INVALID);
	assert_int_equal(transport_tls_new(&a.key, &other, &ctx, &why), ERR_INVALID);
	assert_int_equal(buf_put_str(&other, locked), ERR_OK);
	assert_int_equal(transport_tls_new(&other, &a.cert, &ctx, &why), ERR_INVALID);
	assert_null(ctx);

	/* A certificate, and those that lead to its root. */
	buf_clear(&other);
	assert_int_equal(buf_put(&other, buf_data(&a.cert), buf_len(&a.cert)), ERR_OK);
	assert_int_equal(buf_put(&other, buf_data(&b.cert), buf_len(&b.cert)), ERR_OK);
	assert_int_equal(transport_tls_new(&a.key, &other, &ctx, &why), ERR_OK);
	SSL_CTX_free(ctx);
	buf_fini(&other);
	drop(&a);
	drop(&b);
}

static void set_nonblocking(int fd) { assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0); }

/* Both sides shake hands, in turns. */
static void shake(struct transport *t, SSL *client)
{
	enum err e = ERR_AGAIN;
	int n = 0;

	for (unsigned i = 0; i < 20 && (e || n != 1); i++) {
		n = SSL_connect(client);
		if (e)
			e = transport_shake(t);
	}
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
}

static void bytes_both_ways(void **unused)
{
	static uint8_t much[100000], got[sizeof(much)];
	SSL_CTX *ctx = NULL, *client_ctx = SSL_CTX_new(TLS_client_method());
	const char *why = NULL;
	struct transport t;
	size_t n = 0, total = 0, sent = 0;
	struct pem p;
	SSL *client;
	int fds[2];

	(void)unused;
	memset(much, 'x', sizeof(much));
	make(&p);
	assert_int_equal(transport_tls_new(&p.key, &p.cert, &ctx, &why), ERR_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	set_nonblocking(fds[0]);
	set_nonblocking(fds[1]);
	assert_int_equal(transport_init(&t, fds[0], ctx), ERR_OK);
	client = SSL_new(client_ctx);
	assert_int_equal(SSL_set_fd(client, fds[1]), 1);
	shake(&t, client);

	assert_int_equal(transport_read(&t, got, sizeof(got), &n), ERR_AGAIN);
	assert_int_equal(SSL_write(client, "hello", 5), 5);
	assert_int_equal(transport_read(&t, got, 2, &n), ERR_OK);
	assert_true(transport_has_more(&t));
	assert_int_equal(transport_read(&t, got + n, sizeof(got), &n), ERR_OK);
	assert_memory_equal(got, "hello", 5);
	assert_false(transport_has_more(&t));

	/* More than the pair takes at once goes in turns. */
	while (total < sizeof(much)) {
		int some;

		if (sent < sizeof(much) &&
		    !transport_write(&t, much + sent, sizeof(much) - sent, &n))
			sent += n;
		some = SSL_read(client, got + total, (int)(sizeof(got) - total));
		total += some > 0 ? (size_t)some : 0;
	}
	assert_memory_equal(got, much, sizeof(much));

	transport_shutdown(&t);
	assert_int_equal(SSL_read(client, got, sizeof(got)), 0);
	assert_int_equal(SSL_get_shutdown(client), SSL_RECEIVED_SHUTDOWN);
	assert_int_equal(SSL_write(client, "more", 4), 4);
	assert_int_equal(transport_drain(&t), ERR_AGAIN);
	close(fds[1]);
	assert_int_equal(transport_drain(&t), ERR_CLOSED);
	SSL_free(client);
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(ctx);
	transport_fini(&t);
	drop(&p);
}

/* The client has gone, or speaks something else. */
static void ends(void **unused)
{
	uint8_t got[16];
	SSL_CTX *ctx = NULL;
	const char *why = NULL;
	struct transport t;
	struct pem p;
	size_t n;
	int fds[2];

	(void)unused;
	make(&p);
	assert_int_equal(transport_tls_new(&p.key, &p.cert, &ctx, &why), ERR_OK);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		set_nonblocking(fds[0]);
		assert_int_equal(transport_init(&t, fds[0], ctx), ERR_OK);
		if (i == 0)
			assert_int_equal(send(fds[1], "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
		close(fds[1]);
		assert_int_equal(transport_shake(&t), i == 0 ? ERR_AUTH : ERR_CLOSED);
		transport_fini(&t);
	}

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(transport_init(&t, fds[0], NULL), ERR_OK);
	assert_int_equal(transport_read(&t, got, sizeof(got), &n), ERR_AGAIN);
	assert_int_equal(send(fds[1], "ab", 2, 0), 2);
	assert_int_equal(transport_read(&t, got, sizeof(got), &n), ERR_OK);
	assert_int_equal(n, 2);
	close(fds[1]);
	assert_int_equal(transport_read(&t, got, sizeof(got), &n), ERR_CLOSED);
	assert_int_equal(transport_write(&t, "c", 1, &n), ERR_IO);
	transport_fini(&t);
	SSL_CTX_free(ctx);
	drop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_do_not_fit),
		cmocka_unit_test(bytes_both_ways),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
