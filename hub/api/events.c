/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/events.h"

#include <inttypes.h>
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/event_json.h"
#include "hub/api/handlers.h"
#include "hub/api/render.h"
#include "shared/base/clock.h"

static struct event_stream *stream_of(struct list *link)
{
	return list_entry(link, struct event_stream, link);
}

static void wake_all(struct events *x)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &x->streams)
		x->wake(stream_of(pos));
}

static void beat(struct timer *t, uint64_t now_ms)
{
	struct events *x = container_of(t, struct events, beat);
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &x->streams)
		stream_of(pos)->beat = true;
	wake_all(x);
	timer_arm(x->timers, &x->beat, x->n ? now_ms + EVENTS_BEAT_MS : TIMER_NEVER);
}

static void look(struct timer *t, uint64_t now_ms)
{
	struct events *x = container_of(t, struct events, look);

	x->looked_ms = now_ms;
	wake_all(x);
}

void events_init(struct events *x, struct timers *timers, void (*wake)(struct event_stream *s))
{
	*x = (struct events){
		.timers = timers, .wake = wake, .beat.fire = beat, .look.fire = look
	};
	list_init(&x->streams);
}

void events_nudge(struct events *x, uint64_t now_ms)
{
	uint64_t at = x->looked_ms + EVENTS_LOOK_MS;

	if (!x->n)
		return;
	if (!x->timers)
		look(&x->look, now_ms);
	else if (!timer_armed(&x->look))
		timer_arm(x->timers, &x->look, at > now_ms ? at : now_ms);
}

void events_remove(struct request *r)
{
	if (!r->stream.open)
		return;
	r->stream.open = false;
	list_del(&r->stream.link);
	r->api->events.n--;
}

/* --- writing events --- */

/* One event. `id` of 0 length: it has none. Takes `data`, NULL when memory was out. */
static enum err put_event(struct buf *out, const struct event_stream *s, bool with_id,
			  const char *type, json_t *data)
{
	char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;
	char id[64] = "";
	enum err e = ERR_NOMEM;

	if (with_id)
		snprintf(id, sizeof(id), "id: %" PRIu64 "-%" PRIu64 "\n", s->audit, s->presence);
	if (text)
		e = buf_printf(out, "%sevent: %s\ndata: %s\n\n", id, type, text);
	free(text);
	json_decref(data);
	return e;
}

struct filling {
	struct request *r;
	struct buf *out;
};

static enum err add_audit(void *arg, const struct store_audit_entry *a)
{
	struct filling *f = arg;

	f->r->stream.audit = a->id;
	return put_event(f->out, &f->r->stream, true, a->action, render_audit(a));
}

static enum err add_presence(void *arg, const struct store_presence_change *p)
{
	struct filling *f = arg;
	json_t *data;
	enum err e;

	f->r->stream.presence = p->number;
	e = event_json_presence(f->r->api->store, p, &data);
	if (e)
		return e == ERR_NOMEM ? e : ERR_OK;
	return put_event(f->out, &f->r->stream, true, event_json_presence_type(p), data);
}

/* How far the newest revision has got, if that is another than was told last. */
static enum err add_applied(struct request *r, struct buf *out)
{
	struct event_stream *s = &r->stream;
	struct store_applied a;
	uint64_t revision;
	enum err e = store_revision_get(r->api->store, &revision);

	if (e || !revision)
		return e;
	e = store_applied(r->api->store, revision, 0, &a);
	if (e || (s->revision == revision && s->applied == a.applied && s->online == a.online))
		return e;
	s->revision = revision;
	s->applied = a.applied;
	s->online = a.online;
	return put_event(out, s, false, "revision.applied",
			 json_pack("{s:I, s:I, s:I}", "revision", (json_int_t)revision, "applied",
				   (json_int_t)a.applied, "online", (json_int_t)a.online));
}

/* What stood behind the stream's place in the presence history was overwritten, or the history was
 * made anew: it goes on from the present. */
static enum err check_lost(struct request *r, struct buf *out)
{
	struct event_stream *s = &r->stream;
	uint64_t oldest, newest;
	enum err e = store_presence_changes_range(r->api->store, &oldest, &newest);

	if (e || (s->presence <= newest && (!newest || s->presence + 1 >= oldest)))
		return e;
	s->presence = newest;
	return put_event(out, s, true, "lost", json_object());
}

enum err events_fill(struct request *r, struct buf *out)
{
	static const struct store_audit_filter all;
	struct filling f = { r, out };
	enum err e = ERR_OK;

	if (r->stream.beat && !request_may_go_on(r))
		return ERR_DENIED;
	e = store_audit_list(r->api->store, &all, r->stream.audit, EVENTS_CHUNK_MAX, add_audit, &f);
	if (!e)
		e = check_lost(r, out);
	if (!e)
		e = store_presence_changes(r->api->store, r->stream.presence, EVENTS_CHUNK_MAX,
					   add_presence, &f);
	if (!e)
		e = add_applied(r, out);
	/* Also the first thing that is sent: the listener knows that it is heard, and from where on
	 * to ask when it comes back. An id alone is no event. */
	if (!e && r->stream.beat)
		e = buf_printf(out, "id: %" PRIu64 "-%" PRIu64 "\n\n", r->stream.audit,
			       r->stream.presence);
	r->stream.beat = false;
	return e;
}

/* --- a new stream --- */

static enum err last_audit(void *arg, const struct store_audit_entry *a)
{
	*(uint64_t *)arg = a->id;
	return ERR_OK;
}

/* Where the stream begins: behind the last id, or now. Otherwise answered. */
static enum err find_place(struct request *r)
{
	static const struct store_audit_filter newest_first = { .newest_first = true };
	const char *last = r->headers.last_event_id;
	uint64_t oldest, newest = 0, audit = 0;
	enum err e;

	e = store_audit_list(r->api->store, &newest_first, 0, 1, last_audit, &audit);
	if (!e)
		e = store_presence_changes_range(r->api->store, &oldest, &newest);
	if (e) {
		request_store_failed(r, e, "event");
		return e;
	}
	r->stream.audit = audit;
	r->stream.presence = newest;
	if (!last || !*last)
		return ERR_OK;
	if (event_json_parse_id(last, &r->stream.audit, &r->stream.presence) &&
	    r->stream.audit <= audit)
		return ERR_OK;
	reply_refuse(&r->reply, 400, "event_id_invalid",
		     "Last-Event-ID is none of this hub; leave it away to begin now");
	return ERR_INVALID;
}

void events_get(struct request *r)
{
	struct events *x = &r->api->events;

	if (find_place(r))
		return;
	if (x->n == EVENTS_STREAMS_MAX) {
		reply_refuse(&r->reply, 503, "too_many_listeners",
			     "%u listen already, the most that may", EVENTS_STREAMS_MAX);
		return;
	}
	r->stream.open = true;
	r->stream.beat = true;
	list_push_back(&x->streams, &r->stream.link);
	if (x->n++ == 0 && x->timers)
		timer_arm(x->timers, &x->beat, api_now_ms(r->api) + EVENTS_BEAT_MS);
	reply_stream(&r->reply, "text/event-stream");
}
