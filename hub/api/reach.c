/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /nodes/{id}/reach: does the hub reach a branch through its tunnel, and do packets for the
 * networks behind it go there? Nothing is changed by asking.
 */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/reach.h"
#include "hub/api/render.h"
#include "shared/base/clock.h"

/* Who gets the packets for one network in place of the node that was asked about. */
struct rival {
	const struct node *node;
	const struct node_subnet *subnet;
	struct store *store;
	bool node_answers;
	bool found;
	struct store_subnet best;
};

static struct reach_verdict not_active(enum node_status status)
{
	switch (status) {
	case NODE_INVITED:
		return (struct reach_verdict){ "not_joined", "it has not joined yet",
					       "run its join command on its server" };
	case NODE_DISABLED:
		return (struct reach_verdict){ "disabled", "an admin has disabled it",
					       "enable it" };
	default:
		return (struct reach_verdict){ "revoked", "its keys are revoked",
					       "let it join anew, with a new token" };
	}
}

/* The engine's own words on the path that there is not. */
static struct reach_verdict silent(const struct store_presence *p)
{
	const enum path_reason why = p->path == PATH_DOWN ? p->reason : PATH_REASON_NO_ANSWER;
	const char *advice = path_reason_advice(why);

	if (!p->online)
		return (struct reach_verdict){
			"no_answer", "neither its tunnel answers nor is its control link up",
			"see that its service runs, and that its server reaches "
			"the hub (branchline-spoke netcheck)"
		};
	return (struct reach_verdict){ "no_answer", path_reason_str(why),
				       advice[0] ? advice : "try again in a few seconds" };
}

static struct reach_verdict judge(const struct node *n, const struct store_presence *p,
				  const struct echoes_result *found)
{
	if (n->status != NODE_ACTIVE)
		return not_active(n->status);
	if (found->error == ERR_CLOSED)
		return (struct reach_verdict){
			"no_engine", "the hub's data plane does not answer",
			"it is started again by itself; if this stays, look at "
			"the hub's log"
		};
	if (found->error)
		return (struct reach_verdict){ "no_peer",
					       "the hub's data plane does not have it yet",
					       "try again in a few seconds" };
	if (!found->answered)
		return silent(p);
	if (found->answered < found->sent)
		return (struct reach_verdict){
			"lossy", "some echoes were not answered",
			"look at the line of the branch; a single loss just after "
			"it came up is nothing"
		};
	return (struct reach_verdict){ "reached", "every echo was answered", "" };
}

static enum err get_presence(struct store *s, uint32_t id, struct store_presence *p)
{
	enum err e = store_presence_get(s, id, p);

	if (e == ERR_NOTFOUND)
		*p = (struct store_presence){ .node_id = id };
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err reach_judge(struct request *r, const struct node *n, const struct echoes_result *found,
		     struct reach_verdict *out)
{
	struct store_presence p;
	enum err e = get_presence(r->api->store, n->id, &p);

	if (e)
		request_store_failed(r, e, "node");
	else
		*out = judge(n, &p, found);
	return e;
}

/* As the engine orders the owners of a prefix: by weight, then by id. */
static bool comes_before(const struct store_subnet *a, uint32_t weight, uint32_t id)
{
	return a->subnet.weight < weight || (a->subnet.weight == weight && a->node_id < id);
}

/* Another node with the very same prefix: does the engine prefer it? */
static enum err look_at_rival(void *arg, const struct store_subnet *s)
{
	struct rival *r = arg;
	struct store_presence p;
	enum err e;

	if (!s->id || s->status != SUBNET_APPROVED ||
	    !prefix_equal(&s->subnet.prefix, &r->subnet->prefix))
		return ERR_OK;
	if (r->node_answers && !comes_before(s, r->subnet->weight, r->node->id))
		return ERR_OK;
	if (r->found && !comes_before(s, r->best.subnet.weight, r->best.node_id))
		return ERR_OK;
	e = get_presence(r->store, s->node_id, &p);
	if (!e && p.path != PATH_DOWN) {
		r->found = true;
		r->best = *s;
	}
	return e;
}

static json_t *render_routed(const struct rival *r)
{
	char text[PREFIX_STR_SIZE], why[NAME_SIZE + 64];
	const bool routed = r->node_answers && !r->found;

	if (r->found)
		snprintf(why, sizeof(why), "%s has the same network, with weight %u",
			 r->best.node_name, r->best.subnet.weight);
	else
		snprintf(why, sizeof(why), "%s",
			 routed ? "packets for it go to this branch"
				: "this branch does not answer, and nobody else has it");
	return json_pack("{s:s, s:I, s:b, s:o, s:s}", "prefix",
			 prefix_format(&r->subnet->prefix, text), "weight",
			 (json_int_t)r->subnet->weight, "routed", routed, "via",
			 r->found ? json_string(r->best.node_name)
				  : (routed ? json_string(r->node->name) : json_null()),
			 "reason", why);
}

/* Where the hub sends packets for each network behind the node. */
static enum err routes_of(struct store *s, const struct node *n, bool answers, json_t *list)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < n->n_subnets && !e; i++) {
		struct rival r = {
			.node = n, .subnet = &n->subnets[i], .store = s, .node_answers = answers
		};

		e = store_subnets_overlapping(s, &n->subnets[i].prefix, n->id, look_at_rival, &r);
		if (!e)
			json_array_append_new(list, render_routed(&r));
	}
	return e;
}

static json_t *microseconds(const struct echoes_result *found, uint64_t us)
{
	return found->answered ? json_integer((json_int_t)us) : json_null();
}

static void answer_about(struct request *r, const struct node *n, const struct echoes_result *found)
{
	const unsigned answered = found->answered;
	json_t *subnets = json_array();
	struct store_presence p;
	struct reach_verdict v;
	uint64_t revision;
	enum err e = get_presence(r->api->store, n->id, &p);

	if (!e)
		e = store_revision_get(r->api->store, &revision);
	if (!e)
		e = routes_of(r->api->store, n, answered > 0, subnets);
	if (e) {
		json_decref(subnets);
		request_store_failed(r, e, "node");
		return;
	}
	v = judge(n, &p, found);
	reply_json(&r->reply, 200,
		   json_pack("{s:I, s:s, s:o, s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o, "
			     "s:I, s:I, s:o}",
			     "id", (json_int_t)n->id, "name", n->name, "at",
			     render_time(clock_wall_ms()), "result", v.result, "reason", v.reason,
			     "advice", v.advice, "sent", (int)found->sent, "answered",
			     (int)answered, "rtt_min_us", microseconds(found, found->rtt_min_us),
			     "rtt_avg_us",
			     microseconds(found, answered ? found->rtt_sum_us / answered : 0),
			     "rtt_max_us", microseconds(found, found->rtt_max_us), "path",
			     answered ? json_string(path_kind_str(found->path)) : json_null(),
			     "endpoint", answered ? render_endpoint(&found->endpoint) : json_null(),
			     "revision", (json_int_t)revision, "acked_revision",
			     (json_int_t)p.acked_revision, "subnets", subnets));
}

void reach_answer(struct request *r, const struct echoes_result *result)
{
	struct node n;

	/* By id: it may have been renamed, or deleted, while it was asked. */
	if (lookup_node_id(r, result->node_id, &n))
		return;
	answer_about(r, &n, result);
	node_fini(&n);
}

void reach_test(struct request *r)
{
	struct echoes_result none = { 0 };
	struct node n;
	enum err e;

	if (lookup_node(r, r->param, &n, NULL))
		return;
	none.node_id = n.id;
	if (n.kind != NODE_SPOKE) {
		reply_refuse(&r->reply, 409, "no_agent",
			     "%s is no branch with an agent: nothing on it answers the tunnel's "
			     "echoes. Ping its address instead",
			     n.name);
	} else if (n.status != NODE_ACTIVE) {
		answer_about(r, &n, &none);
	} else {
		e = echoes_join(&r->api->echoes, n.id, &r->echoes, api_now_ms(r->api));
		if (e)
			reply_refuse(&r->reply, 503, "too_many_tests",
				     "the hub tests as many branches as it can at a time; try "
				     "again in a few seconds");
		r->asleep = r->echoes.waiting;
	}
	node_fini(&n);
}
