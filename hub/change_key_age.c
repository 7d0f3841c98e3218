/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_key_age: what the passing of time does to keys. */
#include "hub/change_key.h"
#include "hub/change_step.h"
#include "shared/base/base64.h"
#include "shared/base/clock.h"

/* What is to be done, read before and again within the transaction. */
struct todo {
	struct key_settings settings;
	int64_t now_ms, soon_ms, over_ms;
	bool may_ask;
	struct store_key_mark mark; /* the last key of `old`, or as it was */
	unsigned n_old, n_overdue;
	struct store_key old[KEY_AGE_NOTICES_MAX];
	struct store_keys_overdue overdue[KEY_AGE_REQUESTS_MAX];
};

static enum err take_old(void *arg, const struct store_key *k)
{
	struct todo *t = arg;

	t->old[t->n_old++] = *k;
	t->mark = (struct store_key_mark){ k->created_ms, k->id };
	return ERR_OK;
}

static enum err take_overdue(void *arg, const struct store_keys_overdue *o)
{
	struct todo *t = arg;

	t->overdue[t->n_overdue++] = *o;
	return ERR_OK;
}

static enum err look(struct change *c, struct todo *t)
{
	enum err e = key_settings_read(c->store, &t->settings);

	t->n_old = t->n_overdue = 0;
	if (e || !key_settings_limits(&t->settings, t->now_ms, &t->soon_ms, &t->over_ms))
		return e;
	e = key_settings_mark_read(c->store, &t->mark);
	if (!e)
		e = store_keys_made(c->store, &t->mark, t->soon_ms, KEY_AGE_NOTICES_MAX, take_old,
				    t);
	if (!e && t->settings.rotate_at_max_age && t->may_ask)
		e = store_keys_list_overdue(c->store, t->over_ms, KEY_AGE_REQUESTS_MAX,
					    take_overdue, t);
	return e;
}

static enum err notice(struct change *c, const struct todo *t, const struct store_key *k)
{
	char fingerprint[2 * sizeof(k->fingerprint) + 1], made[CLOCK_RFC3339_SIZE],
		due[CLOCK_RFC3339_SIZE];
	int64_t due_ms;

	/* Settled by soon_ms already; asked for the time. */
	(void)key_settings_due(&t->settings, k, t->now_ms, &due_ms);
	return change_audit(
		c, "key.old", "node", k->node_name,
		json_pack("{s:s, s:s, s:s, s:s}", "kind",
			  k->kind == KEY_IDENTITY ? "identity" : "tunnel", "fingerprint",
			  hex_encode(k->fingerprint, sizeof(k->fingerprint), fingerprint),
			  "created_at", clock_format_rfc3339(k->created_ms, made), "due_at",
			  clock_format_rfc3339(due_ms, due)));
}

static enum err apply(struct change *c, struct todo *t)
{
	struct store_rotation unused;
	enum err e = look(c, t);

	for (unsigned i = 0; i < t->n_old && !e; i++)
		e = notice(c, t, &t->old[i]);
	if (!e && t->n_old)
		e = key_settings_mark_write(c->store, &t->mark);
	for (unsigned i = 0; i < t->n_overdue && !e; i++)
		e = change_rotation_ask(c, t->overdue[i].node_id, t->overdue[i].node_name,
					t->overdue[i].keys, &unused);
	return e;
}

enum err change_key_ages(struct change *c, int64_t now_ms, bool may_ask,
			 struct change_key_ages *out)
{
	struct todo t = { .now_ms = now_ms, .may_ask = may_ask };
	enum err e = change_look(c);

	*out = (struct change_key_ages){ 0 };
	if (!e)
		e = look(c, &t);
	if (e)
		return change_store_failed(c, e);
	if (!t.n_old && !t.n_overdue)
		return ERR_OK;
	e = change_begin(c);
	if (!e)
		e = change_end(c, apply(c, &t));
	if (!e)
		*out = (struct change_key_ages){ t.n_old, t.n_overdue };
	return e;
}
