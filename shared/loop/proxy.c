/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/loop/proxy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/base/addr.h"
#include "shared/base/base64.h"
#include "shared/base/secret.h"

#define SOCKS5_VERSION     5u
#define SOCKS5_NO_AUTH     0u
#define SOCKS5_LOGIN       2u
#define SOCKS5_CONNECT     1u
#define SOCKS5_IPV4        1u
#define SOCKS5_NAME        3u
#define SOCKS5_IPV6        4u
#define LOGIN_VERSION      1u
#define SOCKS4_VERSION     4u
#define SOCKS4_GRANTED     0x5au
#define SOCKS4_REPLY_BYTES 8u

#define WORDS_MAX 6u

static const char *const kinds[] = {
	[PROXY_NONE] = "none",
	[PROXY_SOCKS4] = "socks4",
	[PROXY_SOCKS5] = "socks5",
	[PROXY_HTTP] = "http",
};

/* --- configuration --- */

/* Cuts `text` into words at white space, in place. More than `max` count as max + 1. */
static unsigned cut_words(char *text, char *words[WORDS_MAX], unsigned max)
{
	unsigned n = 0;

	for (char *save = NULL, *w = strtok_r(text, " \t", &save); w;
	     w = strtok_r(NULL, " \t", &save)) {
		if (n == max)
			return max + 1;
		words[n++] = w;
	}
	return n;
}

static enum err complain(const char **why, const char *text)
{
	*why = text;
	return ERR_INVALID;
}

/* A credential goes into the struct; it must have no byte that a protocol cannot carry. */
static bool take_credential(char out[PROXY_CREDENTIAL_SIZE], const char *word)
{
	return snprintf(out, PROXY_CREDENTIAL_SIZE, "%s", word) < (int)PROXY_CREDENTIAL_SIZE;
}

static enum err parse_words(char **words, unsigned n, struct proxy *p, const char **why)
{
	char place[HOSTPORT_HOST_SIZE + 8];

	for (unsigned k = 0; k < ARRAY_LEN(kinds) && n; k++)
		if (strcasecmp(words[0], kinds[k]) == 0) {
			p->kind = (enum proxy_kind)k;
			goto found;
		}
	if (n && strcasecmp(words[0], "exec") == 0)
		return complain(
			why, "\"exec\" is not supported: no program is started for a connection; "
			     "use http, socks4 or socks5");
	return complain(why, "it must begin with none, http, socks4 or socks5");
found:
	if (p->kind == PROXY_NONE)
		return n == 1 ? ERR_OK : complain(why, "\"none\" stands alone");
	if (n < 3)
		return complain(why, "the proxy's host and port are missing: write it like "
				     "http proxy.example.net 3128");
	if (snprintf(place, sizeof(place), "%s %s", words[1], words[2]) >= (int)sizeof(place) ||
	    hostport_split(place, 0, p->host, &p->port))
		return complain(why, "the proxy's host or port is not one: write it like "
				     "http proxy.example.net 3128");
	if (p->kind == PROXY_SOCKS4 && n > 4)
		return complain(why, "socks4 knows a user and no password");
	if (p->kind != PROXY_SOCKS4 && n != 3 && n != 5)
		return complain(why,
				"user and password go together, and neither has white space in it");
	if ((n > 3 && !take_credential(p->user, words[3])) ||
	    (n > 4 && !take_credential(p->password, words[4])))
		return complain(why, "user and password have at most 127 bytes each");
	if (p->kind == PROXY_HTTP && strchr(p->user, ':'))
		return complain(why, "the user of an HTTP proxy cannot have \":\" in it");
	return ERR_OK;
}

static bool has_control(const char *s)
{
	while (*s && ((unsigned char)*s >= ' ' || *s == '\t') && *s != 0x7f)
		s++;
	return *s != '\0';
}

enum err proxy_parse(const char *value, struct proxy *out, const char **why)
{
	char text[PROXY_VALUE_MAX_BYTES];
	char *words[WORDS_MAX];
	enum err e;

	memset(out, 0, sizeof(*out));
	if (has_control(value))
		return complain(why, "it has control characters in it");
	if (snprintf(text, sizeof(text), "%s", value) >= (int)sizeof(text))
		e = complain(why, "it is too long");
	else
		e = parse_words(words, cut_words(text, words, WORDS_MAX - 1), out, why);
	secret_zero(text, sizeof(text));
	if (e)
		secret_zero(out, sizeof(*out));
	return e;
}

/* --- the conversation --- */

static enum err fail(struct proxy_talk *t, enum err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum err fail(struct proxy_talk *t, enum err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->why, sizeof(t->why), fmt, ap);
	va_end(ap);
	return e;
}

static enum err put_u8(struct buf *b, uint8_t v) { return buf_put(b, &v, 1); }

static enum err put_port(struct buf *b, uint16_t port)
{
	const uint8_t bytes[2] = { (uint8_t)(port >> 8), (uint8_t)port };

	return buf_put(b, bytes, sizeof(bytes));
}

/* A string behind its length in one byte. */
static enum err put_counted(struct buf *b, const char *s)
{
	enum err e = put_u8(b, (uint8_t)strlen(s));

	return e ? e : buf_put(b, s, strlen(s));
}

static enum err put_basic(struct buf *out, const struct proxy *p)
{
	char plain[2 * PROXY_CREDENTIAL_SIZE], coded[BASE64_SIZE(2 * PROXY_CREDENTIAL_SIZE)];
	int n = snprintf(plain, sizeof(plain), "%s:%s", p->user, p->password);
	enum err e = buf_printf(out, "Proxy-Authorization: Basic %s\r\n",
				base64_encode(plain, (size_t)n, coded));

	secret_zero(plain, sizeof(plain));
	secret_zero(coded, sizeof(coded));
	return e;
}

static enum err begin_http(struct proxy_talk *t, struct buf *out)
{
	const bool v6 = strchr(t->host, ':') != NULL;
	char at[HOSTPORT_HOST_SIZE + 16];
	enum err e;

	snprintf(at, sizeof(at), v6 ? "[%s]:%u" : "%s:%u", t->host, (unsigned)t->port);
	t->step = PROXY_HTTP_HEAD;
	e = buf_printf(out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", at, at);
	if (!e && t->proxy->user[0])
		e = put_basic(out, t->proxy);
	return e ? e : buf_put_str(out, "\r\n");
}

/* 4a: the address 0.0.0.1 says that a name follows behind the user. */
static enum err begin_socks4(struct proxy_talk *t, struct buf *out)
{
	const uint8_t head[] = { SOCKS4_VERSION, SOCKS5_CONNECT };
	struct addr a = { .family = AF_INET, .b = { 0, 0, 0, 1 } };
	bool named = addr_parse(t->host, &a) != ERR_OK;
	enum err e;

	if (a.family != AF_INET)
		return fail(t, ERR_INVALID, "a SOCKS4 proxy knows no IPv6 addresses");
	if (named)
		a = (struct addr){ .family = AF_INET, .b = { 0, 0, 0, 1 } };
	t->step = PROXY_SOCKS4_REPLY;
	e = buf_put(out, head, sizeof(head));
	if (!e)
		e = put_port(out, t->port);
	if (!e)
		e = buf_put(out, a.b, 4);
	if (!e)
		e = buf_put(out, t->proxy->user, strlen(t->proxy->user) + 1);
	if (!e && named)
		e = buf_put(out, t->host, strlen(t->host) + 1);
	return e;
}

/* What we offer: a login only if there is one to offer. */
static enum err begin_socks5(struct proxy_talk *t, struct buf *out)
{
	const uint8_t offer[] = { SOCKS5_VERSION, 2, SOCKS5_NO_AUTH, SOCKS5_LOGIN };
	const uint8_t offer_none[] = { SOCKS5_VERSION, 1, SOCKS5_NO_AUTH };

	t->step = PROXY_METHOD;
	return t->proxy->user[0] ? buf_put(out, offer, sizeof(offer))
				 : buf_put(out, offer_none, sizeof(offer_none));
}

enum err proxy_talk_begin(struct proxy_talk *t, const struct proxy *p, const char *host,
			  uint16_t port, struct buf *out)
{
	*t = (struct proxy_talk){ .proxy = p, .port = port };
	if (snprintf(t->host, sizeof(t->host), "%s", host) >= (int)sizeof(t->host) ||
	    strpbrk(host, " \t\r\n%"))
		return fail(t, ERR_INVALID, "this destination cannot be asked for through a proxy");
	switch (p->kind) {
	case PROXY_HTTP:
		return begin_http(t, out);
	case PROXY_SOCKS4:
		return begin_socks4(t, out);
	case PROXY_SOCKS5:
		return begin_socks5(t, out);
	default:
		return fail(t, ERR_INVALID, "there is no proxy");
	}
}

/* Nothing may stand behind an answer: the hub does not speak first. */
static enum err done(struct proxy_talk *t, struct buf *in, size_t n)
{
	buf_consume(in, n);
	if (buf_len(in))
		return fail(t, ERR_INVALID, "the proxy sent more than its answer");
	return ERR_OK;
}

/* The three digits of "HTTP/1.x NNN"; 0 when it is no such line. */
static unsigned http_status(const uint8_t *p, size_t n)
{
	unsigned status = 0;

	if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[7] < '0' || p[7] > '9' || p[8] != ' ')
		return 0;
	for (unsigned i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		status = status * 10 + (unsigned)(p[i] - '0');
	}
	return n == 12 || p[12] == ' ' || p[12] == '\r' || p[12] == '\n' ? status : 0;
}

static enum err take_http(struct proxy_talk *t, struct buf *in)
{
	const uint8_t *p = buf_data(in);
	const uint8_t *end = memmem(p, buf_len(in), "\r\n\r\n", 4);
	unsigned status;

	if (!end)
		return buf_len(in) < PROXY_REPLY_MAX_BYTES
			       ? ERR_AGAIN
			       : fail(t, ERR_TOOBIG, "the proxy's answer is too long");
	status = http_status(p, buf_len(in));
	if (!status)
		return fail(t, ERR_INVALID, "the proxy does not answer as an HTTP proxy does");
	if (status == 407)
		return fail(t, ERR_AUTH,
			    t->proxy->user[0] ? "the proxy does not accept user and password (407)"
					      : "the proxy wants a user and a password (407)");
	if (status < 200 || status > 299)
		return fail(t, ERR_DENIED, "the proxy refuses the connection (%u)", status);
	return done(t, in, (size_t)(end - p) + 4);
}

static enum err take_socks4(struct proxy_talk *t, struct buf *in)
{
	const uint8_t *p = buf_data(in);

	if (buf_len(in) < SOCKS4_REPLY_BYTES)
		return ERR_AGAIN;
	if (p[0] != 0)
		return fail(t, ERR_INVALID, "the proxy does not answer as a SOCKS4 proxy does");
	if (p[1] != SOCKS4_GRANTED)
		return fail(t, ERR_DENIED, "the proxy refuses the connection (%u)", p[1]);
	return done(t, in, SOCKS4_REPLY_BYTES);
}

static enum err put_connect(struct proxy_talk *t, struct buf *out)
{
	const uint8_t head[] = { SOCKS5_VERSION, SOCKS5_CONNECT, 0 };
	struct addr a;
	enum err e = buf_put(out, head, sizeof(head));

	t->step = PROXY_SOCKS5_REPLY;
	if (!e && addr_parse(t->host, &a) == ERR_OK) {
		e = put_u8(out, a.family == AF_INET ? SOCKS5_IPV4 : SOCKS5_IPV6);
		if (!e)
			e = buf_put(out, a.b, addr_len(&a));
	} else if (!e) {
		e = put_u8(out, SOCKS5_NAME);
		if (!e)
			e = put_counted(out, t->host);
	}
	if (!e)
		e = put_port(out, t->port);
	return e ? e : ERR_AGAIN;
}

static enum err put_login(struct proxy_talk *t, struct buf *out)
{
	enum err e = put_u8(out, LOGIN_VERSION);

	t->step = PROXY_LOGIN;
	if (!e)
		e = put_counted(out, t->proxy->user);
	if (!e)
		e = put_counted(out, t->proxy->password);
	return e ? e : ERR_AGAIN;
}

static enum err take_method(struct proxy_talk *t, struct buf *in, struct buf *out)
{
	const uint8_t *p = buf_data(in);
	uint8_t version, method;

	if (buf_len(in) < 2)
		return ERR_AGAIN;
	version = p[0];
	method = p[1];
	if (version != SOCKS5_VERSION)
		return fail(t, ERR_INVALID, "the proxy does not answer as a SOCKS5 proxy does");
	if (done(t, in, 2))
		return ERR_INVALID;
	if (method == SOCKS5_NO_AUTH)
		return put_connect(t, out);
	if (method == SOCKS5_LOGIN && t->proxy->user[0])
		return put_login(t, out);
	return fail(t, ERR_AUTH,
		    t->proxy->user[0] ? "the proxy wants another kind of authentication"
				      : "the proxy wants a user and a password");
}

static enum err take_login(struct proxy_talk *t, struct buf *in, struct buf *out)
{
	const uint8_t *p = buf_data(in);
	bool accepted;

	if (buf_len(in) < 2)
		return ERR_AGAIN;
	accepted = p[1] == 0;
	if (p[0] != LOGIN_VERSION)
		return fail(t, ERR_INVALID, "the proxy does not answer as a SOCKS5 proxy does");
	if (!accepted)
		return fail(t, ERR_AUTH, "the proxy does not accept user and password");
	return done(t, in, 2) ? ERR_INVALID : put_connect(t, out);
}

/* RFC 1928 section 6. */
static const char *const refusals[] = {
	NULL,
	"the proxy failed",
	"the proxy's rules do not allow the connection",
	"the proxy cannot reach the network",
	"the proxy cannot reach the host",
	"the host refuses the proxy's connection",
	"the proxy got no answer in time",
	"the proxy does not do what was asked",
	"the proxy does not know this kind of address",
};

static enum err take_socks5(struct proxy_talk *t, struct buf *in)
{
	const uint8_t *p = buf_data(in);
	size_t n = buf_len(in), address;

	if (n < 2)
		return ERR_AGAIN;
	if (p[0] != SOCKS5_VERSION)
		return fail(t, ERR_INVALID, "the proxy does not answer as a SOCKS5 proxy does");
	if (p[1])
		return fail(t, ERR_DENIED, "%s (%u)",
			    p[1] < ARRAY_LEN(refusals) ? refusals[p[1]]
						       : "the proxy refuses the connection",
			    p[1]);
	if (n < 5)
		return ERR_AGAIN;
	if (p[3] == SOCKS5_IPV4)
		address = 4;
	else if (p[3] == SOCKS5_IPV6)
		address = 16;
	else if (p[3] == SOCKS5_NAME)
		address = 1u + p[4];
	else
		return fail(t, ERR_INVALID, "the proxy does not answer as a SOCKS5 proxy does");
	return n < 4 + address + 2 ? ERR_AGAIN : done(t, in, 4 + address + 2);
}

enum err proxy_talk_take(struct proxy_talk *t, struct buf *in, struct buf *out)
{
	switch (t->step) {
	case PROXY_HTTP_HEAD:
		return take_http(t, in);
	case PROXY_SOCKS4_REPLY:
		return take_socks4(t, in);
	case PROXY_METHOD:
		return take_method(t, in, out);
	case PROXY_LOGIN:
		return take_login(t, in, out);
	case PROXY_SOCKS5_REPLY:
		return take_socks5(t, in);
	}
	return ERR_INVALID;
}
