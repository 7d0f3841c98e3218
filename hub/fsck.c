/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/fsck.h"

#include <string.h>

#include "hub/config.h"
#include "hub/store/store.h"
#include "shared/base/file.h"
#include "shared/conf/fsck.h"
#include "shared/keys/keys.h"

/* The subnets that are walked, and those that each overlaps. */
struct walk {
	struct fsck *f;
	struct store *store;
	const char *db;
	const struct store_subnet *of; /* the one whose overlaps are walked */
};

static enum err told_overlap(void *arg, const struct store_subnet *other)
{
	struct walk *w = arg;
	char a[PREFIX_STR_SIZE], b[PREFIX_STR_SIZE];

	/* Each pair once; the same prefix twice is a fail-over, by weight. */
	if (other->id > w->of->id && !prefix_equal(&other->subnet.prefix, &w->of->subnet.prefix))
		fsck_warn(w->f, w->db,
			  "subnet %s of %s and %s of %s overlap: the longer prefix wins",
			  prefix_format(&w->of->subnet.prefix, a), w->of->node_name,
			  prefix_format(&other->subnet.prefix, b), other->node_name);
	return ERR_OK;
}

static enum err check_subnet(void *arg, const struct store_subnet *s)
{
	struct walk *w = arg;

	w->of = s;
	return store_subnets_overlapping(w->store, &s->subnet.prefix, s->node_id, told_overlap, w);
}

/* A key that the database does not have as the hub's is of another network, or of another node. */
static void check_own(struct fsck *f, struct store *s, const char *file, enum key_kind kind,
		      const struct public_key *key)
{
	struct store_key known;
	struct node node;
	enum err e = store_key_find(s, kind, key, &known);

	node_init(&node);
	if (!e)
		e = store_node_get(s, known.node_id, &node, NULL);
	if (e == ERR_NOTFOUND)
		fsck_error(f, file,
			   "the database does not know this key: put back the one that belongs to "
			   "this network, or restore a backup");
	else if (e)
		fsck_error(f, file, "its key cannot be looked up: %s", err_str(e));
	else if (node.kind != NODE_HUB)
		fsck_error(f, file, "it is the key of node %s, not the hub's: put the hub's back",
			   known.node_name);
	node_fini(&node);
}

static void check_store(struct fsck *f, const char *db, struct store *s)
{
	struct walk w = { .f = f, .store = s, .db = db };
	uint64_t bad_id = 0;
	enum err e = store_check(s);

	if (e)
		fsck_error(f, db,
			   "the database is damaged: %s; restore a backup (branchline-hub -n %s "
			   "backup restore FILE)",
			   err_str(e), f->paths->net);
	e = store_audit_verify(s, &bad_id);
	if (e == ERR_CORRUPT)
		fsck_error(f, db, "the audit log was altered at entry %llu",
			   (unsigned long long)bad_id);
	else if (e)
		fsck_error(f, db, "the audit log cannot be read: %s", err_str(e));
	e = store_subnets_list(s, 0, 0, UINT32_MAX, check_subnet, &w);
	if (e)
		fsck_error(f, db, "the subnets cannot be read: %s", err_str(e));
}

/* `own`: NULL when the keys could not be read, which was told. */
static void check_database(struct fsck *f, const struct hub_config *c, const struct keys *own)
{
	char db[PATHS_FILE_SIZE];
	struct store *s;
	enum err e;

	paths_join(db, f->paths->state, "directory.db");
	if (!file_exists(db)) {
		fsck_error(f, db, "it is missing: restore a backup");
		return;
	}
	e = store_open(f->paths->state, &s);
	if (e == ERR_VERSION) {
		fsck_warn(f, db,
			  "it is of another version of this program; the hub brings an older "
			  "one up to date when it starts");
	} else if (e) {
		fsck_error(f, db, "it cannot be opened: %s", err_str(e));
	} else {
		check_store(f, db, s);
		if (own) {
			check_own(f, s, c->identity_key_file, KEY_IDENTITY, &own->identity_public);
			check_own(f, s, c->tunnel_key_file, KEY_TUNNEL, &own->tunnel_public);
		}
		store_close(s);
	}
}

/* False when there are no keys to go on with. */
static bool check_keys(struct fsck *f, const struct hub_config *c, struct keys *k)
{
	bool there = fsck_secret(f, c->identity_key_file);
	enum err e;

	there = fsck_secret(f, c->tunnel_key_file) && there;
	e = there ? keys_read(k, c->identity_key_file, c->tunnel_key_file) : ERR_OK;
	if (e)
		fsck_error(f, f->paths->etc, "the keys cannot be used: %s", err_str(e));
	else if (there)
		keys_forget_secrets(k);
	(void)fsck_secret(f, c->https_key_file);
	if (!file_exists(c->https_cert_file))
		fsck_error(f, c->https_cert_file, "it is missing");
	return there && !e;
}

int hub_fsck(const struct paths *paths, bool json, bool fix)
{
	struct fsck f = { .program = "branchline-hub",
			  .kind = CONF_HUB,
			  .paths = paths,
			  .json = json,
			  .fix = fix };
	struct hub_config c;
	struct keys own;
	bool there;
	enum err e;

	fsck_begin(&f);
	fsck_config(&f, "hub.conf");
	fsck_folders(&f);
	fsck_scripts(&f);
	e = hub_config_load(&c, paths, NULL);
	/* What the table finds is told already. */
	if (e && f.errors == 0)
		fsck_error(&f, paths->etc, "%s", c.raw.error);
	if (c.host_warning[0] && f.errors == 0)
		fsck_warn(&f, paths->etc, "%s", c.host_warning);
	there = check_keys(&f, &c, &own);
	check_database(&f, &c, there ? &own : NULL);
	hub_config_fini(&c);
	return fsck_end(&f);
}
