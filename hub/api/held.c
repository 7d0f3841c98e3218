/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identity keys that spokes hold back (StrictKeys), as they tell. */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"

struct listing {
	struct page page;
	struct store *store;
};

/* Both nodes are members, and it is still the key that is held back. */
static bool is_current(const struct store_held *h, const struct node *node, const struct node *peer)
{
	return node->status == NODE_ACTIVE && peer->status == NODE_ACTIVE && peer->has_identity &&
	       public_key_equal(&peer->identity_key, &h->identity_key);
}

static enum err add_to_page(void *arg, const struct store_held *h)
{
	struct listing *l = arg;
	struct node node, peer;
	enum err e = store_node_get(l->store, h->node_id, &node, NULL);

	if (e)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	e = store_node_get(l->store, h->peer_id, &peer, NULL);
	if (!e) {
		if (is_current(h, &node, &peer))
			e = page_add(&l->page, h->id, render_held(h, node.name, &peer));
		node_fini(&peer);
	}
	node_fini(&node);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

void held_list(struct request *r)
{
	struct listing l = { .store = r->api->store };
	uint32_t node;

	if (lookup_node_filter(r, &node) || page_init(&l.page, r))
		return;
	page_reply(&l.page, r, store_held_list(l.store, l.page.want.after, node, add_to_page, &l));
	page_fini(&l.page);
}
