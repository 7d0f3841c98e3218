/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * events: what happens, told to those who listen (GET /api/v1/events, Server-Sent Events). Nothing
 * is queued: the database is the ring. A stream is a place in the audit log and one in the presence
 * history (the last 4096 changes); when it is written to, it reads on from there. So a slow reader
 * costs nothing, and one that comes back with its last id ("AUDIT-PRESENCE") goes on where it was.
 *
 *   node.revoke, user.sign-in ...        an audit entry
 *   presence.up, presence.down, presence.path      a node came, went, or is reached another way
 *   revision.applied                     how many have applied the newest revision; has no id
 *   lost                                 what followed the last id is not there any more
 *
 * Timers: `beat`, every EVENTS_BEAT_MS while there are streams: its place to each, so that dead
 * connections are noticed, and a look whether the listener may still listen.
 */
#include "hub/api/request.h"
#include "shared/base/list.h"
#include "shared/loop/loop.h"

#define EVENTS_STREAMS_MAX 32u
#define EVENTS_BEAT_MS     15000u
#define EVENTS_CHUNK_MAX   100u /* events made for a stream at once */
#define EVENTS_LOOK_MS     100u /* least time between two looks: presence changes in bursts */

struct events {
	struct list streams; /* of struct event_stream */
	unsigned n;
	struct timers *timers; /* NULL in tests */
	struct timer beat, look;
	uint64_t looked_ms;
	/* There may be something to send on a stream that has rested. */
	void (*wake)(struct event_stream *s);
};

void events_init(struct events *x, struct timers *timers, void (*wake)(struct event_stream *s));
/* Something has changed. Harmless without streams. */
void events_nudge(struct events *x, uint64_t now_ms);
/*
 * Appends to `out` what is new for the stream, whole events; nothing when there is nothing. Any
 * error ends the stream: it was refused, or the store failed.
 */
enum err events_fill(struct request *r, struct buf *out) must_check;
/* The request is over. Harmless for one that is no stream. */
void events_remove(struct request *r);
