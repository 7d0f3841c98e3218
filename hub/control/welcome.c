/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/welcome.h"

#include <string.h>

#include "hub/control/core.h"
#include "shared/base/clock.h"

void welcome_send(struct control *c, struct conn *conn, const struct node *n)
{
	struct control_msg m = { .type = CONTROL_WELCOME };
	struct control_welcome *w = &m.welcome;
	const struct node *hub = core_hub(c);

	memcpy(w->network, c->settings.network, sizeof(w->network));
	memcpy(w->name, n->name, sizeof(w->name));
	w->id = n->id;
	w->hub_id = c->settings.hub_id;
	if (hub)
		memcpy(w->hub_name, hub->name, sizeof(w->hub_name));
	w->revision = c->dir.revision;
	w->capabilities = CAP_ZLIB | CAP_CARRY | CAP_SETTINGS | CAP_ROTATE | CAP_REVIVED |
			  CAP_HELD_KEYS | CAP_PEER_POLICIES | CAP_HUB_KEY;
	w->hub_key = c->hub_key.told;
	w->key_overlap_s = c->settings.keys.overlap_s;
	snprintf(w->version, sizeof(w->version), "%s", BRANCHLINE_VERSION);
	memcpy(w->addresses, n->addresses, sizeof(w->addresses));
	memcpy(w->pools, c->settings.pools, sizeof(w->pools));
	w->mtu = c->settings.mtu;
	w->keepalive_s = c->settings.keepalive_s;
	w->udp_port = c->settings.udp_port;
	w->nat_port = c->config->nat_port;
	w->report_ms = LINK_REPORT_MS;
	w->time_ms = clock_wall_ms();
	w->observed = conn->remote;
	w->n_tcp_ports = c->config->n_tcp_ports;
	memcpy(w->tcp_ports, c->config->tcp_ports, sizeof(w->tcp_ports));
	conn_send(conn, &m);
}
