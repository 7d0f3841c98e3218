/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * path_policy: may two nodes use a direct path, and may they use the hub's relay? It follows from
 * the directory: from each node's own setting, and from the policy rows between their groups. Pure.
 */
#include <stdint.h>

#include "shared/base/err.h"

/* The numbers stand in the store and in messages between our processes. */
enum path_policy {
	PATH_POLICY_AUTO = 0,
	PATH_POLICY_HUB_ONLY = 1,    /* tinc's IndirectData: everything through the hub */
	PATH_POLICY_DIRECT_ONLY = 2, /* tinc's DirectOnly: never through the hub */
};

const char *path_policy_str(enum path_policy p); /* "auto", "hub-only", "direct-only" */
/* ERR_INVALID: none of the three. */
enum err path_policy_parse(const char *s, enum path_policy *out) must_check;
/* Both are to hold: hub-only wins over direct-only, which wins over auto. */
enum path_policy path_policy_stricter(enum path_policy a, enum path_policy b);

/* What the directory says of one node. Bit sets are of groups, as in struct node. */
struct path_rules {
	enum path_policy own; /* the node's own setting */
	uint64_t groups;      /* that it is in */
	uint64_t hub_only;    /* towards nodes of these: hub-only */
	uint64_t direct_only; /* towards nodes of these: direct-only */
};
/* What holds between two nodes. The order of the two does not matter. */
enum path_policy path_policy_of_pair(const struct path_rules *a, const struct path_rules *b);
