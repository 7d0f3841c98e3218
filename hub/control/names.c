/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/names.h"

#include "hub/control/core.h"

static void found(struct lookups *l, uint32_t id, bool any)
{
	struct control *c = container_of(l, struct control, names);
	const struct node *n = directory_find(&c->dir, id);

	if (!n)
		return;
	if (!any && log_allowed(&c->log_system))
		log_warn("control: %s: none of its host names could be resolved", n->name);
	engine_feed_endpoints(c, n, expected_is(c, n));
}

enum err names_init(struct control *c)
{
	return lookups_init(&c->names, c->loop, AF_UNSPEC, UDP_PORT_DEFAULT, found);
}

void names_fini(struct control *c) { lookups_fini(&c->names); }

void names_node(struct control *c, const struct node *now)
{
	const char *lines[LOOKUPS_LINES_MAX];
	const struct hub_branch *branch = expected_of(c, now);
	size_t n = 0;

	if (now->status == NODE_ACTIVE && (now->kind == NODE_WIREGUARD || branch))
		for (uint32_t i = 0; i < now->n_endpoints && n < LOOKUPS_LINES_MAX; i++)
			lines[n++] = now->endpoints[i];
	for (unsigned i = 0; branch && now->status == NODE_ACTIVE && i < branch->n_addresses &&
			     n < LOOKUPS_LINES_MAX;
	     i++)
		lines[n++] = branch->addresses[i];
	lookups_set(&c->names, now->id, lines, n);
}

void names_again(struct control *c, uint32_t id) { lookups_again(&c->names, id); }

const struct endpoint *names_found(const struct control *c, uint32_t id, uint8_t *n)
{
	return lookups_found(&c->names, id, n);
}
