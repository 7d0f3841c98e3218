/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * event_json: what an event is called and what it says, the same for those who listen (events.h)
 * and for webhooks. schema/EVENTS.md lists them.
 */
#include <jansson.h>

#include "hub/store/store.h"

/* "presence.up", "presence.down" or "presence.path". */
const char *event_json_presence_type(const struct store_presence_change *p);
/* The data of a change of presence, a new reference. ERR_NOTFOUND: the node is gone, with all that
 * could be said of it. */
enum err event_json_presence(struct store *s, const struct store_presence_change *p,
			     json_t **out) must_check;
