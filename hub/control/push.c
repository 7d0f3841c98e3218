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

/* What a delta for one viewer starts from. */
struct base {
	uint64_t from; /* the number that it holds; 0: a snapshot */
	uint64_t held; /* what changed after that is in the delta */
};

/*
 * Agrees with directory_delta(): who changed itself, or knows a revision that we do not, gets a
 * snapshot.
 */
static struct base base_of(const struct control *c, const struct node *viewer,
			   const struct conn *conn)
{
	struct base b = { conn->sent_revision, conn->held_revision };

	if (b.from == 0 || viewer->revision > b.held || b.held > c->dir.revision)
		b = (struct base){ 0 };
	return b;
}

/* True when the frame in the cache says just what `viewer`, who starts from `b`, has to be told. */
static bool hit(const struct control *c, const struct node *viewer, const struct base *b,
		uint32_t capabilities)
{
	const struct push_cache *x = &c->push.cache;

	return x->valid && x->from == b->from && x->held == b->held && x->to == c->dir.revision &&
	       x->groups == viewer->groups && x->reach == viewer->reach &&
	       x->capabilities == capabilities;
}

/* Makes the frame for `viewer` in the cache, unless it is there. */
static enum err make_frame(struct control *c, const struct node *viewer, const struct conn *conn)
{
	struct push_cache *x = &c->push.cache;
	struct control_msg m = { .type = CONTROL_DIRECTORY };
	const struct base b = base_of(c, viewer, conn);

	if (hit(c, viewer, &b, conn->capabilities))
		return ERR_OK;
	x->valid = false;
	buf_clear(&x->frame);
	enum err e = directory_delta(&c->dir, b.held, viewer, &m.directory);
	if (e)
		return e;
	m.directory.from = b.from;
	e = control_encode(&m, conn->capabilities, &x->frame);
	control_msg_fini(&m);
	if (e)
		return e;
	x->from = b.from;
	x->held = b.held;
	x->to = c->dir.revision;
	x->groups = viewer->groups;
	x->reach = viewer->reach;
	x->capabilities = conn->capabilities;
	/* In a snapshot everybody finds itself. Others see it there, too, only if policy lets its
	 * groups talk among themselves; otherwise the frame is for this one alone. */
	x->valid = b.from || node_may_talk(viewer, viewer);
	return ERR_OK;
}

void push_to(struct control *c, struct conn *conn)
{
	const struct node *viewer = directory_find(&c->dir, conn->id);

	if (!viewer || conn->state != CONN_UP || push_is_done(c, conn))
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
	conn->sent_revision = conn->held_revision = c->dir.revision;
}

bool push_is_done(const struct control *c, const struct conn *conn)
{
	return conn->held_revision == c->dir.revision;
}

/* Who has confirmed all that it was told has confirmed this revision, too: there is nothing in it.
 */
void push_spare(struct control *c, uint64_t before)
{
	for (struct conn *x = NULL; (x = registry_next(&c->registry, x));) {
		const struct node *viewer = directory_find(&c->dir, x->id);

		if (!viewer || x->state != CONN_UP || x->held_revision != before ||
		    concern_is(&c->concern, viewer))
			continue;
		x->held_revision = c->dir.revision;
		presence_spared(c, x->id, before, c->dir.revision);
	}
}

static void push_all(struct loop_later *l)
{
	struct control *c = container_of(l, struct control, push.later);
	struct conn *conn = registry_next(&c->registry, NULL);

	while (conn) {
		struct conn *next = registry_next(&c->registry, conn);
		if (!push_is_done(c, conn))
			push_to(c, conn);
		conn = next;
	}
}

void push_schedule(struct control *c) { loop_later(c->loop, &c->push.later, push_all); }
