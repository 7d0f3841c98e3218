/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/push.h"

#include <inttypes.h>

#include "hub/control/core.h"

void push_init(struct control *c) { buf_init(&c->push.cache.frame, LINK_FRAME_MAX_BYTES + 4); }

void push_fini(struct control *c)
{
	loop_later_cancel(c->loop, &c->push.later);
	buf_fini(&c->push.cache.frame);
}

/*
 * What directory_delta() will start from: who changed itself, or knows a revision that we do not,
 * gets a snapshot.
 */
static uint64_t base_of(const struct control *c, const struct node *viewer, uint64_t sent)
{
	return viewer->revision > sent || sent > c->dir.revision ? 0 : sent;
}

/* True when the frame in the cache says just what `viewer`, who starts from `from`, has to be told.
 */
static bool hit(const struct control *c, const struct node *viewer, uint64_t from,
		uint32_t capabilities)
{
	const struct push_cache *x = &c->push.cache;

	return x->valid && x->from == from && x->to == c->dir.revision &&
	       x->groups == viewer->groups && x->reach == viewer->reach &&
	       x->capabilities == capabilities;
}

/* Makes the frame for `viewer` in the cache, unless it is there. */
static enum err make_frame(struct control *c, const struct node *viewer, const struct conn *conn)
{
	struct push_cache *x = &c->push.cache;
	struct control_msg m = { .type = CONTROL_DIRECTORY };
	uint64_t from = base_of(c, viewer, conn->sent_revision);

	if (hit(c, viewer, from, conn->capabilities))
		return ERR_OK;
	x->valid = false;
	buf_clear(&x->frame);
	enum err e = directory_delta(&c->dir, from, viewer, &m.directory);
	if (e)
		return e;
	e = control_encode(&m, conn->capabilities, &x->frame);
	control_msg_fini(&m);
	if (e)
		return e;
	x->from = from;
	x->to = c->dir.revision;
	x->groups = viewer->groups;
	x->reach = viewer->reach;
	x->capabilities = conn->capabilities;
	/* In a snapshot everybody finds itself. Others see it there, too, only if policy lets its
	 * groups talk among themselves; otherwise the frame is for this one alone. */
	x->valid = from || node_may_talk(viewer, viewer);
	return ERR_OK;
}

void push_to(struct control *c, struct conn *conn)
{
	const struct node *viewer = directory_find(&c->dir, conn->id);

	if (!viewer || conn->state != CONN_UP || conn->sent_revision == c->dir.revision)
		return;
	if (stream_queued(conn->stream) > PUSH_QUEUED_MAX_BYTES)
		return;
	enum err e = make_frame(c, viewer, conn);
	if (e) {
		log_error("control: the directory for %s cannot be sent: %s", conn->name,
			  err_str(e));
		conn_bye(conn, BYE_BUSY, LINK_RETRY_MAX_MS,
			 "the hub cannot send its directory now");
		return;
	}
	log_debug(3, "control: directory to %s: %" PRIu64 " -> %" PRIu64 ", %zu bytes", conn->name,
		  conn->sent_revision, c->dir.revision, buf_len(&c->push.cache.frame));
	conn_send_frame(conn, &c->push.cache.frame);
	conn->sent_revision = c->dir.revision;
}

static void push_all(struct loop_later *l)
{
	struct control *c = container_of(l, struct control, push.later);
	struct conn *conn = registry_next(&c->registry, NULL);

	while (conn) {
		struct conn *next = registry_next(&c->registry, conn);
		push_to(c, conn);
		conn = next;
	}
}

void push_schedule(struct control *c) { loop_later(c->loop, &c->push.later, push_all); }
