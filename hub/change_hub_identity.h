/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * change_hub_identity: the hub replaces its own identity key, with overlap (struct change as in
 * change.h).
 *
 *     STABLE
 *       |  change_hub_identity_rotate()     an admin asks
 *     asked for
 *       |  change_hub_identity_announce()   control has made the key, which is on its disk
 *     overlap: spokes are told, and confirm: change_hub_identity_known()
 *       |  change_hub_identity_switch()     an admin, or the end of the overlap
 *     STABLE, with the next key in force
 *
 * change_hub_identity_cancel() leads back at any time before the switch. Which key is in force is
 * what the store says: control and its files follow. `out`, which may be NULL, is what stands there
 * after the change, also after one that is only tried (dry_run).
 */
#include "hub/change.h"
#include "hub/hub_identity.h"

/* Codes: overlap_invalid, identity_rotation_exists, tunnel_rotation_exists (the tunnel key is about
 * to change). */
enum err change_hub_identity_rotate(struct change *c, uint32_t hub_id, uint32_t overlap_s,
				    struct hub_identity *out) must_check;
/* `in`: key, signature and tunnel_sig; the rest is filled in. Codes: identity_rotation_missing,
 * identity_announced, key_invalid, key_exists. */
enum err change_hub_identity_announce(struct change *c, uint32_t hub_id,
				      struct store_hub_identity *in) must_check;
/* Receipts. When with them everybody knows the next key, that is an event. Nothing happens unless
 * `key` is the next one, or the present one. */
enum err change_hub_identity_known(struct change *c, uint32_t hub_id, const struct public_key *key,
				   const uint32_t *nodes, size_t n) must_check;
/* Codes: identity_rotation_missing, identity_not_announced, identity_unknown_to (not with `force`;
 * c->uses names who would lose the hub). */
enum err change_hub_identity_switch(struct change *c, uint32_t hub_id, bool force,
				    struct hub_identity *out) must_check;
/* `why` goes into the audit log; "": an admin wants it. Codes: identity_rotation_missing. */
enum err change_hub_identity_cancel(struct change *c, uint32_t hub_id, const char *why,
				    struct hub_identity *out) must_check;
