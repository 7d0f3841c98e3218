/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * dns_feed: tells the dns worker, where there is one, what the directory says: all of it when one
 * of the two is new or the hub's own addresses change, and then each node that changes.
 */
#include "shared/ipc/dns_msg.h"

struct control;

/* The worker is there (again). */
void dns_feed_up(struct control *c);
/* One node of the directory is to be another, before it is. */
void dns_feed_node(struct control *c, const struct node *now);
/* After the last of them, when the directory is at its new revision. */
void dns_feed_commit(struct control *c);
