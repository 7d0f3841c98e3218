/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * names: host names in the Address lines of WireGuard nodes, which the hub has to find by itself
 * (agents dial the hub). Looked up off the loop when the node changes, and again when the engine
 * finds nobody there: the address behind a name may move.
 *
 *   node changed, or engine asks --> queue --> at most NAMES_AT_ONCE look-ups --> engine_feed
 */
#include "shared/base/addr.h"
#include "shared/base/list.h"
#include "shared/base/table.h"
#include "shared/loop/loop.h"

#define NAMES_AT_ONCE    4u
#define NAMES_TIMEOUT_MS 10000u
#define NAMES_AGAIN_MS   30000u /* not sooner after the last look-up of the same node */
#define NAMES_FOUND_MAX  8u

struct control;
struct node;

struct names {
	struct table by_id;
	struct list queue;
	unsigned running;
	struct loop_later pump;
};

enum err names_init(struct control *c) must_check;
void names_fini(struct control *c);
/* The node changed; called before the change is in the directory. `old` may be NULL. */
void names_node(struct control *c, const struct node *old, const struct node *now);
/* Nobody is where we looked last. */
void names_again(struct control *c, uint32_t id);
/* What was found, for endpoints_of(). NULL and 0 when there is nothing. */
const struct endpoint *names_found(const struct control *c, uint32_t id, uint8_t *n);
