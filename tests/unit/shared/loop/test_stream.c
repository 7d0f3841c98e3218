/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/*
 * Streams over real TCP on the loopback interface. `server` and `client` record what their
 * callbacks are told; a test that is about one misbehaving side plays that side with plain OpenSSL
 * or a plain socket instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/loop/stream.h"

struct side {
	struct stream *stream;
	unsigned opened, closed;
	struct public_key peer;
	enum err e;
	char why[160];
	size_t received;
	bool bad_bytes;
	/* What the callbacks do. */
	bool close_in_opened, close_in_received, finish_in_opened, keep_bytes, stop_in_opened,
		close_in_closed;
	size_t stop_after; /* stop the loop when so many bytes came */
	size_t send_in_opened;
};

static struct loop *l;
static struct stream_identity *server_id, *client_id;
static struct side server, client;
static struct stream_limits limits;
static struct loop_fd listener;
static struct endpoint address;
static struct timer guard;
static const struct stream_events events;

/* The byte at place `i` of what either side sends. */
static uint8_t pattern(size_t i) { return (uint8_t)(i * 7 + i / 251); }

static enum err send_pattern(struct side *to, size_t n)
{
	uint8_t *p = malloc(n);
	enum err e;

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = pattern(i);
	e = stream_send(to->stream, p, n);
	free(p);
	return e;
}

static void on_opened(struct stream *s, void *arg, const struct public_key *peer)
{
	struct side *me = arg;

	assert_ptr_equal(s, me->stream);
	assert_int_equal(me->closed, 0);
	me->opened++;
	me->peer = *peer;
	if (me->send_in_opened)
		assert_int_equal(send_pattern(me, me->send_in_opened), ERR_OK);
	if (me->close_in_opened) {
		me->stream = NULL;
		stream_close(s);
	} else if (me->finish_in_opened) {
		stream_finish(s);
	}
	if (me->stop_in_opened)
		loop_stop(l, 0);
}

static void on_received(struct stream *s, void *arg, struct buf *in)
{
	struct side *me = arg;
	const uint8_t *p = buf_data(in);

	assert_int_equal(me->opened, 1);
	if (me->close_in_received) {
		me->stream = NULL;
		stream_close(s);
		loop_stop(l, 0);
		return;
	}
	if (me->keep_bytes)
		return;
	for (size_t i = 0; i < buf_len(in); i++)
		me->bad_bytes = me->bad_bytes || p[i] != pattern(me->received + i);
	me->received += buf_len(in);
	buf_consume(in, buf_len(in));
	if (me->stop_after && me->received >= me->stop_after)
		loop_stop(l, 0);
}

static void on_closed(struct stream *s, void *arg, enum err e, const char *why)
{
	struct side *me = arg;

	me->closed++;
	me->e = e;
	snprintf(me->why, sizeof(me->why), "%s", why);
	if (me->close_in_closed)
		stream_close(s);
	me->stream = NULL;
	loop_stop(l, 0);
}

static const struct stream_events events = { .opened = on_opened,
					     .received = on_received,
					     .closed = on_closed };

static void accept_one(struct loop_fd *f, uint32_t ready)
{
	int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)ready;
	assert_true(fd >= 0);
	assert_int_equal(stream_accept(l, server_id, fd, &limits, &events, &server, &server.stream),
			 ERR_OK);
}

static void took_too_long(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	fail_msg("the loop was not stopped; client: %s; server: %s", client.why, server.why);
}

/* A listening socket on a free port; `address` is set to it. */
static int listen_on(const char *text)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	struct endpoint e;
	int fd;

	assert_int_equal(endpoint_parse(text, 1, &e), ERR_OK);
	e.port = 0;
	fd = socket(e.addr.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, endpoint_to_sockaddr(&e, &ss)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	assert_int_equal(endpoint_from_sockaddr(&ss, n, &address), ERR_OK);
	return fd;
}

static int make(void **unused)
{
	struct secret_key seed;

	(void)unused;
	memset(&server, 0, sizeof(server));
	memset(&client, 0, sizeof(client));
	limits = (struct stream_limits){ .in_bytes = 65536,
					 .out_bytes = 2u << 20,
					 .handshake_ms = 60000 };
	if (loop_new(&l))
		return -1;
	memset(seed.b, 1, sizeof(seed.b));
	if (stream_identity_new(&seed, &server_id))
		return -1;
	memset(seed.b, 2, sizeof(seed.b));
	if (stream_identity_new(&seed, &client_id))
		return -1;
	guard = (struct timer){ .fire = took_too_long };
	timer_arm(loop_timers(l), &guard, loop_now_ms(l) + 120000);
	return loop_fd_add(l, &listener, listen_on("127.0.0.1"), EPOLLIN, accept_one);
}

static int unmake(void **unused)
{
	int fd = listener.fd;

	(void)unused;
	stream_close(client.stream);
	stream_close(server.stream);
	loop_fd_del(l, &listener);
	close(fd);
	stream_identity_free(server_id);
	stream_identity_free(client_id);
	loop_free(l);
	return 0;
}

static void dial(void)
{
	assert_int_equal(
		stream_connect(l, client_id, &address, &limits, &events, &client, &client.stream),
		ERR_OK);
}

/* Both sides open. */
static void open_both(void)
{
	dial();
	client.stop_in_opened = server.stop_in_opened = true;
	while (!client.opened || !server.opened)
		loop_run(l);
}

/* The keys that the handshake gives are those that libcrypto derives from the seeds. */
static void handshake_gives_keys(void **unused)
{
	struct public_key want[2];

	(void)unused;
	for (int i = 0; i < 2; i++) {
		uint8_t seed[32];
		size_t n = 32;
		EVP_PKEY *k;

		memset(seed, i + 1, sizeof(seed));
		k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
		assert_non_null(k);
		assert_int_equal(EVP_PKEY_get_raw_public_key(k, want[i].b, &n), 1);
		EVP_PKEY_free(k);
	}
	open_both();
	assert_true(public_key_equal(&client.peer, &want[0]));
	assert_true(public_key_equal(&server.peer, &want[1]));
	assert_true(public_key_equal(stream_identity_public(server_id), &want[0]));
	assert_true(endpoint_equal(stream_remote(client.stream), &address));
	assert_true(endpoint_equal(stream_local(server.stream), &address));
	assert_true(endpoint_equal(stream_local(client.stream), stream_remote(server.stream)));
}

/* One MiB each way at the same time, queued before the streams are open or in opened(). */
static void data_both_ways(void **unused)
{
	(void)unused;
	dial();
	assert_int_equal(send_pattern(&client, 1u << 20), ERR_OK);
	assert_int_equal(stream_queued(client.stream), 1u << 20);
	server.send_in_opened = 1u << 20;
	client.stop_after = server.stop_after = 1u << 20;
	while (client.received < 1u << 20 || server.received < 1u << 20)
		loop_run(l);
	assert_int_equal(client.received, 1u << 20);
	assert_int_equal(server.received, 1u << 20);
	assert_false(client.bad_bytes || server.bad_bytes);
	assert_int_equal(stream_queued(client.stream), 0);
	assert_int_equal(client.closed + server.closed, 0);
}

/* What is queued still arrives, then both sides close in order. */
static void finish_delivers_everything(void **unused)
{
	(void)unused;
	open_both();
	assert_int_equal(send_pattern(&client, 700000), ERR_OK);
	/* The other direction has bytes under way, which must not turn the end into a reset. */
	assert_int_equal(send_pattern(&server, 300000), ERR_OK);
	stream_finish(client.stream);
	stream_finish(client.stream);
	assert_int_equal(stream_send(client.stream, "x", 1), ERR_CLOSED);
	while (!client.closed || !server.closed)
		loop_run(l);
	assert_int_equal(server.received, 700000);
	assert_false(server.bad_bytes);
	assert_int_equal(server.e, ERR_CLOSED);
	assert_string_equal(server.why, "closed by the other side");
	assert_int_equal(client.e, ERR_CLOSED);
	assert_int_equal(client.received, 0);
}

static void finish_in_opened(void **unused)
{
	(void)unused;
	server.send_in_opened = 100;
	server.finish_in_opened = true;
	dial();
	while (!client.closed || !server.closed)
		loop_run(l);
	assert_int_equal(client.received, 100);
	assert_int_equal(client.e, ERR_CLOSED);
}

static void finish_before_open(void **unused)
{
	(void)unused;
	dial();
	stream_finish(client.stream);
	assert_int_equal(stream_send(client.stream, "x", 1), ERR_CLOSED);
	while (!client.closed)
		loop_run(l);
	assert_int_equal(client.e, ERR_CLOSED);
	assert_int_equal(client.opened, 0);
}

static void closes(void **unused)
{
	(void)unused;
	open_both();
	stream_close(client.stream);
	client.stream = NULL;
	while (!server.closed)
		loop_run(l);
	assert_int_equal(client.closed, 0);
	assert_int_equal(server.e, ERR_CLOSED);
	stream_close(NULL);
}

static void close_in_opened(void **unused)
{
	(void)unused;
	server.close_in_opened = true;
	dial();
	while (!client.closed)
		loop_run(l);
	assert_int_equal(server.opened, 1);
	assert_int_equal(server.closed, 0);
	assert_int_equal(client.e, ERR_CLOSED);
}

static void close_in_received(void **unused)
{
	(void)unused;
	server.close_in_received = true;
	dial();
	assert_int_equal(send_pattern(&client, 200000), ERR_OK);
	while (!client.closed)
		loop_run(l);
	assert_int_equal(server.closed, 0);
	assert_null(server.stream);
}

static void close_in_closed(void **unused)
{
	(void)unused;
	open_both();
	client.close_in_closed = true;
	stream_close(server.stream);
	server.stream = NULL;
	while (!client.closed)
		loop_run(l);
	assert_int_equal(client.closed, 1);
}

/* The owner finds no message in in_bytes bytes: the stream ends. */
static void too_much_unconsumed(void **unused)
{
	(void)unused;
	server.keep_bytes = true;
	dial();
	assert_int_equal(send_pattern(&client, limits.in_bytes), ERR_OK);
	while (!server.closed)
		loop_run(l);
	assert_int_equal(server.e, ERR_TOOBIG);
	while (!client.closed)
		loop_run(l);
}

static void too_much_queued(void **unused)
{
	(void)unused;
	limits.out_bytes = 1000;
	open_both();
	assert_int_equal(send_pattern(&client, 600), ERR_OK);
	assert_int_equal(send_pattern(&client, 401), ERR_TOOBIG);
	assert_int_equal(stream_queued(client.stream), 600);
	server.stop_after = 600;
	while (server.received < 600)
		loop_run(l);
	assert_false(server.bad_bytes);
}

static void connection_refused(void **unused)
{
	int fd = listener.fd;
	enum err e;

	(void)unused;
	loop_fd_del(l, &listener);
	close(fd);
	e = stream_connect(l, client_id, &address, &limits, &events, &client, &client.stream);
	if (e) {
		/* The kernel was faster than the loop. */
		assert_int_equal(e, ERR_IO);
	} else {
		loop_run(l);
		assert_int_equal(client.closed, 1);
		assert_int_equal(client.e, ERR_IO);
		assert_string_equal(client.why, "connection refused");
	}
	assert_int_equal(loop_fd_add(l, &listener, listen_on("127.0.0.1"), EPOLLIN, accept_one),
			 ERR_OK);
}

static void bad_destination(void **unused)
{
	struct endpoint none = { 0 }, no_port = address;

	(void)unused;
	no_port.port = 0;
	assert_int_equal(
		stream_connect(l, client_id, &none, &limits, &events, &client, &client.stream),
		ERR_INVALID);
	assert_int_equal(
		stream_connect(l, client_id, &no_port, &limits, &events, &client, &client.stream),
		ERR_INVALID);
}

static int plain_connection(void)
{
	struct sockaddr_storage ss;
	socklen_t n = endpoint_to_sockaddr(&address, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, n), 0);
	return fd;
}

/* What a stranger may send instead of TLS; the server ends with ERR_AUTH and never opens. */
static const struct {
	const char *bytes;
	size_t n;
} garbage[] = {
	{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27 },
	{ "SSH-2.0-OpenSSH_9.2\r\n", 21 },
	{ "\0\0\0\0\0\0\0\0\0\0\0\0", 12 },
	{ "\x16\x03\x01\xff\xff\x01\x00\xff\xff", 9 },
	{ "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10 },
};

static void garbage_is_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		int fd = plain_connection();

		memset(&server, 0, sizeof(server));
		assert_int_equal(write(fd, garbage[i].bytes, garbage[i].n), (ssize_t)garbage[i].n);
		while (!server.closed)
			loop_run(l);
		assert_int_equal(server.e, ERR_AUTH);
		assert_int_equal(strncmp(server.why, "TLS: ", 5), 0);
		assert_int_equal(server.opened, 0);
		close(fd);
	}
}

/* Cut off in the middle of the handshake, or before it began. */
static void hang_up_in_handshake(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++) {
		int fd = plain_connection();

		memset(&server, 0, sizeof(server));
		if (i)
			assert_int_equal(write(fd, "\x16\x03\x01\x00\x80\x01", 6), 6);
		close(fd);
		while (!server.closed)
			loop_run(l);
		assert_int_equal(server.e, ERR_IO);
		assert_string_equal(server.why, "the other side hung up during the TLS handshake");
	}
}

static void reset_after_open(void **unused)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	int copy;

	(void)unused;
	open_both();
	/* A copy of the client's descriptor, found by its address, resets the connection under it.
	 */
	for (copy = 3; copy < 64; copy++) {
		struct sockaddr_storage ss;
		socklen_t n = sizeof(ss);
		struct endpoint e;

		if (!getsockname(copy, (struct sockaddr *)&ss, &n) &&
		    !endpoint_from_sockaddr(&ss, n, &e) &&
		    endpoint_equal(&e, stream_local(client.stream)))
			break;
	}
	assert_true(copy < 64);
	/* Half-closed first: no close_notify came, so it is no orderly end. */
	assert_int_equal(setsockopt(copy, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	assert_int_equal(shutdown(copy, SHUT_WR), 0);
	while (!server.closed)
		loop_run(l);
	assert_int_equal(server.e, ERR_IO);
	assert_string_equal(server.why, "the other side hung up without a goodbye");
	while (!client.closed)
		loop_run(l);
}

static void handshake_timeout(void **unused)
{
	uint64_t before = clock_now_ms();
	int fd = plain_connection();

	(void)unused;
	limits.handshake_ms = 80;
	while (!server.closed)
		loop_run(l);
	assert_int_equal(server.e, ERR_TIMEOUT);
	assert_string_equal(server.why, "the TLS handshake took too long");
	assert_true(clock_now_ms() - before >= 80);
	close(fd);
}

/* The same on the dialling side: somebody listens and says nothing. */
static void silent_server(void **unused)
{
	(void)unused;
	loop_fd_events(l, &listener, 0);
	limits.handshake_ms = 80;
	dial();
	while (!client.closed)
		loop_run(l);
	assert_int_equal(client.e, ERR_TIMEOUT);
}

/* --- foreign clients, played by plain OpenSSL on a thread ----------------------------------------
 */

enum key_kind { WITH_NO_KEY, WITH_ED25519_KEY, WITH_EC_KEY };
struct foreign {
	const char *what;
	enum key_kind key;
	const char *alpn;
	int version;
	bool chain;  /* a second certificate */
	bool holds;  /* reads nothing until `let_go` is posted */
	bool writes; /* two messages, then posts `written` */
	bool welcome;
};

#define OURS "\014branchline/1"

static sem_t let_go, written;

static const struct foreign holder = {
	.key = WITH_ED25519_KEY, .alpn = OURS, .version = TLS1_3_VERSION, .holds = true
};
static const struct foreign writer = {
	.key = WITH_ED25519_KEY, .alpn = OURS, .version = TLS1_3_VERSION, .writes = true
};
static const struct foreign foreigners[] = {
	{ "as ours", WITH_ED25519_KEY, OURS, TLS1_3_VERSION, .welcome = true },
	{ "no certificate", WITH_NO_KEY, OURS, TLS1_3_VERSION, .welcome = false },
	{ "another kind of key", WITH_EC_KEY, OURS, TLS1_3_VERSION, .welcome = false },
	{ "another protocol", WITH_ED25519_KEY, "\2h2", TLS1_3_VERSION, .welcome = false },
	{ "no protocol", WITH_ED25519_KEY, NULL, TLS1_3_VERSION, .welcome = false },
	{ "TLS 1.2", WITH_ED25519_KEY, OURS, TLS1_2_VERSION, .welcome = false },
	{ "two certificates", WITH_ED25519_KEY, OURS, TLS1_3_VERSION, .chain = true,
	  .welcome = false },
};

static X509 *certificate(EVP_PKEY *key, bool ec)
{
	X509 *x = X509_new();

	assert_non_null(x);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, ec ? EVP_sha256() : NULL) > 0);
	return x;
}

/* 1000 bytes in a record of their own, then four full records; the pattern goes on from one to the
 * other. */
static void write_two(SSL *ssl)
{
	static uint8_t p[1000 + 65536];

	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = pattern(i);
	SSL_write(ssl, p, 1000);
	SSL_write(ssl, p + 1000, 65536);
	sem_post(&written);
}

static void *foreign_client(void *arg)
{
	const struct foreign *f = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	EVP_PKEY *key = f->key == WITH_EC_KEY ? EVP_EC_gen("P-256")
					      : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *x = certificate(key, f->key == WITH_EC_KEY);
	int fd = plain_connection(), small = 4096;
	char byte;
	SSL *ssl;

	if (f->holds)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	SSL_CTX_set_max_proto_version(ctx, f->version);
	if (f->key != WITH_NO_KEY) {
		SSL_CTX_use_certificate(ctx, x);
		SSL_CTX_use_PrivateKey(ctx, key);
	}
	if (f->chain)
		SSL_CTX_add1_chain_cert(ctx, x);
	if (f->alpn)
		SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)f->alpn,
					(unsigned)strlen(f->alpn));
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) == 1) {
		if (f->holds)
			sem_wait(&let_go);
		if (f->writes)
			write_two(ssl);
		SSL_read(ssl, &byte, 1);
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	X509_free(x);
	EVP_PKEY_free(key);
	close(fd);
	return NULL;
}

static void foreign_rows(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(foreigners); i++) {
		pthread_t thread;

		memset(&server, 0, sizeof(server));
		server.stop_in_opened = true;
		assert_int_equal(
			pthread_create(&thread, NULL, foreign_client, (void *)&foreigners[i]), 0);
		while (!server.opened && !server.closed)
			loop_run(l);
		if ((server.opened == 1) != foreigners[i].welcome)
			fail_msg("%s: %s", foreigners[i].what, server.why);
		if (!foreigners[i].welcome)
			assert_int_equal(server.e, ERR_AUTH);
		stream_close(server.stream);
		server.stream = NULL;
		pthread_join(thread, NULL);
	}
}

/* The other side takes nothing: what is queued is given up after 2 s. */
static void finish_is_bounded(void **unused)
{
	pthread_t thread;
	uint64_t before;

	(void)unused;
	limits.out_bytes = 32u << 20;
	server.stop_in_opened = true;
	sem_init(&let_go, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, foreign_client, (void *)&holder), 0);
	while (!server.opened)
		loop_run(l);
	assert_int_equal(send_pattern(&server, 32u << 20), ERR_OK);
	before = clock_now_ms();
	stream_finish(server.stream);
	while (!server.closed)
		loop_run(l);
	assert_int_equal(server.e, ERR_CLOSED);
	assert_string_equal(server.why, "closed before the other side had taken everything");
	assert_in_range(clock_now_ms() - before, 2000, 10000);
	sem_post(&let_go);
	pthread_join(thread, NULL);
}

/*
 * All bytes are there before the first is read, and reading pauses in the middle of the last record
 * (1000 + 3 * 16384 + 15500 is the first sum over 64 KiB): what is left then is inside OpenSSL, and
 * no readiness of the socket tells of it.
 */
static void rest_inside_openssl(void **unused)
{
	int large = 1 << 20;
	pthread_t thread;

	(void)unused;
	limits.in_bytes = 15500;
	server.stop_in_opened = true;
	sem_init(&written, 0, 0);
	setsockopt(listener.fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof(large));
	assert_int_equal(pthread_create(&thread, NULL, foreign_client, (void *)&writer), 0);
	while (!server.opened)
		loop_run(l);
	sem_wait(&written);
	server.stop_after = 1000 + 65536;
	while (server.received < server.stop_after)
		loop_run(l);
	assert_false(server.bad_bytes);
	stream_close(server.stream);
	server.stream = NULL;
	pthread_join(thread, NULL);
}

static void over_ipv6(void **unused)
{
	int fd = listener.fd;
	int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	bool have = probe >= 0 && bind(probe, (struct sockaddr *)&sa, sizeof(sa)) == 0;

	(void)unused;
	close(probe);
	if (!have)
		skip();
	loop_fd_del(l, &listener);
	close(fd);
	assert_int_equal(loop_fd_add(l, &listener, listen_on("::1"), EPOLLIN, accept_one), ERR_OK);
	open_both();
	assert_int_equal(stream_remote(server.stream)->addr.family, AF_INET6);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(handshake_gives_keys),
		TEST(data_both_ways),
		TEST(finish_delivers_everything),
		TEST(finish_in_opened),
		TEST(finish_before_open),
		TEST(finish_is_bounded),
		TEST(closes),
		TEST(close_in_opened),
		TEST(close_in_received),
		TEST(close_in_closed),
		TEST(too_much_unconsumed),
		TEST(too_much_queued),
		TEST(connection_refused),
		TEST(bad_destination),
		TEST(garbage_is_refused),
		TEST(hang_up_in_handshake),
		TEST(reset_after_open),
		TEST(handshake_timeout),
		TEST(silent_server),
		TEST(foreign_rows),
		TEST(over_ipv6),
		TEST(rest_inside_openssl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
