/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * stream: a TLS 1.3 byte stream over non-blocking TCP, both sides with a self-signed Ed25519
 * certificate made from the node's identity key in memory. No CA and no dates: after the handshake
 * the owner gets the other side's raw public key and decides.
 *
 *   1. stream_identity_new() once
 *   2. stream_connect() or stream_accept(); callbacks start
 *   3. opened() once, with the peer's key; then received() whenever bytes came
 *   4. closed() once, whoever ended it; the stream is freed right after that callback returns
 *
 * stream_close() frees at once without a callback.
 */
#include "shared/base/addr.h"
#include "shared/base/buf.h"
#include "shared/base/secret.h"
#include "shared/loop/loop.h"
#include "shared/loop/proxy.h"

struct stream;
struct stream_identity;

struct stream_events {
	/*
	 * The TLS handshake is done and the other side has proved `peer`. On the dialling side the
	 * other one may still refuse: TLS 1.3 lets the client finish first, so closed() with
	 * ERR_AUTH can follow.
	 */
	void (*opened)(struct stream *s, void *arg, const struct public_key *peer);
	/* `in` holds all bytes not consumed yet; consume what makes whole messages. */
	void (*received)(struct stream *s, void *arg, struct buf *in);
	/* The stream is over: ERR_CLOSED (orderly), ERR_TIMEOUT, ERR_AUTH (TLS failed), ERR_IO,
	 * ERR_TOOBIG. `why` is a phrase for the log. */
	void (*closed)(struct stream *s, void *arg, enum err e, const char *why);
	/* All that was queued is with the kernel, which takes more: for owners that keep a queue of
	 * their own. May call stream_send(). May be NULL. */
	void (*drained)(struct stream *s, void *arg);
};

struct stream_limits {
	size_t in_bytes;  /* most bytes received and not consumed */
	size_t out_bytes; /* most bytes waiting to be sent; one more ends the stream with ERR_TOOBIG
			   */
	unsigned handshake_ms; /* TCP connect and TLS handshake together */
};

/* Makes the TLS contexts (client and server side) for an Ed25519 private key seed. TLS 1.3 only, no
 * tickets, no renegotiation, released buffers. */
enum err stream_identity_new(const struct secret_key *ed25519_seed,
			     struct stream_identity **out) must_check;
void stream_identity_free(struct stream_identity *id);
/* Signs with the identity key: Ed25519, 64 bytes. ERR_CRYPTO. */
enum err stream_identity_sign(const struct stream_identity *id, const void *p, size_t n,
			      uint8_t sig[64]) must_check;
/* The raw Ed25519 public key of the identity. */
const struct public_key *stream_identity_public(const struct stream_identity *id);

/*
 * Who makes the TCP sockets that are dialled with, instead of socket(): one of that family,
 * non-blocking, not connected. -1 with errno set when there is none. Holds for all streams of the
 * identity.
 */
typedef int (*stream_socket)(void *arg, int family);
void stream_identity_sockets(struct stream_identity *id, stream_socket make, void *arg);

/* Dials `to`. Failures that show at once are returned, later ones come by closed(). */
enum err stream_connect(struct loop *l, struct stream_identity *id, const struct endpoint *to,
			const struct stream_limits *limits, const struct stream_events *ev,
			void *arg, struct stream **out) must_check;
/*
 * The same through a proxy: dials `at`, an address of the proxy, and has it connect to `host` and
 * `port`. `via` is copied, and zeroed when the connection stands. stream_remote() is the proxy's
 * address.
 */
enum err stream_connect_via(struct loop *l, struct stream_identity *id, const struct endpoint *at,
			    const struct proxy *via, const char *host, uint16_t port,
			    const struct stream_limits *limits, const struct stream_events *ev,
			    void *arg, struct stream **out) must_check;
/* Takes over an accepted TCP socket (closed by the stream, also on failure). */
enum err stream_accept(struct loop *l, struct stream_identity *id, int fd,
		       const struct stream_limits *limits, const struct stream_events *ev,
		       void *arg, struct stream **out) must_check;
/* Queues bytes; they go out at the end of the round, or after opened(). ERR_CLOSED once it is
 * finishing. ERR_TOOBIG when the limit would be passed: nothing is queued, the owner should close.
 */
enum err stream_send(struct stream *s, const void *p, size_t n) must_check;
/* Sends what is queued, then close_notify, then closes (before opened(): just closes); closed()
 * comes with ERR_CLOSED. Nothing is received any more. Bounded by 2 s. */
void stream_finish(struct stream *s);
/* Closes and frees now, without a callback. Safe inside any of its callbacks. Accepts NULL. */
void stream_close(struct stream *s);
/* For a stream that carries packets: the kernel takes more only while it holds less than about
 * `unsent_bytes` unsent, and ends the connection when nothing is acknowledged for `stuck_ms`. Best
 * effort. */
void stream_keep_short(struct stream *s, unsigned unsent_bytes, unsigned stuck_ms);
/* Bytes waiting to be sent. */
size_t stream_queued(const struct stream *s);
/* The other side's address. */
const struct endpoint *stream_remote(const struct stream *s);
const struct endpoint *stream_local(const struct stream *s);
