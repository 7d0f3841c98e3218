/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* stream_identity: the TLS contexts behind stream.h. Only for stream.c. */
#include <openssl/ssl.h>

#include "shared/loop/stream.h"

/* A new TLS connection object for one side, ALPN and certificates set, without a socket. NULL when
 * memory is out. */
SSL *stream_identity_ssl(struct stream_identity *id, bool server);
/* A TCP socket to dial with; -1 with errno set. */
int stream_identity_socket(struct stream_identity *id, int family);
/*
 * What the handshake proved: the peer's raw Ed25519 key. ERR_AUTH with a phrase in `*why` (static
 * storage) when something is missing that our own side always has.
 */
enum err stream_identity_peer(SSL *ssl, struct public_key *peer, const char **why) must_check;
