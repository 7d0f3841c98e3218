/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * What control tells the dns worker: whom the names belong to, and the nodes. Nothing comes back.
 *
 *   dns or control is new   DNS_SELF, then each node as DNS_NODE and its DNS_SUBNETS, then
 * DNS_READY a node changes          the same of that node, or DNS_GONE, then DNS_READY with the
 * revision
 */
#include "shared/base/cursor.h"
#include "shared/ipc/channel.h"
#include "shared/wire/node.h"

/* Subnets of one message. */
#define DNS_SUBNETS_PART 512u

enum dns_msg {
	DNS_SELF = 1, /* struct dns_self; everything said before is forgotten */
	DNS_NODE,     /* struct dns_node: new, or in the place of what was said of it */
	DNS_SUBNETS,  /* struct dns_subnets: more of the node named last */
	DNS_GONE,     /* struct dns_gone */
	DNS_READY,    /* struct dns_ready */
};

/* Who we are. Addresses and pools may come later: family 0 none. */
struct dns_self {
	uint32_t id; /* 0: not known yet */
	struct addr addresses[2];
	struct prefix pools[2];
};
struct dns_node {
	uint32_t id;
	char name[NAME_SIZE];
	bool hub;
	uint64_t groups, reach;
	struct addr addresses[2];
};
struct dns_subnets {
	uint32_t id;
	uint16_t n;
	struct node_subnet list[DNS_SUBNETS_PART];
};
struct dns_gone {
	uint32_t id;
};
/* What was told is whole as of this revision. */
struct dns_ready {
	uint64_t revision;
};

bool dns_self_equal(const struct dns_self *a, const struct dns_self *b);

void dns_self_encode(const struct dns_self *m, struct cursor *c);
enum err dns_self_decode(struct cursor *c, struct dns_self *m) must_check;
void dns_node_encode(const struct dns_node *m, struct cursor *c);
enum err dns_node_decode(struct cursor *c, struct dns_node *m) must_check;
void dns_subnets_encode(const struct dns_subnets *m, struct cursor *c);
enum err dns_subnets_decode(struct cursor *c, struct dns_subnets *m) must_check;
void dns_gone_encode(const struct dns_gone *m, struct cursor *c);
enum err dns_gone_decode(struct cursor *c, struct dns_gone *m) must_check;
void dns_ready_encode(const struct dns_ready *m, struct cursor *c);
enum err dns_ready_decode(struct cursor *c, struct dns_ready *m) must_check;

/* The sender's side. A channel that does not take them is over: its owner hears of it. */
void dns_tell_self(struct channel *ch, const struct dns_self *m);
/* A node of the directory with its subnets; one that is not active is gone. */
void dns_tell_node(struct channel *ch, const struct node *n);
void dns_tell_gone(struct channel *ch, uint32_t id);
void dns_tell_ready(struct channel *ch, uint64_t revision);
