/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/hub_identity.h"

/* The key in force and, if it is being replaced, the next. */
static enum err read_keys(struct store *s, uint32_t hub_id, struct hub_identity *h)
{
	enum err e = store_key_current(s, hub_id, KEY_IDENTITY, &h->current);

	if (e)
		return e;
	e = store_hub_identity_get(s, &h->next);
	h->has_next = e == ERR_OK;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* The hub's first key is known by whoever has joined; a later one is signed by the one before. */
static bool is_first(const struct store_key *k)
{
	return secret_is_zero(k->signature, sizeof(k->signature));
}

enum err hub_identity_known_by_all(struct store *s, uint32_t hub_id, bool *known)
{
	struct hub_identity h = { 0 };
	enum err e = read_keys(s, hub_id, &h);

	*known = !e && !h.has_next && is_first(&h.current);
	return e;
}

enum err hub_identity_read(struct store *s, uint32_t hub_id, struct hub_identity *out)
{
	struct hub_identity h = { 0 };
	enum err e = read_keys(s, hub_id, &h);

	if (e)
		return e;
	if (h.has_next && h.next.state == HUB_IDENTITY_OVERLAP) {
		h.key = h.next.key;
		h.since_ms = INT64_MAX;
	} else {
		h.key = h.current.key;
		if (!is_first(&h.current))
			h.since_ms = h.current.created_ms;
	}
	e = store_hub_identity_sum(s, &h.key, h.since_ms, &h.sum);
	if (!e)
		*out = h;
	return e;
}
