/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * names: host names in the Address lines of nodes that the hub has to find by itself: WireGuard
 * nodes, and branches that it expects (ConnectTo in hub.conf). Other agents dial the hub. Looked up
 * off the loop when the node changes, and again when the engine finds nobody there: the address
 * behind a name may move.
 */
#include "shared/loop/lookups.h"

struct control;
struct node;

enum err names_init(struct control *c) must_check;
void names_fini(struct control *c);
/* The node changed; called before the change is in the directory. */
void names_node(struct control *c, const struct node *now);
/* Nobody is where we looked last. */
void names_again(struct control *c, uint32_t id);
/* What was found, for endpoints_of(). NULL and 0 when there is nothing. */
const struct endpoint *names_found(const struct control *c, uint32_t id, uint8_t *n);
