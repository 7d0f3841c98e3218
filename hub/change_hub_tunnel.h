/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * change_hub_tunnel: the hub replaces its own tunnel key, with overlap (struct change as in
 * change.h).
 *
 *     STABLE <---- change_hub_tunnel_cancel() ----+
 *       |  change_hub_tunnel_rotate()     an admin asks
 *     asked for ----------------------------------+
 *       |  change_hub_tunnel_use()        the engine has made the key, which is on its disk
 *     overlap: the new key is the hub's, both are answered for; change_hub_tunnel_known()
 *       |  change_hub_tunnel_finish()     an admin, or we when nobody needs the old one
 *     STABLE: the old key is forgotten
 *
 * Which key is the hub's is what the store says: engine and files follow. `out`, which may be NULL,
 * is what stands there after the change, also after one that is only tried (dry_run).
 */
#include "hub/change.h"
#include "hub/hub_tunnel.h"

/* Codes: overlap_invalid, tunnel_rotation_exists, identity_rotation_exists (the next identity key
 * has signed the present tunnel key). */
enum err change_hub_tunnel_rotate(struct change *c, uint32_t hub_id, uint32_t overlap_s,
				  struct hub_tunnel *out) must_check;
/* `sig`: by the hub's identity key. Codes: tunnel_rotation_missing, tunnel_in_force, key_invalid,
 * key_exists. */
enum err change_hub_tunnel_use(struct change *c, uint32_t hub_id, const struct public_key *key,
			       const uint8_t sig[64]) must_check;
/* These nodes need the old key no more. When with them nobody does, that is an event. Nothing
 * happens outside of an overlap. */
enum err change_hub_tunnel_known(struct change *c, uint32_t hub_id, const uint32_t *nodes,
				 size_t n) must_check;
/* Codes: tunnel_rotation_missing, tunnel_not_in_force, tunnel_unknown_to (not with `force`; c->uses
 * names the WireGuard nodes that would be cut off. Spokes learn the new key over their link). */
enum err change_hub_tunnel_finish(struct change *c, uint32_t hub_id, bool force,
				  struct hub_tunnel *out) must_check;
/* Codes: tunnel_rotation_missing, tunnel_in_force. */
enum err change_hub_tunnel_cancel(struct change *c, uint32_t hub_id,
				  struct hub_tunnel *out) must_check;
