/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * event_json: what an event is called and what it says, the same for those who listen (events.h)
 * and for webhooks. schema/EVENTS.md lists them.
 */
#include <jansson.h>

#include "hub/store/store.h"

/* The id of an event, "AUDIT-PRESENCE": the last entry of the audit log and the last change of
 * presence that were told. False: it is none. */
bool event_json_parse_id(const char *text, uint64_t *audit, uint64_t *presence);
/* "presence.up", "presence.down" or "presence.path". */
const char *event_json_presence_type(const struct store_presence_change *p);
/* The data of a change of presence, a new reference. ERR_NOTFOUND: the node is gone, with all that
 * could be said of it. */
enum err event_json_presence(struct store *s, const struct store_presence_change *p,
			     json_t **out) must_check;
