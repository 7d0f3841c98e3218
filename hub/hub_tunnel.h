/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* hub_tunnel: where the replacement of the hub's own tunnel key stands, and who still needs the old
 * one, as the store has it. */
#include "hub/store/hub_tunnel.h"

/* How long spokes that are away are waited for. They learn the new key over their link before they
 * need it, so a day is for those that have none. */
#define HUB_TUNNEL_OVERLAP_DEFAULT_S 86400u
#define HUB_TUNNEL_OVERLAP_MAX_S     31536000u /* a year */

struct hub_tunnel {
	struct store_key current;
	bool has_row; /* `row` is a row of the store */
	struct store_hub_tunnel row;
	/* Who still needs the old key, or will as soon as there is a new one; zeros when nothing is
	 * under way. `since_ms` as in store_hub_tunnel_sum(). */
	int64_t since_ms;
	struct store_hub_tunnel_sum sum;
};

/* ERR_NOTFOUND: the hub has no tunnel key. */
enum err hub_tunnel_read(struct store *s, uint32_t hub_id, struct hub_tunnel *out) must_check;
