/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * lookups: the host names of many nodes, looked up off the loop, a few at a time, and what was
 * found kept by node.
 *
 *   lookups_set(), lookups_again() --> queue --> at most LOOKUPS_AT_ONCE --> done()
 *
 * Numeric lines are passed over: whoever has them needs no look-up.
 */
#include "shared/base/addr.h"
#include "shared/base/list.h"
#include "shared/base/table.h"
#include "shared/loop/loop.h"

#define LOOKUPS_AT_ONCE    4u
#define LOOKUPS_TIMEOUT_MS 10000u
#define LOOKUPS_AGAIN_MS   30000u /* not sooner after the last look-up of the same node */
#define LOOKUPS_LINES_MAX  16u    /* names of a node; more are passed over */
#define LOOKUPS_FOUND_MAX  8u

struct lookups;
/* All names of the node were looked up. `any`: something was found; otherwise what was found before
 * stays. The callee may call lookups_set(). */
typedef void (*lookups_done)(struct lookups *l, uint32_t id, bool any);

struct lookups {
	struct loop *loop;
	int family; /* AF_UNSPEC, AF_INET, AF_INET6 */
	uint16_t default_port;
	struct table by_id;
	struct list queue;
	unsigned running;
	struct loop_later pump;
	lookups_done done;
};

enum err lookups_init(struct lookups *l, struct loop *loop, int family, uint16_t default_port,
		      lookups_done done) must_check;
void lookups_fini(struct lookups *l);
/*
 * The lines ("host port", as hostport_split() takes them) of a node. Other names than before are
 * looked up; without any name the node is forgotten. Copied. Out of memory: nothing is found.
 */
void lookups_set(struct lookups *l, uint32_t id, const char *const *lines, size_t n);
/* Nobody is where we looked last: looked up anew, unless that was just done. */
void lookups_again(struct lookups *l, uint32_t id);
/* What was found last. NULL and 0 when there is nothing. Valid until the next call. */
const struct endpoint *lookups_found(const struct lookups *l, uint32_t id, uint8_t *n);
