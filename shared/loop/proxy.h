/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * proxy: how a TCP connection is asked for through a proxy. Pure: bytes in, bytes out, no I/O.
 *
 *   HTTP     CONNECT (RFC 9110 section 9.3.6), Basic authentication (RFC 7617)
 *   SOCKS5   RFC 1928, user and password by RFC 1929
 *   SOCKS4   with names as in 4a; no IPv6
 *
 *   1. proxy_parse() the configuration's text
 *   2. proxy_talk_begin(): what is to be sent first
 *   3. proxy_talk_take() for what comes, until it is not ERR_AGAIN
 *
 * The destination's name is handed to the proxy as it is: behind it names are often not known.
 */
#include <stdbool.h>

#include "shared/base/buf.h"
#include "shared/base/hostport.h"

#define PROXY_CREDENTIAL_SIZE   128u
#define PROXY_VALUE_MAX_BYTES   600u
#define PROXY_REPLY_MAX_BYTES   8192u /* the whole head of an HTTP answer */
#define PROXY_REQUEST_MAX_BYTES 2048u

enum proxy_kind { PROXY_NONE = 0, PROXY_SOCKS4, PROXY_SOCKS5, PROXY_HTTP };

/* Holds a password: to be zeroed after use. Empty `user`: no authentication. */
struct proxy {
	enum proxy_kind kind;
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;
	char user[PROXY_CREDENTIAL_SIZE];
	char password[PROXY_CREDENTIAL_SIZE];
};

/*
 * Reads tinc's value: "none", "http HOST PORT [USER PASSWORD]", "socks5 HOST PORT [USER PASSWORD]",
 * "socks4 HOST PORT [USER]". ERR_INVALID: `*why` says what is wrong, a static sentence that has
 * nothing of the value in it. Zero `out` after use, also after a failure.
 */
enum err proxy_parse(const char *value, struct proxy *out, const char **why) must_check;

enum proxy_step {
	PROXY_HTTP_HEAD,
	PROXY_SOCKS4_REPLY,
	PROXY_METHOD,
	PROXY_LOGIN,
	PROXY_SOCKS5_REPLY
};

/* One conversation. `why` is a phrase for the log after a failure: nothing of what the proxy sent
 * but numbers is in it. */
struct proxy_talk {
	const struct proxy *proxy;
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;
	enum proxy_step step;
	char why[120];
};

/* `p` must outlive the talk. Appends the first request to `out`. ERR_INVALID: the destination
 * cannot be had through this kind of proxy (see `why`); ERR_TOOBIG, ERR_NOMEM. */
enum err proxy_talk_begin(struct proxy_talk *t, const struct proxy *p, const char *host,
			  uint16_t port, struct buf *out) must_check;
/*
 * Takes what has come (`in`, PROXY_REPLY_MAX_BYTES at the most), appends what is to be sent next.
 * ERR_OK: the connection to the destination is there, `in` is empty. ERR_AGAIN: more has to come.
 * ERR_DENIED: the proxy refuses; ERR_AUTH: it wants other credentials; ERR_INVALID: what it said is
 * no answer; ERR_TOOBIG, ERR_NOMEM. With `why`.
 */
enum err proxy_talk_take(struct proxy_talk *t, struct buf *in, struct buf *out) must_check;
