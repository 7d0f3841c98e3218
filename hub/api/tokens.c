/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"
#include "shared/base/clock.h"
#include "shared/base/hostport.h"
#include "shared/wire/token.h"

#define COMMAND_SIZE (JOIN_TOKEN_MAX_CHARS + NAME_SIZE + 64)

static enum err add_to_page(void *arg, const struct store_token *t)
{
	return page_add(arg, t->id, render_join_token(t, clock_wall_ms()));
}

void tokens_list(struct request *r)
{
	struct page page;
	enum err e;

	if (page_init(&page, r))
		return;
	e = store_tokens_list(r->api->store, page.want.after, page.want.limit + 1, add_to_page,
			      &page);
	page_reply(&page, r, e);
	page_fini(&page);
}

/* The join token in the path; otherwise the request is answered. */
static enum err find_token(struct request *r, struct store_token *out)
{
	char what[32];
	uint32_t id;
	enum err e = request_id(r, "join token", &id);

	if (e)
		return e;
	e = store_token_get(r->api->store, id, out);
	if (e) {
		snprintf(what, sizeof(what), "join token %u", id);
		request_store_failed(r, e, what);
	}
	return e;
}

void tokens_get(struct request *r)
{
	struct store_token t;

	if (find_token(r, &t) == ERR_OK)
		reply_json(&r->reply, 200, render_join_token(&t, clock_wall_ms()));
}

/* Splits the setting hub_addresses, one "host port" a line, into the token. What does not fit is
 * left out. */
static void take_addresses(char *lines, struct join_token *t)
{
	char *save = NULL;

	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (t->n_addresses == TOKEN_ADDRESSES_MAX || strlen(line) >= ENDPOINT_NAME_SIZE)
			continue;
		snprintf(t->addresses[t->n_addresses++], ENDPOINT_NAME_SIZE, "%s", line);
	}
}

/* The same hosts at the hub's other TCP ports, as long as there is room: a branch may let nothing
 * out but 443. */
static void add_ports(const struct hub_config *config, struct join_token *t)
{
	const unsigned n = t->n_addresses;
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;

	for (unsigned k = 0; k < config->n_tcp_ports; k++)
		for (unsigned i = 0; i < n && t->n_addresses < TOKEN_ADDRESSES_MAX; i++) {
			if (hostport_split(t->addresses[i], UDP_PORT_DEFAULT, host, &port))
				continue;
			snprintf(t->addresses[t->n_addresses++], ENDPOINT_NAME_SIZE, "%.255s %u",
				 host, (unsigned)config->tcp_ports[k]);
		}
}

/* What every join token of this network holds, but for the secret. Otherwise the request is
 * answered. */
static enum err prepare(struct request *r, struct join_token *t)
{
	char text[LOOKUP_SETTING_SIZE];
	struct node hub;
	enum err e;

	memset(t, 0, sizeof(*t));
	e = lookup_setting(r, "network", text);
	if (e)
		return e;
	snprintf(t->network, sizeof(t->network), "%.*s", (int)NAME_MAX_BYTES, text);
	e = lookup_setting(r, "hub_addresses", text);
	if (e)
		return e;
	take_addresses(text, t);
	if (r->api->config)
		add_ports(r->api->config, t);
	if (t->n_addresses == 0) {
		reply_refuse(&r->reply, 409, "hub_addresses_missing",
			     "no address of the hub is known, so that no branch could find it");
		return ERR_NOTFOUND;
	}
	e = lookup_hub(r, &hub);
	if (e)
		return e;
	t->hub_key = hub.identity_key;
	node_fini(&hub);
	return ERR_OK;
}

/* Answers with the token's text and the line to paste; this is the only time that they are shown.
 */
static void answer_new(struct request *r, const struct change *c, struct join_token *join,
		       const struct store_token *t)
{
	char text[JOIN_TOKEN_MAX_CHARS + 1] = "", command[COMMAND_SIZE];
	char etag[REPLY_ETAG_SIZE];
	json_t *item = render_join_token(t, clock_wall_ms());

	if (!c->dry_run && token_encode(join, text) != ERR_OK) {
		json_decref(item);
		reply_refuse(&r->reply, 500, "internal",
			     "the token could not be written; revoke token %u", t->id);
		return;
	}
	snprintf(command, sizeof(command), "branchline-spoke -n %s join %s", join->network, text);
	if (!c->dry_run) {
		reply_header(&r->reply, "Location", "/api/v1/tokens/%u", t->id);
		reply_header(&r->reply, "ETag", "%s", reply_etag_json(item, etag));
	}
	reply_json(&r->reply, c->dry_run ? 200 : 201,
		   json_pack("{s:I, s:b, s:s*, s:s*, s:o}", "revision", (json_int_t)c->revision,
			     "dry_run", c->dry_run, "token", c->dry_run ? NULL : text, "command",
			     c->dry_run ? NULL : command, "join_token", item));
	secret_zero(text, sizeof(text));
	secret_zero(command, sizeof(command));
}

/* Whom the body wants a token for: a node, or a group (*node_id 0). Otherwise the request is
 * answered. */
static enum err take_target(struct request *r, uint32_t *node_id, uint8_t *group_bit)
{
	const bool by_node = json_object_get(r->json, "node") != NULL;
	struct store_group g;
	struct node n;
	enum err e;

	*node_id = 0;
	if (by_node == (json_object_get(r->json, "group") != NULL)) {
		reply_refuse(&r->reply, 422, "member_invalid",
			     "a join token is for a node or for a group: give one of \"node\" and "
			     "\"group\"");
		return ERR_INVALID;
	}
	if (!by_node) {
		e = lookup_group_member(r, "group", &g);
		*group_bit = e ? 0 : g.bit;
		return e;
	}
	e = lookup_node_member(r, "node", &n);
	if (!e) {
		*node_id = n.id;
		node_fini(&n);
	}
	return e;
}

void tokens_add(struct request *r)
{
	uint32_t expires_s = (uint32_t)body_int(r->json, "expires_s", 0);
	uint32_t uses = (uint32_t)body_int(r->json, "uses", 1), node_id;
	struct change c = request_change(r);
	struct store_token t = { 0 };
	struct join_token join;
	uint8_t group_bit = 0;
	enum err e;

	if (take_target(r, &node_id, &group_bit))
		return;
	if (prepare(r, &join) == ERR_OK) {
		e = node_id ? change_token_create(&c, node_id, expires_s, uses, join.secret, &t)
			    : change_token_create_group(&c, group_bit, expires_s, uses, join.secret,
							&t);
		if (e) {
			request_change_failed(r, e, &c);
		} else {
			answer_new(r, &c, &join, &t);
			if (!c.dry_run)
				api_nudge_tokens(r->api);
		}
	}
	secret_zero(&join, sizeof(join));
}

void tokens_revoke(struct request *r)
{
	struct change c = request_change(r);
	struct store_token t;
	enum err e;

	if (find_token(r, &t) || !request_if_match(r, render_join_token(&t, clock_wall_ms())))
		return;
	e = change_token_revoke(&c, t.id);
	if (!e)
		e = store_token_get(r->api->store, t.id, &t);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	reply_json(&r->reply, 200,
		   json_pack("{s:I, s:b, s:o}", "revision", (json_int_t)c.revision, "dry_run",
			     c.dry_run, "join_token", render_join_token(&t, clock_wall_ms())));
	if (!c.dry_run)
		api_nudge_tokens(r->api);
}
