/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/attention.h"

#include <stdarg.h>

#include "hub/api/render.h"
#include "hub/hub_identity.h"
#include "hub/hub_tunnel.h"
#include "hub/key_settings.h"
#include "shared/base/clock.h"
#include "shared/wire/fields.h"

/* The list under way. */
struct survey {
	struct api *api;
	json_t *list;
	int64_t now_ms;
};

/* `node` may be NULL, `since_ms` 0. */
static enum err add(const struct survey *s, const char *code, const char *node, int64_t since_ms,
		    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static enum err add(const struct survey *s, const char *code, const char *node, int64_t since_ms,
		    const char *fmt, ...)
{
	char text[768];
	json_t *item;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	item = json_pack("{s:s, s:s?, s:o, s:o}", "code", code, "node", node, "text",
			 fields_text(text), "since", render_time(since_ms));
	return item && json_array_append_new(s->list, item) == 0 ? ERR_OK : ERR_NOMEM;
}

/* --- what waits for an admin --- */

static enum err add_row(void *arg, const struct store_attention *a)
{
	const struct survey *s = arg;

	switch (a->kind) {
	case ATTENTION_QUARANTINED:
		return add(s, "node_quarantined", a->name, a->at_ms,
			   "%s was revoked after the backup was made that this hub was restored "
			   "from, and is disabled until you decide: revoke it again, or enable it.",
			   a->name);
	case ATTENTION_KEY_PROPOSED:
		return add(s, "key_proposed", a->name, a->at_ms,
			   "%s has made new keys, which wait for your approval.", a->name);
	case ATTENTION_SUBNET_PROPOSED:
		return add(s, "subnet_proposed", a->name, a->at_ms,
			   "%s proposes %u subnet%s, which wait%s for your approval.", a->name,
			   a->n, a->n == 1 ? "" : "s", a->n == 1 ? "s" : "");
	case ATTENTION_SETTINGS_REVERTED:
		return add(s, "settings_rolled_back", a->name, a->at_ms,
			   "%s has taken back the settings that it was given%s%s", a->name,
			   a->why[0] ? ": " : ".", a->why);
	case ATTENTION_KEY_CHANGED:
		return add(s, "key_changed", a->name, a->at_ms,
			   "%s was joined anew, with a key that its old one does not vouch for. If "
			   "you do not know why: revoke it.",
			   a->name);
	case ATTENTION_WEBHOOK_DISABLED:
		return add(
			s, "webhook_disabled", NULL, a->at_ms,
			"The webhook %s is disabled (%s). Put its receiver right, then enable it.",
			a->name, a->why);
	}
	return ERR_OK;
}

/* --- keys --- */

/* A key that is held back; of a node that is gone, or has another key by now, it says nothing. */
static enum err add_held(void *arg, const struct store_held_sum *h)
{
	const struct survey *s = arg;
	struct node n;
	enum err e = store_node_get(s->api->store, h->peer_id, &n, NULL);

	if (e)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	if (n.status == NODE_ACTIVE && n.has_identity &&
	    public_key_equal(&n.identity_key, &h->identity_key))
		e = add(s, "key_held", n.name, h->since_ms,
			"%u branch%s (StrictKeys) no tunnel to %s until its new identity key is "
			"accepted there: see key held.",
			h->spokes, h->spokes == 1 ? " has" : "es have", n.name);
	node_fini(&n);
	return e;
}

/* --- the hub's own identity key --- */

static enum err look_at_identity(const struct survey *s, uint32_t hub_id)
{
	struct hub_identity h;
	char until[CLOCK_RFC3339_SIZE];
	uint32_t missing;
	bool known;
	enum err e = hub_identity_known_by_all(s->api->store, hub_id, &known);

	if (!e && !known)
		e = hub_identity_read(s->api->store, hub_id, &h);
	if (e || known)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	missing = h.sum.spokes - h.sum.known;
	if (!missing)
		return ERR_OK;
	if (!h.has_next)
		return add(
			s, "hub_identity_missed", NULL, h.current.created_ms,
			"%u spoke%s not been back since the hub's identity key was replaced. Any "
			"that was away for all of the overlap has to be given the new key: see "
			"branchline-hub identity show.",
			missing, missing == 1 ? " has" : "s have");
	if (h.next.state != HUB_IDENTITY_OVERLAP)
		return ERR_OK;
	return add(s, "hub_identity_unknown", NULL, h.next.announced_ms,
		   "%u of %u spokes do not know the hub's next identity key yet, which is in force "
		   "on %s: see branchline-hub identity show.",
		   missing, h.sum.spokes, clock_format_rfc3339(h.next.until_ms, until));
}

static enum err look_at_tunnel_key(const struct survey *s, uint32_t hub_id)
{
	struct hub_tunnel h;
	enum err e = hub_tunnel_read(s->api->store, hub_id, &h);

	if (e == ERR_NOTFOUND || (!e && (!h.row.in_force_ms || !h.sum.devices)))
		return ERR_OK;
	return e ? e
		 : add(s, "hub_tunnel_old", NULL, h.row.in_force_ms,
		       "%u WireGuard node%s not been seen with the hub's new tunnel key: each "
		       "needs "
		       "it in its configuration, see branchline-hub tunnel-key show.",
		       h.sum.devices, h.sum.devices == 1 ? " has" : "s have");
}

/* Keys of one kind of being due. */
struct due_keys {
	const struct survey *survey;
	const struct key_settings *settings;
	enum key_due due;
};

static enum err add_key(void *arg, const struct store_key *k)
{
	const struct due_keys *d = arg;
	int64_t due_ms;

	(void)key_settings_due(d->settings, k, d->survey->now_ms, &due_ms);
	return add(d->survey, d->due == KEY_DUE_OVER ? "key_overdue" : "key_soon", k->node_name,
		   due_ms, "The %s key of %s %s its maximum age: have it make a new one.",
		   k->kind == KEY_IDENTITY ? "identity" : "tunnel", k->node_name,
		   d->due == KEY_DUE_OVER ? "is over" : "will soon reach");
}

/* Those made after `from_ms` and until `until_ms`, of which there are `total`. */
static enum err add_keys(const struct due_keys *d, int64_t from_ms, int64_t until_ms,
			 uint32_t total)
{
	const struct store_key_mark from = { from_ms, UINT32_MAX };
	enum err e = ERR_OK;

	if (total)
		e = store_keys_made(d->survey->api->store, &from, until_ms, ATTENTION_KEYS_MAX,
				    add_key, (void *)(uintptr_t)d);
	if (e || total <= ATTENTION_KEYS_MAX)
		return e;
	return add(d->survey, d->due == KEY_DUE_OVER ? "key_overdue" : "key_soon", NULL, 0,
		   "%u more keys %s their maximum age.", total - ATTENTION_KEYS_MAX,
		   d->due == KEY_DUE_OVER ? "are over" : "will soon reach");
}

static enum err look_at_keys(const struct survey *s)
{
	struct key_settings settings;
	struct due_keys d = { .survey = s, .settings = &settings, .due = KEY_DUE_OVER };
	struct store_key_ages ages;
	int64_t soon_ms, over_ms;
	enum err e = key_settings_read(s->api->store, &settings);

	if (e || !key_settings_limits(&settings, s->now_ms, &soon_ms, &over_ms))
		return e;
	e = store_key_ages(s->api->store, soon_ms, over_ms, &ages);
	if (!e)
		e = add_keys(&d, 0, over_ms, ages.overdue[KEY_IDENTITY] + ages.overdue[KEY_TUNNEL]);
	d.due = KEY_DUE_SOON;
	if (!e)
		e = add_keys(&d, over_ms, soon_ms, ages.soon[KEY_IDENTITY] + ages.soon[KEY_TUNNEL]);
	return e;
}

/* --- revocations --- */

static enum err add_revocation(void *arg, const struct store_revocation *r)
{
	const struct survey *s = arg;
	struct store_applied a;
	enum err e;

	/* Who has applied this one has applied all before it; counting walks over all nodes. */
	if (r->state == REVOCATION_APPLIED)
		return ERR_CLOSED;
	e = store_applied(s->api->store, r->revision, r->node_id, &a);
	if (e)
		return e;
	if (a.applied >= a.online)
		return ERR_CLOSED;
	return add(s,
		   r->state == REVOCATION_PENDING ? "revocation_pending" : "revocation_unconfirmed",
		   r->node_name, r->at_ms,
		   "%u of %u spokes %s confirmed the revocation of %s: see revocation %llu.",
		   a.online - a.applied, a.online,
		   r->state == REVOCATION_PENDING ? "have not yet" : "have still not", r->node_name,
		   (unsigned long long)r->revision);
}

static enum err look_at_revocations(const struct survey *s)
{
	enum err e = store_revocations_list(s->api->store, 0, ATTENTION_REVOCATIONS_MAX,
					    add_revocation, (void *)(uintptr_t)s);

	return e == ERR_CLOSED ? ERR_OK : e;
}

/* --- the hub itself --- */

static enum err add_rollback(void *arg, const struct store_audit_entry *a)
{
	return add(arg, "backup_restored", NULL, a->at_ms,
		   "A spoke has seen a later revision than this hub has: a backup was restored. "
		   "Changes since that backup are lost; look through nodes, keys and subnets.");
}

static enum err look_at_hub(const struct survey *s, const struct totals *totals)
{
	struct store_audit_filter f = { .action = "store.rollback",
					.since_ms = s->now_ms - ATTENTION_RECENT_MS,
					.newest_first = true };
	uint64_t n;
	enum err e = ERR_OK;

	/* Counting has an index, listing has none. */
	e = store_audit_count(s->api->store, f.action, f.since_ms, &n);
	if (!e && n)
		e = store_audit_list(s->api->store, &f, 0, 1, add_rollback, (void *)(uintptr_t)s);
	if (!e && !json_is_object(totals->engine))
		e = add(s, "engine_down", NULL, 0,
			"The hub's data plane does not answer: see the log of the hub.");
	return e;
}

enum err attention_collect(struct api *a, const struct totals *totals, int64_t now_ms,
			   uint32_t hub_id, json_t *list)
{
	struct survey s = { .api = a, .list = list, .now_ms = now_ms };
	enum err e = look_at_hub(&s, totals);

	if (!e)
		e = look_at_revocations(&s);
	if (!e)
		e = look_at_identity(&s, hub_id);
	if (!e)
		e = look_at_tunnel_key(&s, hub_id);
	if (!e)
		e = store_attention_list(a->store, now_ms - ATTENTION_RECENT_MS, ATTENTION_ROWS_MAX,
					 add_row, &s);
	if (!e)
		e = store_held_sums(a->store, ATTENTION_KEYS_MAX, add_held, &s);
	return e ? e : look_at_keys(&s);
}
