/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * rotation: this node replaces its own keys while it is connected. Private keys are made where they
 * are used (the tunnel's in the engine, the identity's here) and kept by the monitor.
 *
 *     asked (hub: ask-key, admin: rotate-key, a file FILE.next at the start)
 *       |  1. make: the new key is on the disk beside the present one
 *     MAKING
 *       |  2. propose: rotate-key, signed by the present identity key; again on every new link
 *     PROPOSED ------ the hub refuses: the new keys are dropped -----> STABLE
 *       |  3. our own record of the directory names the new keys: they are used from here on
 *     OVERLAP
 *       |  4. after welcome.key_overlap: the new keys take the place of the old ones on the disk
 *     STABLE
 *
 * Which of two keys is in force is never decided here: the hub's directory says so. That makes a
 * crash between any two steps harmless. After a start both keys are there, the directory (the
 * cached one, then the hub's) names one, and where we are follows from that.
 *
 * Timer: in OVERLAP, when it ends; ROTATION_SWITCH_MS after 3. with a new identity: the link is
 * dialled anew with it; ROTATION_AGAIN_MS after a step of the monitor failed: again.
 */
#include "shared/base/secret.h"
#include "shared/loop/stream.h"
#include "shared/loop/timer.h"
#include "shared/wire/control.h"

#define ROTATION_SWITCH_MS 500u
#define ROTATION_AGAIN_MS  60000u

struct spoke;
struct engine_keys;
struct monitor_done;
struct keys;

enum rotation_phase { ROTATION_STABLE, ROTATION_MAKING, ROTATION_PROPOSED, ROTATION_OVERLAP };
const char *rotation_phase_str(enum rotation_phase p);

struct rotation {
	/* [0] is in identity.key, [1] in identity.key.next; NULL none. The spoke's `identity` is
	 * one of them. */
	struct stream_identity *identity[2];
	struct stream_identity *unkept; /* made here, not on the disk yet */
	/* Likewise of tunnel.key, as the engine tells. */
	struct public_key tunnel[2];
	bool has_next_tunnel;
	bool making_tunnel; /* the engine was asked for one */
	bool wants_tunnel,
		wants_identity; /* asked while the keys before were still in their overlap */
	bool proposed;          /* on this link */
	bool waits;             /* an admin of the hub has to approve */
	bool tried_other;       /* the hub has refused one identity since it took us last */
	uint32_t keep_tag, promote_tag[2]; /* requests to the monitor: identity, tunnel; 0 none */
	uint64_t overlap_ms;               /* loop time when the overlap ends; 0: there is none */
	uint64_t switch_ms;                /* loop time of the link's change of identity; 0: none */
	struct timer timer;
};

/* In load(): takes the identities and public keys of the files. `next_identity` and `next_tunnel`
 * may be NULL. */
enum err rotation_load(struct spoke *s, const struct secret_key *identity,
		       const struct secret_key *next_identity, const struct public_key *tunnel,
		       const struct public_key *next_tunnel) must_check;
void rotation_start(struct spoke *s);
void rotation_fini(struct spoke *s);

/* New keys are wanted. Neither: what was proposed is said again, since the hub has news of it. */
void rotation_ask(struct spoke *s, bool tunnel, bool identity);
/* The hub has taken our hello; the directory has changed; after a start. */
void rotation_welcomed(struct spoke *s);
void rotation_settle(struct spoke *s);
/* An error of the hub. False: it is about something else. */
bool rotation_error(struct spoke *s, const struct control_error *e);
/* The hub does not know our identity key, or knows that it was replaced: is there another to be
 * tried? */
bool rotation_try_other(struct spoke *s);
/* ENGINE_KEYS and MONITOR_DONE; false: that is the answer to something else. */
void rotation_engine_keys(struct spoke *s, const struct engine_keys *m);
bool rotation_monitor_done(struct spoke *s, const struct monitor_done *m);

/* The tunnel key that we are known by, for hello, and the identity's signature over it. */
void rotation_tunnel_key(const struct spoke *s, struct public_key *key, uint8_t sig[64]);
/* One of our identity keys? */
bool rotation_is_ours(const struct spoke *s, const struct public_key *identity);
enum rotation_phase rotation_phase(const struct spoke *s);
