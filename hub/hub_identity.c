/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/hub_identity.h"

enum err hub_identity_read(struct store *s, uint32_t hub_id, struct hub_identity *out)
{
	struct hub_identity h = { 0 };
	enum err e = store_key_current(s, hub_id, KEY_IDENTITY, &h.current);

	if (e)
		return e;
	e = store_hub_identity_get(s, &h.next);
	if (e && e != ERR_NOTFOUND)
		return e;
	h.has_next = e == ERR_OK;
	if (h.has_next && h.next.state == HUB_IDENTITY_OVERLAP) {
		h.key = h.next.key;
		h.since_ms = INT64_MAX;
	} else {
		h.key = h.current.key;
		/* The hub's first key is known by whoever has joined. */
		if (!secret_is_zero(h.current.signature, sizeof(h.current.signature)))
			h.since_ms = h.current.created_ms;
	}
	e = store_hub_identity_sum(s, &h.key, h.since_ms, &h.sum);
	if (!e)
		*out = h;
	return e;
}
