/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * join_link: the talk with the hub that makes us a node. Writes no file.
 *
 *     dial --key is the token's--> join ----> welcome ----> directory ----> done
 *       |  no hub left               | error, bye, end, timeout
 *       v                            v
 *     "cannot be reached"          refused or failed
 */
#include "shared/monitor/launch.h"
#include "shared/wire/token.h"
#include "spoke/control/cache.h"
#include "shared/keys/keys.h"

struct join_request {
	const struct join_token *token;
	const struct keys *keys;
	const char *name;          /* what to be called, if the token leaves the choice; "" none */
	const struct proxy *proxy; /* how the hub is reached; kept by reference */
	int family;                /* AF_UNSPEC, AF_INET, AF_INET6 */
	unsigned timeout_ms;       /* for everything together */
};

/*
 * Runs a loop of its own until it is decided. LAUNCH_DONE: `out` (initialised, empty) has welcome,
 * directory and the hub's addresses. Otherwise an exit code, `why` says what happened, and `out` is
 * empty.
 */
int join_link_run(const struct join_request *rq, struct cache *out, char why[512]);
