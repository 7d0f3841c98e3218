/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/hub_tunnel.h"

enum err hub_tunnel_read(struct store *s, uint32_t hub_id, struct hub_tunnel *out)
{
	struct hub_tunnel h = { 0 };
	enum err e = store_key_current(s, hub_id, KEY_TUNNEL, &h.current);

	if (e)
		return e;
	e = store_hub_tunnel_get(s, &h.row);
	if (e && e != ERR_NOTFOUND)
		return e;
	h.has_row = e == ERR_OK;
	e = ERR_OK;
	h.since_ms = h.row.state == HUB_TUNNEL_OVERLAP ? h.row.in_force_ms : INT64_MAX;
	if (h.has_row)
		e = store_hub_tunnel_sum(s, h.since_ms, &h.sum);
	if (!e)
		*out = h;
	return e;
}
