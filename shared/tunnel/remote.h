/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * remote: what a handshake between one of our tunnel keys and one of a peer's needs. Nearly always
 * it is our only key and the peer's only key, for which it is kept with the session; for the
 * others, while a key is being replaced at either end, it is computed when a handshake needs it.
 */
#include "shared/tunnel/tunnel.h"

/* How long a peer's key of before may begin handshakes with us. */
#define OLD_KEY_MS 600000u

struct remote {
	const struct handshake_peer *peer;
	struct cookie_maker *cookie;
	struct handshake_peer
		own_peer; /* what `peer` and `cookie` point to, if not to the session */
	struct cookie_maker own_cookie;
};

/* Of a new peer: p->tunnel_key with our first key. ERR_AUTH, ERR_CRYPTO. */
enum err remote_init(struct peer *p) must_check;
/* The same for a peer whose key is to be `key`: nothing has changed after an error. */
enum err remote_change(struct peer *p, const struct public_key *key) must_check;
void remote_fini(struct peer *p);

/* `out` for `own` and `theirs`, which is the peer's key or its old one. remote_close() is the
 * caller's after ERR_OK. */
enum err remote_open(struct peer *p, const struct own_key *own, const struct public_key *theirs,
		     struct remote *out) must_check;
void remote_close(struct remote *r);

/* Whose key was this? NULL: nobody's, or its time is over. */
struct peer *remote_find_old(struct tunnel *t, const struct public_key *key);
/* The peer has a session made with its present key: the old one is worthless now. */
void remote_forget_old(struct peer *p);
