/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * transport: the bytes of one client of the API, over a socket as they are, or in TLS 1.2 or 1.3.
 * Nothing here blocks, and nothing here waits: ERR_AGAIN says that something must come or go first,
 * transport_events() what.
 */
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"

/* What all HTTPS clients have in common. `key_pem` is the key of the first certificate in
 * `cert_pem`, which the certificates that lead to its root may follow. ERR_INVALID: they are not in
 * order, `*why` is a phrase of the TLS library. */
enum err transport_tls_new(struct buf *key_pem, struct buf *cert_pem, SSL_CTX **out,
			   const char **why) must_check;

struct transport {
	int fd;
	SSL *ssl;         /* NULL: bytes as they are */
	bool wants_write; /* reading, or shaking hands: TLS must send first */
	bool wants_read;  /* sending: TLS must receive first */
};

/* Takes over the socket, which does not block. `tls` may be NULL. ERR_NOMEM: it is closed. */
enum err transport_init(struct transport *t, int fd, SSL_CTX *tls) must_check;
/* Closes the socket, without a goodbye. */
void transport_fini(struct transport *t);
/* The TLS handshake. ERR_AGAIN, ERR_IO, ERR_AUTH. */
enum err transport_shake(struct transport *t) must_check;
/* At least one byte. ERR_AGAIN; ERR_CLOSED: the client sends no more; ERR_IO. */
enum err transport_read(struct transport *t, void *p, size_t n, size_t *got) must_check;
enum err transport_write(struct transport *t, const void *p, size_t n, size_t *put) must_check;
/* Says goodbye, and sends no more. */
void transport_shutdown(struct transport *t);
/* After the goodbye: throws away what still comes. ERR_AGAIN; ERR_CLOSED: there is no more. */
enum err transport_drain(struct transport *t) must_check;
/* Is there something to be read of which the socket does not tell? */
bool transport_has_more(const struct transport *t) must_check;
