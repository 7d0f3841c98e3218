/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IndirectData and DirectOnly of hosts/NAME hold for the pair of us and that node, so that node has
 * to know of them: we tell the hub, and the hub tells it with its word about us (presence).
 */
#include <string.h>

#include "spoke/control/spoke.h"

/* In the order of the directory: ids rise. */
static void collect(const struct spoke *s, struct control_peer_policies *out)
{
	for (uint32_t i = 0; s->cfg->n_hosts && i < s->cache.dir.count; i++) {
		const struct node *n = &s->cache.dir.nodes[i];
		const struct spoke_host *host;

		if (n->kind != NODE_SPOKE || n->id == s->cache.welcome.id ||
		    n->status != NODE_ACTIVE)
			continue;
		host = spoke_config_host(s->cfg, n->name);
		if (host && host->path_policy != PATH_POLICY_AUTO &&
		    out->n < LINK_PEER_POLICIES_MAX)
			out->peers[out->n++] =
				(struct control_peer_policy){ .id = n->id,
							      .policy = host->path_policy };
	}
}

void policies_tell(struct spoke *s)
{
	struct control_msg m;

	if (!client_is_up(&s->client) || !(s->client.capabilities & CAP_PEER_POLICIES))
		return;
	memset(&m, 0, sizeof(m)); /* all of it: it is compared */
	m.type = CONTROL_PEER_POLICIES;
	collect(s, &m.policies);
	if (memcmp(&m.policies, &s->told_policies, sizeof(m.policies)) == 0)
		return;
	s->told_policies = m.policies;
	client_send(&s->client, &m);
}

void policies_link_up(struct spoke *s)
{
	memset(&s->told_policies, 0, sizeof(s->told_policies));
	policies_tell(s);
}
