/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/change_hub_identity.h"

#include <string.h>

#include "hub/change_step.h"
#include "hub/store/hub_tunnel.h"
#include "shared/base/clock.h"
#include "shared/keys/keys.h"

#define MISSING_SHOWN     12u /* in a refusal; more are only counted */
#define MISSING_TEXT_SIZE 400u

/* What every step begins with: the hub's node, and where its replacement stands. node_fini() is the
 * caller's after ERR_OK. */
static enum err load(struct change *c, uint32_t hub_id, struct node *hub, struct hub_identity *h)
{
	enum err e = change_node_load(c, hub_id, hub);

	if (e)
		return e;
	e = hub_identity_read(c->store, hub_id, h);
	if (e)
		node_fini(hub);
	return e;
}

/* One change of the replacement, as a transaction. */
typedef enum err (*step)(struct change *c, const struct node *hub, struct hub_identity *h,
			 void *arg);

static enum err run(struct change *c, uint32_t hub_id, step fn, void *arg, struct hub_identity *out)
{
	struct hub_identity h;
	struct node hub;
	enum err e = change_begin(c);

	if (e)
		return e;
	e = load(c, hub_id, &hub, &h);
	if (!e) {
		e = fn(c, &hub, &h, arg);
		if (!e && out)
			e = hub_identity_read(c->store, hub_id, out);
		node_fini(&hub);
	}
	return change_end(c, e);
}

static enum err refuse_missing(struct change *c)
{
	return change_refuse(c, ERR_NOTFOUND, "identity_rotation_missing", "",
			     "The hub's identity key is not being replaced; begin with: "
			     "branchline-hub identity rotate.");
}

/* --- asking --- */

static enum err rotate(struct change *c, const struct node *hub, struct hub_identity *h, void *arg)
{
	const uint32_t *overlap_s = arg;
	struct store_hub_identity x = { .state = HUB_IDENTITY_ASKED, .overlap_s = *overlap_s };
	struct store_hub_tunnel tunnel;
	enum err e;

	if (x.overlap_s < 1 || x.overlap_s > HUB_IDENTITY_OVERLAP_MAX_S)
		return change_refuse(c, ERR_INVALID, "overlap_invalid", "/overlap_s",
				     "The overlap is 1 to %u seconds.", HUB_IDENTITY_OVERLAP_MAX_S);
	if (h->has_next)
		return change_refuse(c, ERR_CONFLICT, "identity_rotation_exists", "",
				     "The hub's identity key is being replaced already: finish or "
				     "cancel that first.");
	/* The next identity key signs the tunnel key that there is: it must not change before. */
	e = store_hub_tunnel_get(c->store, &tunnel);
	if (!e && tunnel.state == HUB_TUNNEL_ASKED)
		return change_refuse(c, ERR_CONFLICT, "tunnel_rotation_exists", "",
				     "The hub is making a new tunnel key: try again in a second, "
				     "or cancel that first (branchline-hub tunnel-key cancel).");
	if (e && e != ERR_NOTFOUND)
		return e;
	snprintf(x.requested_by, sizeof(x.requested_by), "%s", c->actor ? c->actor : "unknown");
	x.requested_ms = clock_wall_ms();
	e = store_hub_identity_put(c->store, &x);
	return e ? e
		 : change_audit(c, "hub.identity_rotate", "hub", hub->name,
				json_pack("{s:I}", "overlap_s", (json_int_t)x.overlap_s));
}

enum err change_hub_identity_rotate(struct change *c, uint32_t hub_id, uint32_t overlap_s,
				    struct hub_identity *out)
{
	return run(c, hub_id, rotate, &overlap_s, out);
}

/* --- announcing --- */

/* Is the key vouched for by the present one, and does it vouch for the tunnel's? */
static enum err check_next(struct change *c, const struct node *hub,
			   const struct store_hub_identity *in)
{
	bool is_current;

	if (!hub->has_identity || !hub->has_tunnel ||
	    !keys_identity_is_signed(&hub->identity_key, &in->key, in->signature) ||
	    !keys_tunnel_is_signed(&in->key, &hub->tunnel_key, in->tunnel_sig))
		return change_refuse(
			c, ERR_AUTH, "key_invalid", "",
			"The hub's next identity key is not signed by the present one, "
			"or has not signed the tunnel key.");
	return change_check_key(c, KEY_IDENTITY, &in->key, 0, &is_current, "");
}

static enum err announce(struct change *c, const struct node *hub, struct hub_identity *h,
			 void *arg)
{
	char next[KEYS_FINGERPRINT_SIZE], until[CLOCK_RFC3339_SIZE];
	struct store_hub_identity *in = arg, x = h->next;
	enum err e;

	if (!h->has_next)
		return refuse_missing(c);
	if (x.state != HUB_IDENTITY_ASKED)
		return change_refuse(c, ERR_CONFLICT, "identity_announced", "",
				     "The hub's next identity key was announced already.");
	e = check_next(c, hub, in);
	if (e)
		return e;
	x.state = HUB_IDENTITY_OVERLAP;
	x.key = in->key;
	memcpy(x.signature, in->signature, sizeof(x.signature));
	memcpy(x.tunnel_sig, in->tunnel_sig, sizeof(x.tunnel_sig));
	x.announced_ms = clock_wall_ms();
	x.until_ms = x.announced_ms + (int64_t)x.overlap_s * 1000;
	e = store_hub_identity_put(c->store, &x);
	if (e)
		return e;
	*in = x;
	return change_audit(c, "hub.identity_announce", "hub", hub->name,
			    json_pack("{s:s, s:s}", "next_fingerprint",
				      keys_fingerprint(&x.key, next), "overlap_until",
				      clock_format_rfc3339(x.until_ms, until)));
}

enum err change_hub_identity_announce(struct change *c, uint32_t hub_id,
				      struct store_hub_identity *in)
{
	return run(c, hub_id, announce, in, NULL);
}

/* --- receipts --- */

struct receipts {
	const struct public_key *key;
	const uint32_t *nodes;
	size_t n;
};

static enum err known(struct change *c, const struct node *hub, struct hub_identity *h, void *arg)
{
	const struct receipts *r = arg;
	struct store_hub_identity_sum after;
	char next[KEYS_FINGERPRINT_SIZE];
	enum err e;

	if (!public_key_equal(r->key, &h->key))
		return ERR_OK;
	e = store_hub_identity_known(c->store, r->nodes, r->n, r->key);
	if (!e)
		e = store_hub_identity_sum(c->store, &h->key, h->since_ms, &after);
	if (e || after.known < after.spokes || h->sum.known == h->sum.spokes)
		return e;
	return change_audit(c, "hub.identity_known", "hub", hub->name,
			    json_pack("{s:s, s:I}", "fingerprint", keys_fingerprint(&h->key, next),
				      "spokes", (json_int_t)after.spokes));
}

enum err change_hub_identity_known(struct change *c, uint32_t hub_id, const struct public_key *key,
				   const uint32_t *nodes, size_t n)
{
	struct receipts r = { key, nodes, n };

	return run(c, hub_id, known, &r, NULL);
}

/* --- switching --- */

/* Who does not know the next key, for a refusal. */
struct missing {
	struct change *c;
	char text[MISSING_TEXT_SIZE];
};

static enum err name_missing(void *arg, uint32_t id, const char *name)
{
	struct missing *x = arg;
	size_t used = strlen(x->text);
	unsigned n = x->c->n_uses;

	(void)id;
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

static enum err refuse_unknown(struct change *c, const struct hub_identity *h)
{
	struct missing x = { .c = c };
	enum err e = store_hub_identity_missing(c->store, &h->key, h->since_ms, CHANGE_USES_MAX,
						name_missing, &x);

	if (e)
		return e;
	c->n_uses = h->sum.spokes - h->sum.known;
	return change_refuse(c, ERR_CONFLICT, "identity_unknown_to", "",
			     "%u of %u spokes have not confirmed the next identity key and would "
			     "lose the hub: %s. Wait for them, or finish with force and give each "
			     "the new key by hand (branchline-spoke pin).",
			     c->n_uses, h->sum.spokes, x.text);
}

static enum err put_next(struct change *c, const struct node *hub, const struct hub_identity *h)
{
	struct store_key k = {
		.node_id = hub->id, .kind = KEY_IDENTITY, .key = h->next.key, .unbroken = true
	};
	enum err e = change_revise(c, "hub.identity_switch %s", hub->name);

	memcpy(k.signature, h->next.signature, sizeof(k.signature));
	if (!e)
		e = store_key_put(c->store, &k);
	if (!e)
		e = store_key_sign(c->store, hub->id, h->next.tunnel_sig);
	if (!e)
		e = store_node_touch(c->store, hub->id, c->revision);
	if (!e)
		e = store_hub_identity_forget(c->store, &k.key);
	return e ? e : store_hub_identity_remove(c->store);
}

static enum err change_over(struct change *c, const struct node *hub, struct hub_identity *h,
			    void *arg)
{
	char now[KEYS_FINGERPRINT_SIZE], before[KEYS_FINGERPRINT_SIZE];
	const bool *force = arg;
	uint32_t missing = h->sum.spokes - h->sum.known;
	enum err e;

	if (!h->has_next)
		return refuse_missing(c);
	if (h->next.state != HUB_IDENTITY_OVERLAP)
		return change_refuse(c, ERR_CONFLICT, "identity_not_announced", "",
				     "The hub has not made its next identity key yet; try again in "
				     "a second, and look into its log if this stays so.");
	if (missing && !*force)
		return refuse_unknown(c, h);
	e = put_next(c, hub, h);
	return e ? e
		 : change_audit(c, "hub.identity_switch", "hub", hub->name,
				json_pack("{s:s, s:s, s:I, s:I}", "fingerprint",
					  keys_fingerprint(&h->next.key, now), "old_fingerprint",
					  keys_fingerprint(&h->current.key, before), "spokes",
					  (json_int_t)h->sum.spokes, "missing",
					  (json_int_t)missing));
}

enum err change_hub_identity_switch(struct change *c, uint32_t hub_id, bool force,
				    struct hub_identity *out)
{
	return run(c, hub_id, change_over, &force, out);
}

/* --- cancelling --- */

static enum err cancel(struct change *c, const struct node *hub, struct hub_identity *h, void *arg)
{
	const char *why = arg;
	enum err e;

	if (!h->has_next)
		return refuse_missing(c);
	e = store_hub_identity_remove(c->store);
	if (!e)
		e = store_hub_identity_forget(c->store, &h->current.key);
	return e ? e
		 : change_audit(c, "hub.identity_cancel", "hub", hub->name,
				json_pack("{s:s}", "why", why));
}

enum err change_hub_identity_cancel(struct change *c, uint32_t hub_id, const char *why,
				    struct hub_identity *out)
{
	char text[STORE_TEXT_SIZE];

	snprintf(text, sizeof(text), "%s", why);
	return run(c, hub_id, cancel, text, out);
}
