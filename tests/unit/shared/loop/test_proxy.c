/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/loop/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LONG_127                                                                                   \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaa"                                                                                     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct value {
	const char *text;
	enum err e;
	enum proxy_kind kind;
	const char *host;
	uint16_t port;
	const char *user, *password;
} values[] = {
	{ "none", ERR_OK, PROXY_NONE, "", 0, "", "" },
	{ "None", ERR_OK, PROXY_NONE, "", 0, "", "" },
	{ "http proxy.example.net 3128", ERR_OK, PROXY_HTTP, "proxy.example.net", 3128, "", "" },
	{ "HTTP\t10.0.0.1   8080", ERR_OK, PROXY_HTTP, "10.0.0.1", 8080, "", "" },
	{ "http h 1 user pass:word", ERR_OK, PROXY_HTTP, "h", 1, "user", "pass:word" },
	{ "socks5 [2001:db8::1] 1080 u p", ERR_OK, PROXY_SOCKS5, "2001:db8::1", 1080, "u", "p" },
	{ "socks4 h 1080", ERR_OK, PROXY_SOCKS4, "h", 1080, "", "" },
	{ "socks4 h 1080 u", ERR_OK, PROXY_SOCKS4, "h", 1080, "u", "" },
	{ "socks5 h 1 " LONG_127 " " LONG_127, ERR_OK, PROXY_SOCKS5, "h", 1, LONG_127, LONG_127 },
	{ "socks5 h 1 " LONG_127 "a p", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "none 1", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "exec /bin/x", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "https h 1", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "http h", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "http h 0", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "http h 65536", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "http h 1 user", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "http h 1 user pass more", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "http h 1 us:er pass", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "socks4 h 1 user pass", ERR_INVALID, 0, NULL, 0, NULL, NULL },
	{ "socks4 h 1 us\ner", ERR_INVALID, 0, NULL, 0, NULL, NULL },
};

static void test_parse(void **state)
{
	static const struct proxy zeros;
	struct proxy p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		const struct value *v = &values[i];
		const char *why = NULL;
		enum err e = proxy_parse(v->text, &p, &why);

		if (e != v->e)
			fail_msg("\"%s\": %d (%s)", v->text, (int)e, why ? why : "");
		if (e) {
			/* Nothing of a password stays, or is in the sentence. */
			assert_memory_equal(&p, &zeros, sizeof(p));
			assert_non_null(why);
			assert_null(strstr(why, "pass:"));
			continue;
		}
		assert_int_equal(p.kind, v->kind);
		assert_string_equal(p.host, v->host);
		assert_int_equal(p.port, v->port);
		assert_string_equal(p.user, v->user);
		assert_string_equal(p.password, v->password);
	}
}

/* One conversation: what we say and what the proxy says, in turns. "" ends it. */
struct turn {
	const char *ours;
	size_t ours_n;
	const char *theirs;
	size_t theirs_n;
};
#define TURN(ours, theirs)                                                                         \
	{                                                                                          \
		ours, sizeof(ours) - 1, theirs, sizeof(theirs) - 1                                 \
	}

static const struct talk {
	const char *name, *proxy, *host;
	uint16_t port;
	enum err e;
	const char *why; /* a part of it */
	struct turn turns[4];
} talks[] = {
	{ "http",
	  "http p 1",
	  "hub.example.net",
	  443,
	  ERR_OK,
	  NULL,
	  { TURN("CONNECT hub.example.net:443 HTTP/1.1\r\nHost: hub.example.net:443\r\n\r\n",
		 "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n") } },
	{ "http, IPv6",
	  "http p 1",
	  "2001:db8::1",
	  6655,
	  ERR_OK,
	  NULL,
	  { TURN("CONNECT [2001:db8::1]:6655 HTTP/1.1\r\nHost: [2001:db8::1]:6655\r\n\r\n",
		 "HTTP/1.0 200\r\n\r\n") } },
	{ "http with login",
	  "http p 1 Aladdin open_sesame",
	  "h",
	  1,
	  ERR_OK,
	  NULL,
	  { TURN("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nProxy-Authorization: Basic "
		 "QWxhZGRpbjpvcGVuX3Nlc2FtZQ==\r\n\r\n",
		 "HTTP/1.1 200 OK\r\n\r\n") } },
	{ "http wants login",
	  "http p 1",
	  "h",
	  1,
	  ERR_AUTH,
	  "wants a user",
	  { TURN("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
		 "HTTP/1.1 407 No\r\nX: y\r\n\r\n") } },
	{ "http refuses",
	  "http p 1",
	  "h",
	  1,
	  ERR_DENIED,
	  "(403)",
	  { TURN("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "HTTP/1.1 403 No\r\n\r\n") } },
	{ "http redirects",
	  "http p 1",
	  "h",
	  1,
	  ERR_DENIED,
	  "(302)",
	  { TURN("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "HTTP/1.1 302 x\r\n\r\n") } },
	{ "http says more",
	  "http p 1",
	  "h",
	  1,
	  ERR_INVALID,
	  "more than",
	  { TURN("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nx") } },
	{ "no http",
	  "http p 1",
	  "h",
	  1,
	  ERR_INVALID,
	  "HTTP proxy",
	  { TURN("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "SSH-2.0-OpenSSH_9\r\n\r\n") } },
	{ "no status",
	  "http p 1",
	  "h",
	  1,
	  ERR_INVALID,
	  "HTTP proxy",
	  { TURN("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n") } },
	{ "socks5, name",
	  "socks5 p 1",
	  "hub",
	  443,
	  ERR_OK,
	  NULL,
	  { TURN("\5\1\0", "\5\0"), TURN("\5\1\0\3\3hub\1\273", "\5\0\0\1\1\2\3\4\0\1") } },
	{ "socks5, IPv4, name bound",
	  "socks5 p 1",
	  "192.0.2.1",
	  443,
	  ERR_OK,
	  NULL,
	  { TURN("\5\1\0", "\5\0"), TURN("\5\1\0\1\300\0\2\1\1\273", "\5\0\0\3\2ab\0\1") } },
	{ "socks5, IPv6",
	  "socks5 p 1",
	  "2001:db8::1",
	  1,
	  ERR_OK,
	  NULL,
	  { TURN("\5\1\0", "\5\0"), TURN("\5\1\0\4\40\1\r\270\0\0\0\0\0\0\0\0\0\0\0\1\0\1",
					 "\5\0\0\4AAAAAAAAAAAAAAAA\0\1") } },
	{ "socks5 with login",
	  "socks5 p 1 us pw",
	  "h",
	  1,
	  ERR_OK,
	  NULL,
	  { TURN("\5\2\0\2", "\5\2"), TURN("\1\2us\2pw", "\1\0"),
	    TURN("\5\1\0\3\1h\0\1", "\5\0\0\1\0\0\0\0\0\0") } },
	{ "socks5, login not needed",
	  "socks5 p 1 us pw",
	  "h",
	  1,
	  ERR_OK,
	  NULL,
	  { TURN("\5\2\0\2", "\5\0"), TURN("\5\1\0\3\1h\0\1", "\5\0\0\1\0\0\0\0\0\0") } },
	{ "socks5, bad login",
	  "socks5 p 1 us pw",
	  "h",
	  1,
	  ERR_AUTH,
	  "user and password",
	  { TURN("\5\2\0\2", "\5\2"), TURN("\1\2us\2pw", "\1\1") } },
	{ "socks5 wants login",
	  "socks5 p 1",
	  "h",
	  1,
	  ERR_AUTH,
	  "wants a user",
	  { TURN("\5\1\0", "\5\377") } },
	{ "socks5 takes what was not offered",
	  "socks5 p 1",
	  "h",
	  1,
	  ERR_AUTH,
	  "wants a user",
	  { TURN("\5\1\0", "\5\2") } },
	{ "socks5 refuses",
	  "socks5 p 1",
	  "h",
	  1,
	  ERR_DENIED,
	  "rules",
	  { TURN("\5\1\0", "\5\0"), TURN("\5\1\0\3\1h\0\1", "\5\2\0\1") } },
	{ "socks5, unknown refusal",
	  "socks5 p 1",
	  "h",
	  1,
	  ERR_DENIED,
	  "(200)",
	  { TURN("\5\1\0", "\5\0"), TURN("\5\1\0\3\1h\0\1", "\5\310") } },
	{ "socks5, unknown address",
	  "socks5 p 1",
	  "h",
	  1,
	  ERR_INVALID,
	  "SOCKS5",
	  { TURN("\5\1\0", "\5\0"), TURN("\5\1\0\3\1h\0\1", "\5\0\0\11\0\0\0\0") } },
	{ "socks5 says more",
	  "socks5 p 1",
	  "h",
	  1,
	  ERR_INVALID,
	  "more than",
	  { TURN("\5\1\0", "\5\0x") } },
	{ "no socks5", "socks5 p 1", "h", 1, ERR_INVALID, "SOCKS5", { TURN("\5\1\0", "HT") } },
	{ "socks4",
	  "socks4 p 1 u",
	  "192.0.2.1",
	  443,
	  ERR_OK,
	  NULL,
	  { TURN("\4\1\1\273\300\0\2\1u\0", "\0\132\0\0\0\0\0\0") } },
	{ "socks4a",
	  "socks4 p 1",
	  "hub",
	  1,
	  ERR_OK,
	  NULL,
	  { TURN("\4\1\0\1\0\0\0\1\0hub\0", "\0\132\0\0\0\0\0\0") } },
	{ "socks4 refuses",
	  "socks4 p 1",
	  "hub",
	  1,
	  ERR_DENIED,
	  "(91)",
	  { TURN("\4\1\0\1\0\0\0\1\0hub\0", "\0\133\0\0\0\0\0\0") } },
};

/* Everything at once, or byte by byte: the outcome is the same, and no byte too early. */
static void run(const struct talk *k, bool by_bytes)
{
	struct proxy_talk t;
	struct proxy p;
	struct buf in, out;
	const char *why;
	enum err e;

	buf_init(&in, PROXY_REPLY_MAX_BYTES);
	buf_init(&out, PROXY_REQUEST_MAX_BYTES);
	assert_int_equal(proxy_parse(k->proxy, &p, &why), ERR_OK);
	assert_int_equal(proxy_talk_begin(&t, &p, k->host, k->port, &out), ERR_OK);
	e = ERR_AGAIN;
	for (const struct turn *u = k->turns; u->ours; u++) {
		size_t step = by_bytes ? 1 : u->theirs_n;

		if (buf_len(&out) != u->ours_n || memcmp(buf_data(&out), u->ours, u->ours_n) != 0)
			fail_msg("%s: turn %d is another", k->name, (int)(u - k->turns));
		buf_clear(&out);
		for (size_t at = 0; at < u->theirs_n && e == ERR_AGAIN; at += step) {
			assert_int_equal(buf_put(&in, u->theirs + at, step), ERR_OK);
			e = proxy_talk_take(&t, &in, &out);
		}
	}
	/* Byte by byte the rest after an answer is not looked at any more. */
	if (e != k->e && !(by_bytes && k->why && strstr(k->why, "more than")))
		fail_msg("%s: %d (%s)", k->name, (int)e, t.why);
	if (e == ERR_OK)
		assert_int_equal(buf_len(&in), 0);
	else if (k->why && e == k->e && !strstr(t.why, k->why))
		fail_msg("%s: %s", k->name, t.why);
	buf_fini(&in);
	buf_fini(&out);
}

static void test_talks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(talks); i++) {
		run(&talks[i], false);
		run(&talks[i], true);
	}
}

static void test_impossible(void **state)
{
	static const char *const rows[][2] = {
		{ "socks4 p 1", "2001:db8::1" },
		{ "http p 1", "a\r\nX: y" },
		{ "http p 1", "fe80::1%eth0" },
		{ "none", "h" },
	};
	struct proxy_talk t;
	struct proxy p;
	struct buf out;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_init(&out, PROXY_REQUEST_MAX_BYTES);
		assert_int_equal(proxy_parse(rows[i][0], &p, &why), ERR_OK);
		assert_int_equal(proxy_talk_begin(&t, &p, rows[i][1], 1, &out), ERR_INVALID);
		assert_int_not_equal(t.why[0], '\0');
		buf_fini(&out);
	}
}

/* A head without an end is given up at its limit. */
static void test_endless_head(void **state)
{
	struct proxy_talk t;
	struct proxy p;
	struct buf in, out;
	const char *why;

	(void)state;
	buf_init(&in, PROXY_REPLY_MAX_BYTES);
	buf_init(&out, PROXY_REQUEST_MAX_BYTES);
	assert_int_equal(proxy_parse("http p 1", &p, &why), ERR_OK);
	assert_int_equal(proxy_talk_begin(&t, &p, "h", 1, &out), ERR_OK);
	for (size_t i = 0; i + 1 < PROXY_REPLY_MAX_BYTES; i++) {
		assert_int_equal(buf_put(&in, "H", 1), ERR_OK);
		assert_int_equal(proxy_talk_take(&t, &in, &out), ERR_AGAIN);
	}
	assert_int_equal(buf_put(&in, "H", 1), ERR_OK);
	assert_int_equal(proxy_talk_take(&t, &in, &out), ERR_TOOBIG);
	buf_fini(&in);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_talks),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_endless_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
