/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * cache: what the spoke remembers over a restart, in STATE/directory.json: the directory, the hub's
 * last welcome, where the hub was reached, when the directory was confirmed last, and whether the
 * hub has refused us for good. With it tunnels work while the hub is away (DESIGN promise 6).
 *
 * The file is two lines: {"format":1,"sha256":"<hex>"} and the body, one JSON object. The checksum
 * is over the bytes of the second line without its end. Written as a whole or not at all. A member
 * that is new in a later version ("peers") is optional, so that files go both ways between
 * versions.
 */
#include "shared/base/paths.h"
#include "shared/loop/resolve.h"
#include "shared/wire/control.h"
#include "spoke/control/revoked.h"

#define CACHE_FORMAT         1u
#define CACHE_FILE_MAX_BYTES (64u << 20)
#define CACHE_ADDRESSES_MAX  16u /* host names whose last good addresses are kept */

/* What a host name resolved to when it did last. */
struct cache_address {
	char host[ENDPOINT_NAME_SIZE]; /* "host port" */
	uint32_t n;
	struct endpoint found[RESOLVE_ADDRESSES_MAX];
};

#define CACHE_PEERS_MAX          1024u /* peers whose endpoints are kept; the oldest is forgotten first */
#define CACHE_PEER_ENDPOINTS_MAX 16u

/* Where another spoke was. */
struct cache_peer {
	uint32_t id;
	int64_t at_ms; /* wall clock, when that was learnt */
	uint8_t n;
	struct endpoint endpoints[CACHE_PEER_ENDPOINTS_MAX]; /* best first */
};

struct cache {
	struct directory dir;   /* revision 0: none */
	uint64_t highest;       /* the highest revision ever seen */
	struct revoked revoked; /* are no peers, even if the directory names them again */
	bool has_welcome;
	struct control_welcome
		welcome;      /* the last one: who we are, who the hub is, pools, MTU, ports */
	int64_t confirmed_ms; /* wall clock when the hub said last that `dir` is its present state;
				 0 never */
	int64_t seen_ms;      /* the latest wall clock that we have seen */
	int64_t clock_ahead_ms; /* how far the hub's clock is ahead of ours, as the last welcome or
				   seen_ms of the file showed; 0 or less: not. Not in the file */
	bool refused; /* revoked, deleted or unknown to the hub: no peers until it takes us again */
	char refused_why[CONTROL_TEXT_SIZE];
	struct endpoint last_good; /* of the hub's link, used last; family 0 none */
	uint32_t n_addresses;
	struct cache_address addresses[CACHE_ADDRESSES_MAX];
	uint32_t n_peers, cap_peers;
	struct cache_peer *peers; /* in no order; owned */
};

void cache_init(struct cache *c);
void cache_fini(struct cache *c);

/* The file's text, appended to `out`. */
enum err cache_encode(const struct cache *c, struct buf *out) must_check;
/* The reverse. ERR_CORRUPT: checksum or contents are wrong; ERR_VERSION: another format. `c` must
 * be initialised and empty, and is so again after a failure. */
enum err cache_decode(struct cache *c, const void *text, size_t len) must_check;

/* Reads `path`. ERR_NOTFOUND; ERR_CORRUPT and ERR_VERSION: the file has been moved aside (path +
 * ".damaged") with a warning. */
enum err cache_load(struct cache *c, const char *path) must_check;
/* Writes `path` as a whole. Errors as file_write_atomic(). */
enum err cache_save(struct cache *c, const char *path) must_check;

/* The hub's record in the directory, or NULL. */
const struct node *cache_hub(const struct cache *c);
/* Our own name as the hub knows it, or NULL while we have not heard from it. */
const char *cache_name(const struct cache *c);
/* Our own record, or NULL. */
const struct node *cache_self(const struct cache *c);
/* Remembers what `host` resolved to; the oldest is forgotten when there are too many. True when
 * that is news. */
bool cache_remember(struct cache *c, const char *host, const struct endpoint *found, size_t n);
/* What `host` resolved to last: copies to `out` (RESOLVE_ADDRESSES_MAX) and returns how many. */
size_t cache_recall(const struct cache *c, const char *host, struct endpoint *out);

/* Where a peer was, or NULL. Valid until the next change. */
const struct cache_peer *cache_peer_find(const struct cache *c, uint32_t id);
/* Replaces where a peer is; n = 0: nowhere. At most CACHE_PEER_ENDPOINTS_MAX are kept. True when
 * that is news. Without memory nothing is remembered. */
bool cache_peer_put(struct cache *c, uint32_t id, const struct endpoint *list, size_t n,
		    int64_t wall_ms);
/* The peer was really met there: puts that endpoint before the others. True when that is news. */
bool cache_peer_first(struct cache *c, uint32_t id, const struct endpoint *e, int64_t wall_ms);
void cache_peer_forget(struct cache *c, uint32_t id);
/* Forgets peers that are not in the directory. */
void cache_peers_prune(struct cache *c);

/*
 * How much longer the directory may be trusted without the hub, in ms; 0: no longer. `wall_ms` is
 * now. A clock that was set back counts as no time gone by, never as time won: the latest clock
 * ever seen takes its place.
 */
uint64_t cache_grace_left_ms(const struct cache *c, int64_t wall_ms, uint32_t grace_s);
