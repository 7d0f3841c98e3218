/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revocations: which nodes were revoked, who has applied it, and how long it took. */
#include "hub/api/applied.h"
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/page.h"
#include "hub/api/render.h"

/* A list that goes back in time. */
struct backward {
	struct page page;
	struct store *store;
};

/* While one is pending, how far it is stands with the presence of the nodes. */
static enum err count_now(struct store *s, struct store_revocation *r)
{
	struct store_applied a;
	enum err e;

	if (r->state != REVOCATION_PENDING)
		return ERR_OK;
	e = store_applied(s, r->revision, r->node_id, &a);
	if (!e) {
		r->expected = a.online;
		r->applied = a.applied;
	}
	return e;
}

static enum err add_to_page(void *arg, const struct store_revocation *r)
{
	struct backward *l = arg;
	struct store_revocation x = *r;
	enum err e = count_now(l->store, &x);

	return e ? e : page_add(&l->page, (uint32_t)r->revision, render_revocation(&x));
}

void revocations_list(struct request *r)
{
	struct backward l = { .store = r->api->store };
	enum err e;

	if (page_init(&l.page, r))
		return;
	e = store_revocations_list(r->api->store, l.page.want.after, l.page.want.limit + 1,
				   add_to_page, &l);
	page_reply(&l.page, r, e);
	page_fini(&l.page);
}

/* One, with the word of each spoke that is a member now. */
static void answer(struct request *r, struct store_revocation *x)
{
	const struct store_revision rev = { .revision = x->revision, .at_ms = x->at_ms };
	struct applied a;
	enum err e;
	json_t *j;

	r->wait_receipts = true;
	r->wait_except = x->node_id;
	e = count_now(r->api->store, x);
	if (!e)
		e = revisions_count(r, &rev, &a);
	if (e) {
		request_store_failed(r, e, "revocation");
		return;
	}
	j = render_revocation(x);
	if (j &&
	    (json_object_set(j, "missing", a.missing) || json_object_set(j, "offline", a.offline) ||
	     json_object_set(j, "receipts", a.receipts))) {
		json_decref(j);
		j = NULL;
	}
	reply_json(&r->reply, 200, j);
	applied_fini(&a);
}

void revocations_get(struct request *r)
{
	struct store_revocation x;
	char what[48];
	uint32_t id;
	enum err e = request_id(r, "revocation", &id);

	if (e)
		return;
	e = store_revocation_get(r->api->store, id, &x);
	if (!e) {
		answer(r, &x);
		return;
	}
	snprintf(what, sizeof(what), "revocation %u", id);
	request_store_failed(r, e, what);
}
