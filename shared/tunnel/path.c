/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/path.h"

#include <string.h>

#include "shared/tunnel/movers.h"
#include "shared/tunnel/report.h"
#include "shared/wire/relay.h"

#define LOCATE_INTERVAL_MS 10000u /* control is asked for one peer at most so often */
/* A passed-over owner of a prefix gets a handshake at most so often. */
#define RETRY_INTERVAL_MS 5000u

/* The only place where a path's state changes; tells control when it really did. */
static void path_move(struct peer *p, enum path_kind kind, enum path_reason reason)
{
	struct path *path = &p->path;
	bool changed = path->kind != kind || path->reason != reason;

	path->kind = kind;
	path->reason = reason;
	if (changed)
		report_path(p);
	movers_tell_path(p);
}

void path_init(struct peer *p)
{
	memset(&p->path, 0, sizeof(p->path));
	p->path.reason = PATH_REASON_NO_SESSION;
}

void path_settings_changed(struct peer *p)
{
	/* The engine tells its movers what it has decided. */
	if (p->tunnel->mover)
		return;
	p->path.relayed = p->set.via_hub;
	if (p->path.reason == PATH_REASON_NONE)
		p->path.reason = PATH_REASON_NO_SESSION;
	movers_tell_path(p);
}

uint8_t *path_reserve(struct peer *p, size_t len)
{
	struct tunnel *t = p->tunnel;
	const struct peer *carrier = p->path.relayed ? t->hub : p;
	const size_t envelope = p->path.relayed ? RELAY_HEADER_BYTES : 0;
	uint8_t *out;

	if (!carrier || !endpoint_is_set(&carrier->path.endpoint)) {
		tunnel_drop(t, DROP_NO_SESSION);
		return NULL;
	}
	out = udp_reserve(t->udp, &carrier->path.endpoint, &p->path.slot, envelope + len);
	if (out && envelope)
		relay_encode(p->id, t->self.id, out);
	return out ? out + envelope : NULL;
}

void path_cancel(struct peer *p) { udp_cancel(p->tunnel->udp); }

void path_authenticated(struct peer *p, const struct endpoint *from, bool relayed)
{
	/* What came through the hub says nothing about where the peer itself is. */
	if (relayed || endpoint_equal(&p->path.endpoint, from))
		return;
	p->path.endpoint = *from;
	movers_tell_path(p);
	if (!p->path.relayed && p->path.kind != PATH_DOWN)
		report_path(p);
}

void path_candidates(struct peer *p, const struct engine_endpoints *m)
{
	struct path *path = &p->path;

	memcpy(path->candidates, m->endpoints, m->n * sizeof(m->endpoints[0]));
	path->n_candidates = m->n;
	path->candidate = 0;
	/* One that works is better than one that we are told of. */
	if (!path->relayed && m->n && path->kind == PATH_DOWN)
		path->endpoint = path->candidates[0];
	movers_tell_path(p);
}

void path_try_next(struct peer *p)
{
	struct path *path = &p->path;

	if (path->relayed || !path->n_candidates)
		return;
	path->candidate = (path->candidate + 1) % path->n_candidates;
	path->endpoint = path->candidates[path->candidate];
	movers_tell_path(p);
}

void path_up(struct peer *p)
{
	p->path.unreachable = false;
	if (p->path.relayed)
		path_move(p, PATH_HUB_UDP, PATH_REASON_RELAYED);
	else
		path_move(p, PATH_DIRECT_UDP, PATH_REASON_VALIDATED);
}

void path_handshaking(struct peer *p)
{
	/* A re-key under a living session does not make the path worse. */
	if (p->path.kind == PATH_DOWN && p->path.reason != PATH_REASON_NO_ANSWER)
		path_move(p, PATH_DOWN, PATH_REASON_HANDSHAKE);
}

void path_unreachable(struct peer *p)
{
	const struct tunnel *t = p->tunnel;
	enum path_reason why = PATH_REASON_NO_ANSWER;

	if (!p->path.relayed && !endpoint_is_set(&p->path.endpoint))
		why = PATH_REASON_NO_ENDPOINT;
	else if (p->path.relayed && (!t->hub || t->hub->path.kind == PATH_DOWN))
		why = PATH_REASON_HUB_DOWN;
	if (!p->path.unreachable)
		p->path.retry_ms = t->now_ms + RETRY_INTERVAL_MS;
	p->path.unreachable = true;
	path_move(p, PATH_DOWN, why);
}

void path_down(struct peer *p)
{
	p->path.unreachable = false;
	path_move(p, PATH_DOWN, PATH_REASON_NO_SESSION);
}

bool path_retry_due(struct peer *p)
{
	if (p->tunnel->now_ms < p->path.retry_ms)
		return false;
	p->path.retry_ms = p->tunnel->now_ms + RETRY_INTERVAL_MS;
	return true;
}

void path_locate(struct peer *p)
{
	struct tunnel *t = p->tunnel;

	if (p->path.located_ms && t->now_ms - p->path.located_ms < LOCATE_INTERVAL_MS)
		return;
	p->path.located_ms = t->now_ms;
	report_locate(p);
}
