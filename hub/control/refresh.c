/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/refresh.h"

#include <inttypes.h>
#include <string.h>

#include "hub/control/core.h"
#include "hub/control/reach.h"
#include "hub/control/recv.h"
#include "hub/control/verdict.h"
#include "hub/directory/load.h"

#define RETRY_MS 250u /* after the store could not be read */

/* Whom it may meet, and so whose endpoints it is told, may be others now. */
static bool changes_paths(const struct node *old, const struct node *now)
{
	return old && (old->path_policy != now->path_policy || old->hub_only != now->hub_only ||
		       old->direct_only != now->direct_only || old->groups != now->groups);
}

/*
 * Before the change is in c->dir: the index and the engine first, a revoked peer must be gone from
 * there soonest.
 */
static void node_changed(void *arg, const struct node *old, const struct node *now)
{
	struct control *c = arg;
	struct conn *link = registry_find(&c->registry, now->id);

	/* Without its entry a key is looked up in the store: slower, not wrong. */
	if (identities_change(&c->identities, old, now) != ERR_OK && log_allowed(&c->log_system))
		log_error("control: out of memory for the index of identity keys");
	concern_note(&c->concern, old, now);
	engine_feed_node(c, old, now);
	reach_changed(c, old, now);
	dns_feed_node(c, now);
	names_node(c, now);
	revocations_note(c, old, now);
	/* Its link, and what is audited of it, goes on under a new name. */
	if (link)
		memcpy(link->name, now->name, sizeof(link->name));
	if (link && changes_paths(old, now))
		recv_locate_moved(c, link);
	if (old && old->status == NODE_ACTIVE && now->status != NODE_ACTIVE)
		pairs_forget(c, now->id);
}

/*
 * The mtu and the like may have changed with the revision; old ones serve when the new cannot be
 * read.
 */
void refresh_settings(struct control *c)
{
	struct settings x;
	enum err e = settings_read(c->store, &x);

	if (e) {
		(void)core_store_failed(c, e, "read the network's settings");
		return;
	}
	x.hub_id = c->settings.hub_id;
	c->settings = x;
}

void refresh_cut_links(struct control *c)
{
	struct conn *conn = registry_next(&c->registry, NULL);
	struct control_bye why;

	while (conn) {
		struct conn *next = registry_next(&c->registry, conn);
		if (!verdict_of_link(c, conn->id, &conn->key, &why))
			conn_bye(conn, why.reason, why.retry_after_ms, why.text);
		conn = next;
	}
	carriers_cut(c);
}

enum err refresh_start(struct control *c)
{
	uint32_t n;
	enum err e = settings_read(c->store, &c->settings);

	if (e == ERR_OK)
		e = load_refresh(c->store, &c->dir, node_changed, c, &n);
	if (e == ERR_OK && !core_hub(c))
		e = ERR_NOTFOUND;
	if (e)
		return core_store_failed(c, e, "load the directory");
	concern_clear(&c->concern); /* nobody is connected yet */
	log_debug(1, "control: the directory is at revision %" PRIu64 ", %" PRIu32 " nodes",
		  c->dir.revision, c->dir.count);
	return ERR_OK;
}

enum err refresh_now(struct control *c)
{
	uint64_t before = c->dir.revision;
	uint32_t n;
	enum err e = load_refresh(c->store, &c->dir, node_changed, c, &n);

	if (e) {
		/* What was read is in place, and will not look like a change the next time. */
		concern_note_all(&c->concern);
		timer_arm(loop_timers(c->loop), &c->tick, loop_now_ms(c->loop) + RETRY_MS);
		return core_store_failed(c, e, "read what changed");
	}
	if (c->dir.revision == before)
		return ERR_OK;
	log_debug(3, "control: revision %" PRIu64 " -> %" PRIu64 ", %" PRIu32 " nodes changed",
		  before, c->dir.revision, n);
	fanout_read(&c->fanout, c->dir.revision, loop_now_ms(c->loop));
	refresh_settings(c);
	hub_key_follow(c);
	tunnel_key_follow(c);
	engine_feed_self(c);
	engine_feed_commit(c);
	refresh_cut_links(c);
	net_feed_update(c);
	push_spare(c, before);
	concern_clear(&c->concern);
	dns_feed_commit(c);
	push_schedule(c);
	revocations_begin(c);
	return ERR_OK;
}

static void refresh_later(struct loop_later *l)
{
	struct control *c = container_of(l, struct control, refresh);

	/* Reported and tried again by refresh_now() itself. */
	if (refresh_now(c) != ERR_OK)
		return;
}

void refresh_schedule(struct control *c) { loop_later(c->loop, &c->refresh, refresh_later); }
