/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * endpoints: where a node's UDP port may be reached, best first: where the hub's engine sees it,
 * its configured Address lines, the address that the link comes from with the port that it listens
 * on, what it says itself (candidates).
 */
#include "shared/base/addr.h"

struct control;
struct node;

/* For another spoke or the hub's engine. Fills at most `max` and returns how many. */
uint8_t endpoints_of(struct control *c, const struct node *n, struct endpoint *out, uint8_t max);
