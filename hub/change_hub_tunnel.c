/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/change_hub_tunnel.h"

#include <string.h>

#include "hub/change_step.h"
#include "hub/store/hub_identity.h"
#include "shared/base/clock.h"
#include "shared/keys/keys.h"

#define MISSING_SHOWN     12u /* in a refusal; more are only counted */
#define MISSING_TEXT_SIZE 400u

/* One change of the replacement, as a transaction. */
typedef enum err (*step)(struct change *c, const struct node *hub, struct hub_tunnel *h, void *arg);

static enum err run(struct change *c, uint32_t hub_id, step fn, void *arg, struct hub_tunnel *out)
{
	struct hub_tunnel h;
	struct node hub;
	enum err e = change_begin(c);

	if (e)
		return e;
	e = change_node_load(c, hub_id, &hub);
	if (e)
		return change_end(c, e);
	e = hub_tunnel_read(c->store, hub_id, &h);
	if (!e)
		e = fn(c, &hub, &h, arg);
	if (!e && out)
		e = hub_tunnel_read(c->store, hub_id, out);
	node_fini(&hub);
	return change_end(c, e);
}

static enum err refuse_missing(struct change *c)
{
	return change_refuse(c, ERR_NOTFOUND, "tunnel_rotation_missing", "",
			     "The hub's tunnel key is not being replaced; begin with: "
			     "branchline-hub tunnel-key rotate.");
}

static enum err refuse_in_force(struct change *c)
{
	return change_refuse(c, ERR_CONFLICT, "tunnel_in_force", "",
			     "The new tunnel key is the hub's already. The old one is answered for "
			     "until every node has changed over; end that with: branchline-hub "
			     "tunnel-key finish.");
}

/* --- asking --- */

static enum err rotate(struct change *c, const struct node *hub, struct hub_tunnel *h, void *arg)
{
	const uint32_t *overlap_s = arg;
	struct store_hub_tunnel x = { .state = HUB_TUNNEL_ASKED, .overlap_s = *overlap_s };
	struct store_hub_identity identity;
	enum err e;

	if (x.overlap_s < 1 || x.overlap_s > HUB_TUNNEL_OVERLAP_MAX_S)
		return change_refuse(c, ERR_INVALID, "overlap_invalid", "/overlap_s",
				     "The overlap is 1 to %u seconds.", HUB_TUNNEL_OVERLAP_MAX_S);
	if (h->has_row)
		return change_refuse(c, ERR_CONFLICT, "tunnel_rotation_exists", "",
				     "The hub's tunnel key is being replaced already: finish or "
				     "cancel that first.");
	e = store_hub_identity_get(c->store, &identity);
	if (!e)
		return change_refuse(c, ERR_CONFLICT, "identity_rotation_exists", "",
				     "The hub's identity key is being replaced: finish or cancel "
				     "that first (branchline-hub identity show).");
	if (e != ERR_NOTFOUND)
		return e;
	snprintf(x.requested_by, sizeof(x.requested_by), "%s", c->actor ? c->actor : "unknown");
	x.requested_ms = clock_wall_ms();
	e = store_hub_tunnel_put(c->store, &x);
	return e ? e
		 : change_audit(c, "hub.tunnel_rotate", "hub", hub->name,
				json_pack("{s:I}", "overlap_s", (json_int_t)x.overlap_s));
}

enum err change_hub_tunnel_rotate(struct change *c, uint32_t hub_id, uint32_t overlap_s,
				  struct hub_tunnel *out)
{
	return run(c, hub_id, rotate, &overlap_s, out);
}

/* --- using --- */

struct new_key {
	const struct public_key *key;
	const uint8_t *sig;
};

static enum err check_new(struct change *c, const struct node *hub, const struct new_key *in)
{
	bool is_current;

	if (!hub->has_identity || keys_tunnel_is_weak(in->key) ||
	    !keys_tunnel_is_signed(&hub->identity_key, in->key, in->sig))
		return change_refuse(c, ERR_AUTH, "key_invalid", "",
				     "The hub's new tunnel key is not signed by its identity key.");
	return change_check_key(c, KEY_TUNNEL, in->key, 0, &is_current, "");
}

static enum err put_new(struct change *c, const struct node *hub, const struct new_key *in,
			const struct store_hub_tunnel *row)
{
	struct store_key k = {
		.node_id = hub->id, .kind = KEY_TUNNEL, .key = *in->key, .unbroken = true
	};
	enum err e = change_revise(c, "hub.tunnel_use %s", hub->name);

	memcpy(k.signature, in->sig, sizeof(k.signature));
	if (!e)
		e = store_key_overlap(c->store, hub->id, KEY_TUNNEL, row->until_ms);
	if (!e)
		e = store_key_put(c->store, &k);
	if (!e)
		e = store_node_touch(c->store, hub->id, c->revision);
	return e ? e : store_hub_tunnel_put(c->store, row);
}

static enum err use(struct change *c, const struct node *hub, struct hub_tunnel *h, void *arg)
{
	char now[KEYS_FINGERPRINT_SIZE], before[KEYS_FINGERPRINT_SIZE];
	const struct new_key *in = arg;
	struct store_hub_tunnel x = h->row;
	struct store_hub_tunnel_sum sum;
	enum err e;

	if (!h->has_row)
		return refuse_missing(c);
	if (x.state != HUB_TUNNEL_ASKED)
		return refuse_in_force(c);
	e = check_new(c, hub, in);
	if (e)
		return e;
	x.state = HUB_TUNNEL_OVERLAP;
	x.old_key = h->current.key;
	x.in_force_ms = clock_wall_ms();
	x.until_ms = x.in_force_ms + (int64_t)x.overlap_s * 1000;
	e = put_new(c, hub, in, &x);
	if (!e)
		e = store_hub_tunnel_sum(c->store, x.in_force_ms, &sum);
	return e ? e
		 : change_audit(c, "hub.tunnel_use", "hub", hub->name,
				json_pack("{s:s, s:s, s:I, s:I}", "fingerprint",
					  keys_fingerprint(in->key, now), "old_fingerprint",
					  keys_fingerprint(&x.old_key, before), "nodes",
					  (json_int_t)sum.nodes, "wireguard_nodes",
					  (json_int_t)sum.devices));
}

enum err change_hub_tunnel_use(struct change *c, uint32_t hub_id, const struct public_key *key,
			       const uint8_t sig[64])
{
	struct new_key in = { key, sig };

	return run(c, hub_id, use, &in, NULL);
}

/* --- who needs the old one no more --- */

struct receipts {
	const uint32_t *nodes;
	size_t n;
};

static enum err known(struct change *c, const struct node *hub, struct hub_tunnel *h, void *arg)
{
	char now[KEYS_FINGERPRINT_SIZE];
	const struct receipts *r = arg;
	struct store_hub_tunnel_sum after;
	enum err e;

	if (!h->has_row || h->row.state != HUB_TUNNEL_OVERLAP)
		return ERR_OK;
	e = store_hub_tunnel_known(c->store, r->nodes, r->n);
	if (!e)
		e = store_hub_tunnel_sum(c->store, h->row.in_force_ms, &after);
	if (e || after.known < after.nodes || h->sum.known == h->sum.nodes)
		return e;
	return change_audit(c, "hub.tunnel_known", "hub", hub->name,
			    json_pack("{s:s, s:I}", "fingerprint",
				      keys_fingerprint(&h->current.key, now), "nodes",
				      (json_int_t)after.nodes));
}

enum err change_hub_tunnel_known(struct change *c, uint32_t hub_id, const uint32_t *nodes, size_t n)
{
	struct receipts r = { nodes, n };

	return run(c, hub_id, known, &r, NULL);
}

/* --- finishing --- */

/* The WireGuard nodes that would be cut off, for a refusal. */
struct missing {
	struct change *c;
	char text[MISSING_TEXT_SIZE];
};

static enum err name_missing(void *arg, uint32_t id, const char *name, enum node_kind kind)
{
	struct missing *x = arg;
	size_t used = strlen(x->text);
	unsigned n = x->c->n_uses;

	(void)id;
	if (kind != NODE_WIREGUARD)
		return ERR_OK;
	if (n < CHANGE_USES_MAX) {
		x->c->uses[n].kind = "node";
		snprintf(x->c->uses[n].name, sizeof(x->c->uses[n].name), "%s", name);
	}
	if (n <= MISSING_SHOWN)
		snprintf(x->text + used, sizeof(x->text) - used, "%s%s", n ? ", " : "",
			 n < MISSING_SHOWN ? name : "...");
	x->c->n_uses++;
	return ERR_OK;
}

static enum err refuse_unknown(struct change *c, const struct hub_tunnel *h)
{
	struct missing x = { .c = c };
	enum err e =
		store_hub_tunnel_missing(c->store, h->since_ms, CHANGE_USES_MAX, name_missing, &x);

	if (e)
		return e;
	c->n_uses = h->sum.devices;
	return change_refuse(c, ERR_CONFLICT, "tunnel_unknown_to", "",
			     "%u WireGuard node%s not been seen with the hub's new key and would "
			     "be cut off: %s. Put the new public key into the configuration of "
			     "each, delete those that are gone, or finish with force.",
			     c->n_uses, c->n_uses == 1 ? " has" : "s have", x.text);
}

static enum err finish(struct change *c, const struct node *hub, struct hub_tunnel *h, void *arg)
{
	char now[KEYS_FINGERPRINT_SIZE], before[KEYS_FINGERPRINT_SIZE];
	const bool *force = arg;
	enum err e;

	if (!h->has_row)
		return refuse_missing(c);
	if (h->row.state != HUB_TUNNEL_OVERLAP)
		return change_refuse(c, ERR_CONFLICT, "tunnel_not_in_force", "",
				     "The hub has not made its new tunnel key yet; try again in a "
				     "second, and look into its log if this stays so.");
	if (h->sum.devices && !*force)
		return refuse_unknown(c, h);
	e = store_hub_tunnel_remove(c->store);
	return e ? e
		 : change_audit(c, "hub.tunnel_finish", "hub", hub->name,
				json_pack("{s:s, s:s, s:I, s:I}", "fingerprint",
					  keys_fingerprint(&h->current.key, now), "old_fingerprint",
					  keys_fingerprint(&h->row.old_key, before), "nodes",
					  (json_int_t)h->sum.nodes, "missing",
					  (json_int_t)(h->sum.nodes - h->sum.known)));
}

enum err change_hub_tunnel_finish(struct change *c, uint32_t hub_id, bool force,
				  struct hub_tunnel *out)
{
	return run(c, hub_id, finish, &force, out);
}

/* --- cancelling --- */

static enum err cancel(struct change *c, const struct node *hub, struct hub_tunnel *h, void *arg)
{
	enum err e;

	(void)arg;
	if (!h->has_row)
		return refuse_missing(c);
	if (h->row.state != HUB_TUNNEL_ASKED)
		return refuse_in_force(c);
	e = store_hub_tunnel_remove(c->store);
	return e ? e : change_audit(c, "hub.tunnel_cancel", "hub", hub->name, json_object());
}

enum err change_hub_tunnel_cancel(struct change *c, uint32_t hub_id, struct hub_tunnel *out)
{
	return run(c, hub_id, cancel, NULL, out);
}
