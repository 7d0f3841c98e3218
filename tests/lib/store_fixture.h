/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* For tests: a store in a folder of its own that goes away with it, and short ways to fill it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/store/store.h"
#include "shared/base/paths.h"

struct fixture {
	char dir[64];
	struct store *s;
};

#define assert_ok(call) assert_int_equal((call), ERR_OK)

static inline int fixture_remove_entry(const char *path, const struct stat *st, int type,
				       struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* An empty folder. */
static inline void fixture_dir(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/branchline-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
}

static inline void fixture_open(struct fixture *f)
{
	fixture_dir(f);
	assert_ok(store_create(f->dir));
	assert_ok(store_open(f->dir, &f->s));
}

static inline void fixture_close(struct fixture *f)
{
	store_close(f->s);
	nftw(f->dir, fixture_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct addr fixture_addr(const char *text)
{
	struct addr a;

	assert_ok(addr_parse(text, &a));
	return a;
}

static inline struct prefix fixture_prefix(const char *text)
{
	struct prefix p;

	assert_ok(prefix_parse(text, &p, NULL));
	return p;
}

static inline struct node_subnet fixture_subnet(const char *text, uint32_t weight)
{
	return (struct node_subnet){ fixture_prefix(text), weight };
}

/* A key of one repeated byte. */
static inline struct public_key fixture_key(uint8_t byte)
{
	struct public_key k;

	memset(k.b, byte, sizeof(k.b));
	return k;
}

/* A node in a transaction of its own; `address` may be NULL. Returns its id. */
static inline uint32_t fixture_node(struct store *s, const char *name, enum node_kind kind,
				    enum node_status status, const char *address)
{
	struct node n;
	uint32_t id;

	node_init(&n);
	snprintf(n.name, sizeof(n.name), "%s", name);
	n.kind = kind;
	n.status = status;
	if (address)
		n.addresses[strchr(address, ':') != NULL] = fixture_addr(address);
	assert_ok(store_begin(s));
	assert_ok(store_revision_next(s, "test", name, &n.revision));
	assert_ok(store_node_put(s, &n));
	assert_ok(store_commit(s));
	id = n.id;
	node_fini(&n);
	return id;
}

/* Is there a file of this name in the folder? */
static inline bool fixture_exists(const struct fixture *f, const char *name)
{
	char path[PATHS_FILE_SIZE];

	return access(paths_join(path, f->dir, name), F_OK) == 0;
}
