/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * auth: who is asking. Over the UNIX socket the kernel says it (SO_PEERCRED): root, the user who
 * started the hub, or a member of the configured group; never the workers' own user, so that a
 * worker that fell into wrong hands is no admin. Over HTTPS a bearer token says it: the hub stores
 * only its SHA-256.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hub/api/role.h"
#include "hub/store/store.h"
#include "shared/base/addr.h"

#define AUTH_ACTOR_SIZE      72u
#define AUTH_TOKEN_PREFIX    "blt_"
#define AUTH_TOKEN_MAX_CHARS 128u

/* Sources of failures that are remembered; the one that is quiet longest goes first. */
#define AUTH_SOURCES_MAX    256u
#define AUTH_FAILURES_BURST 10u   /* failures of one source before it has to wait */
#define AUTH_FAILURE_MS     6000u /* one more is allowed after so long */

/* Who is asking, and what they may do. */
struct auth_who {
	char actor[AUTH_ACTOR_SIZE];
	enum role role;
	char scopes[STORE_TEXT_SIZE]; /* of an API token; "" all */
	uint32_t user_id;             /* signed in by a cookie; 0: no user */
	uint8_t session[32];          /* of a user: hash of the cookie */
	int64_t expires_ms;           /* of a session; 0 none */
};

/* Who may use the UNIX socket; filled before the rights are dropped. */
struct auth_unix {
	uid_t owner; /* who started the hub: root, as a rule */
	bool has_group;
	gid_t group;
};

/* Who is behind a connection of the UNIX socket, by the kernel. */
struct auth_peer {
	uid_t uid;
	gid_t gid;
	unsigned n_groups;
	gid_t groups[64]; /* supplementary ones; more are not looked at */
};

/* Failed attempts by source (IPv6: by /64), as token buckets: time at which the bucket is full
 * again. */
struct auth_limit {
	struct auth_source {
		struct addr addr;
		uint64_t full_ms;
	} sources[AUTH_SOURCES_MAX];
};

/* Looks the group up. A group that does not exist leaves the socket to root. */
void auth_unix_init(struct auth_unix *u, const char *group);
enum err auth_peer_read(int fd, struct auth_peer *out) must_check;
/* The verdict; `own` is the user of this worker. */
bool auth_peer_allowed(const struct auth_unix *u, const struct auth_peer *p, uid_t own);
/* "unix:root", or "unix:uid1000" for one without a name. */
char *auth_peer_actor(const struct auth_peer *p, char out[AUTH_ACTOR_SIZE]);

/* What the hub stores of a token: SHA-256 over its whole text. */
void auth_token_hash(const char *token, uint8_t out[32]);
/* A new token: "blt_" and 43 characters for 256 random bits. `out` must be zeroed after use. */
void auth_token_new(char out[AUTH_TOKEN_MAX_CHARS]);
/*
 * `header` is the value of Authorization, or NULL. Writes who it is, "token:NAME". ERR_AUTH: none,
 * malformed or unknown; ERR_EXPIRED; ERR_REVOKED; others: the store failed.
 */
enum err auth_bearer(struct store *s, const char *header, int64_t wall_ms,
		     struct auth_who *who) must_check;

/* The name of the cookie; browsers keep to what "__Host-" promises (RFC 6265bis section 4.1.3). */
#define AUTH_COOKIE         "__Host-branchline"
#define AUTH_SESSION_PREFIX "bls_"
#define AUTH_SESSION_LIFE_S (12u * 3600u) /* then one has to sign in again */
/* Is there a cookie of ours in the value of Cookie (may be NULL)? */
bool auth_has_cookie(const char *header);
/* A new cookie's text, like a token's; and what it was hashed to. Zero `out` after use. */
void auth_session_new(char out[AUTH_TOKEN_MAX_CHARS]);
/* Writes who it is, "user:NAME", with the role that the user has now. ERR_AUTH: no session, over,
 * or the user is disabled; others: the store failed. */
enum err auth_session(struct store *s, const char *header, int64_t wall_ms,
		      struct auth_who *who) must_check;
/*
 * A change that a cookie speaks for must come from our own page: other pages cannot make a browser
 * send a header of their own making without asking us first (which we never answer), and what says
 * where it comes from must say here. `own` is the value of X-Branchline, `origin` and `host` those
 * of their headers; each may be NULL.
 */
bool auth_is_own_page(const char *own, const char *origin, const char *host);
/* What failed attempts for a user's name are counted under, besides their source. */
struct addr auth_user_source(const char *name);

/* 0 when `source` may try, else the milliseconds until it may. */
uint64_t auth_limit_wait_ms(const struct auth_limit *l, const struct addr *source, uint64_t now_ms);
/* Counts a failure. */
void auth_limit_failed(struct auth_limit *l, const struct addr *source, uint64_t now_ms);
