/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * import_taken: which prefixes are behind which nodes, as the directory says and as an import goes
 * on to put them there. The hub judges every change by itself; this is for what it cannot know: in
 * a dry run what would have been done before, and which subnets two files name on purpose.
 */
#include "shared/base/name.h"
#include "shared/base/prefix.h"

struct taken {
	struct prefix prefix; /* a subnet, or a node's own address as a whole-length prefix */
	char node[NAME_SIZE];
};

/* All zero: empty. */
struct taken_list {
	struct taken *rows; /* owned */
	size_t n;
};

/* Without memory the row is not kept: the hub still judges. */
void import_taken_add(struct taken_list *list, const struct prefix *p, const char *node);
/* The very same prefix at another node, or NULL. */
const struct taken *import_taken_same(const struct taken_list *list, const struct prefix *p,
				      const char *node);
/* What is in the way of a prefix: another node's that overlaps it and is not the same, or, for a
 * node's own address, any. NULL: nothing. */
const struct taken *import_taken_clash(const struct taken_list *list, const struct prefix *p,
				       const char *node, bool own_address);
void import_taken_fini(struct taken_list *list);
