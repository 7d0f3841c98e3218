/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/request.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "hub/api/context.h"
#include "hub/api/framing.h"
#include "hub/api/hashing.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"

/* Up to FRAMING_BODY_MAX_BYTES are read and thrown away, so that a client that sends too much hears
 * why; one that tells its length beforehand is answered at once, from this on. */
#define BODY_LENGTH_MAX_BYTES (1u << 20)
#define JSON_TYPE             "application/json"

void request_init(struct request *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->body, BODY_MAX_BYTES);
	reply_init(&r->reply);
	list_init(&r->wait.link);
	list_init(&r->echoes.link);
	list_init(&r->order.link);
}

void request_fini(struct request *r)
{
	waits_remove(&r->api->waits, &r->wait);
	echoes_leave(&r->echoes);
	order_waits_leave(&r->api->orders, &r->order);
	logs_remove(r);
	events_remove(r);
	hashing_forget(r);
	json_decref(r->json);
	buf_fini(&r->body);
	reply_fini(&r->reply);
}

/* 401 with the way in, or 403 where there is none. */
static void refuse_bearer(struct request *r, enum err e)
{
	const char *why =
		e == ERR_EXPIRED   ? "the API token has expired"
		: e == ERR_REVOKED ? "the API token is revoked"
		: r->headers.authorization
			? "the API token is not known here"
			: "an API token is needed: Authorization: Bearer " AUTH_TOKEN_PREFIX "...";

	reply_header(&r->reply, "WWW-Authenticate", "Bearer realm=\"branchline\"%s",
		     r->headers.authorization ? ", error=\"invalid_token\"" : "");
	reply_refuse(&r->reply, 401,
		     e == ERR_EXPIRED   ? "token_expired"
		     : e == ERR_REVOKED ? "token_revoked"
					: "unauthenticated",
		     "%s", why);
}

static void authenticate_unix(struct request *r)
{
	if (!auth_peer_allowed(&r->api->auth_unix, r->peer, geteuid())) {
		reply_refuse(&r->reply, 403, "denied",
			     "only root and members of the group may use this socket");
		return;
	}
	auth_peer_actor(r->peer, r->who.actor);
	r->who.role = ROLE_ADMIN;
}

/* By the cookie of a user who signed in. */
static void authenticate_session(struct request *r)
{
	enum err e = auth_session(r->api->store, r->headers.cookie, clock_wall_ms(), &r->who);

	if (e == ERR_AUTH) {
		reply_header(&r->reply, "WWW-Authenticate", "Bearer realm=\"branchline\"");
		reply_refuse(&r->reply, 401, "session_over", "your session is over; sign in again");
	} else if (e) {
		request_store_failed(r, e, "session");
	} else if (r->method != HTTP_GET &&
		   !auth_is_own_page(r->headers.own_page, r->headers.origin, r->headers.host)) {
		reply_refuse(&r->reply, 403, "not_own_page",
			     "a change with a session's cookie must come from this hub's own page "
			     "(header X-Branchline: 1)");
	}
}

static void authenticate_bearer(struct request *r)
{
	uint64_t now = api_now_ms(r->api),
		 wait = auth_limit_wait_ms(&r->api->auth_limit, &r->remote, now);
	char text[ADDR_STR_SIZE];
	enum err e;

	if (wait) {
		reply_header(&r->reply, "Retry-After", "%llu",
			     (unsigned long long)(wait + 999) / 1000);
		reply_refuse(&r->reply, 429, "too_many_failures",
			     "too many failed attempts from your address");
		return;
	}
	e = auth_bearer(r->api->store, r->headers.authorization, clock_wall_ms(), &r->who);
	if (e == ERR_OK)
		return;
	if (e != ERR_AUTH && e != ERR_EXPIRED && e != ERR_REVOKED) {
		request_store_failed(r, e, "API token");
		return;
	}
	if (r->headers.authorization) {
		auth_limit_failed(&r->api->auth_limit, &r->remote, now);
		if (log_allowed(&r->api->log_limit))
			log_warn("api: refused a request from %s: %s",
				 addr_format(&r->remote, text), err_str(e));
	}
	refuse_bearer(r, e);
}

/* Known, but is this for them? */
static void authorise(struct request *r)
{
	enum role least = role_of_route(r->route);

	if (r->who.role < least)
		reply_refuse(&r->reply, 403, "role_too_low",
			     "this needs the role %s, and yours is %s", role_str(least),
			     role_str(r->who.role));
	else if (!role_scopes_allow(r->who.scopes, r->route))
		reply_refuse(&r->reply, 403, "scope_missing", "your API token is only for: %.200s",
			     r->who.scopes);
}

static void no_route(struct request *r, unsigned allowed)
{
	char allow[64];

	if (!allowed) {
		reply_refuse(&r->reply, 404, "not_found", "there is nothing at %.128s", r->path);
		return;
	}
	reply_header(&r->reply, "Allow", "%s", router_allow(allowed, allow, sizeof(allow)));
	reply_refuse(&r->reply, 405, "method_not_allowed", "this method is not for %.128s",
		     r->path);
}

/* Refuses by Content-Length a body that would not even be read to be thrown away. */
static void check_length(struct request *r)
{
	uint64_t n;

	if (r->headers.content_length &&
	    (!params_parse_uint(r->headers.content_length, UINT64_MAX, &n) ||
	     n > BODY_LENGTH_MAX_BYTES))
		reply_refuse(&r->reply, 413, "body_too_big", "a body has at most %u bytes",
			     BODY_MAX_BYTES);
}

bool request_begin(struct request *r)
{
	struct problem problem = { 0 };
	unsigned allowed;

	r->route = router_find(r->routes, r->method, r->path, &allowed, r->param);
	if ((r->route && !(r->route->flags & ROUTE_OPEN)) ||
	    (!r->route && strncmp(r->path, "/api/", 5) == 0)) {
		if (r->peer)
			authenticate_unix(r);
		else if (!r->headers.authorization && auth_has_cookie(r->headers.cookie))
			authenticate_session(r);
		else
			authenticate_bearer(r);
	}
	if (r->reply.status)
		return true;
	if (r->route && !(r->route->flags & ROUTE_OPEN))
		authorise(r);
	if (r->reply.status)
		return true;
	if (!r->route)
		no_route(r, allowed);
	else if (params_check(&r->query, r->route->query, &problem))
		reply_problem(&r->reply, &problem);
	else
		check_length(r);
	return r->reply.status != 0;
}

bool request_may_go_on(struct request *r)
{
	struct auth_who who = { 0 };
	enum err e;

	if (r->peer)
		return true;
	if (!r->headers.authorization && auth_has_cookie(r->headers.cookie))
		e = auth_session(r->api->store, r->headers.cookie, clock_wall_ms(), &who);
	else
		e = auth_bearer(r->api->store, r->headers.authorization, clock_wall_ms(), &who);
	return e == ERR_OK && who.role >= role_of_route(r->route);
}

bool request_body(struct request *r, const void *p, size_t n)
{
	r->body_bytes += n;
	if (r->body_bytes > FRAMING_BODY_MAX_BYTES)
		return false;
	return r->body_bytes > BODY_MAX_BYTES || buf_put(&r->body, p, n) == ERR_OK;
}

/* True for application/json, with or without parameters. */
static bool type_is_json(const char *type)
{
	size_t n = sizeof(JSON_TYPE) - 1;

	return type && strncasecmp(type, JSON_TYPE, n) == 0 && strchr("; \t", type[n]);
}

/* Reads the body into r->json, as the route's table wants it; otherwise answers. */
static enum err take_body(struct request *r)
{
	struct problem p = { 0 };
	enum err e = ERR_INVALID;

	if (r->body_bytes > BODY_MAX_BYTES)
		problem_set(&p, 413, "body_too_big", NULL, "a body has at most %u bytes",
			    BODY_MAX_BYTES);
	else if (!r->route->body && r->body_bytes)
		problem_set(&p, 400, "body_unexpected", NULL, "no body is taken here");
	else if (r->route->body && r->body_bytes && !type_is_json(r->headers.content_type))
		problem_set(&p, 415, "not_json", NULL,
			    "the body must be sent as Content-Type: " JSON_TYPE);
	else if (r->route->body_required && !r->body_bytes)
		problem_set(&p, 400, "body_missing", NULL, "a JSON object is needed in the body");
	else
		e = ERR_OK;
	if (!e && r->route->body) {
		e = body_parse(buf_data(&r->body), buf_len(&r->body), &r->json, &p);
		if (!e)
			e = body_check(r->json, r->route->body, r->route->n_body, &p);
	}
	if (e)
		reply_problem(&r->reply, &p);
	return e;
}

/* Gives a GET's answer its ETag, and answers 304 when the client has it already. */
static void conditional_get(struct request *r)
{
	char etag[REPLY_ETAG_SIZE];

	if (r->reply.status != 200)
		return;
	if (r->reply.fixed)
		reply_etag(r->reply.fixed, r->reply.fixed_len, etag);
	else
		reply_etag(buf_data(&r->reply.body), buf_len(&r->reply.body), etag);
	reply_header(&r->reply, "ETag", "%s", etag);
	if (r->headers.if_none_match && reply_etag_matches(r->headers.if_none_match, etag, true)) {
		buf_clear(&r->reply.body);
		r->reply.fixed = NULL;
		r->reply.status = 304;
	}
}

/* What a request asks for, as text: method, path and query. */
static enum err describe_target(const struct request *r, struct buf *out)
{
	enum err e = buf_printf(out, "%s %s", router_method_str(r->route->method), r->path);

	for (unsigned i = 0; i < r->query.n && !e; i++)
		e = buf_printf(out, "\n%s=%s", r->query.args[i].name, r->query.args[i].value);
	return e;
}

/* Makes the request's identity from its Idempotency-Key. False: the key is no good, answered. */
static bool make_id(struct request *r, struct idempotency_id *id)
{
	const char *key = r->headers.idempotency_key;
	struct buf target;
	bool ok = strlen(key) >= 1 && strlen(key) <= IDEMPOTENCY_KEY_MAX_CHARS;

	buf_init(&target, 16384);
	if (!ok || describe_target(r, &target) != ERR_OK || !buf_cstr(&target)) {
		reply_refuse(&r->reply, 400, "idempotency_key_invalid",
			     "an Idempotency-Key has 1 to %u characters",
			     IDEMPOTENCY_KEY_MAX_CHARS);
		ok = false;
	} else {
		idempotency_make_id(r->who.actor, key, buf_cstr(&target), buf_data(&r->body),
				    buf_len(&r->body), id);
	}
	buf_fini(&target);
	return ok;
}

/* Has the request waited for a hash, and is it no longer for whom it began? Then answered. */
static bool rights_are_gone(struct request *r)
{
	if (!hashing_asked(r) || (r->route->flags & ROUTE_OPEN) || request_may_go_on(r))
		return false;
	reply_refuse(&r->reply, 401, "session_over", "your rights have ended in the meantime");
	return true;
}

/* Runs a handler at most once for one Idempotency-Key. */
static void run_once(struct request *r)
{
	struct idempotency *table = r->api->idempotency;
	uint64_t now = api_now_ms(r->api);
	struct idempotency_id id;
	enum err e;

	if (!make_id(r, &id))
		return;
	e = idempotency_find(table, &id, now, &r->reply);
	if (e == ERR_CONFLICT) {
		reply_refuse(&r->reply, 422, "idempotency_key_reused",
			     "this Idempotency-Key came with another request");
		return;
	}
	if (e == ERR_NOTFOUND) {
		r->route->handle(r);
		/* One that waits is run again, and then finds what its twin was answered. */
		if (r->reply.status && r->reply.status < 500)
			idempotency_put(table, &id, now, &r->reply);
	} else if (e) {
		request_store_failed(r, e, "answer");
	}
}

void request_run(struct request *r)
{
	struct problem p = { 0 };

	if (rights_are_gone(r) || (!hashing_asked(r) && take_body(r)))
		return;
	if (r->route->method != HTTP_GET && params_bool(&r->query, "dry_run", &r->dry_run, &p)) {
		reply_problem(&r->reply, &p);
		return;
	}
	if ((r->route->flags & ROUTE_ONCE) && r->headers.idempotency_key && !r->dry_run)
		run_once(r);
	else
		r->route->handle(r);
	if (r->route->flags & ROUTE_ETAG)
		conditional_get(r);
	BUG_ON(!r->reply.status && !r->wait.waiting && !r->echoes.waiting && !r->order.waiting &&
	       !hashing_waits(r));
}

struct change request_change(struct request *r)
{
	return (struct change){ .store = r->api->store,
				.actor = r->who.actor,
				.dry_run = r->dry_run };
}

void request_change_failed(struct request *r, enum err e, const struct change *c)
{
	struct problem p = { 0 };

	problem_from_change(&p, e, c);
	if (p.status >= 500)
		log_warn("api: a change by %s failed: %s (%s)", r->who.actor, p.detail, err_str(e));
	reply_problem(&r->reply, &p);
}

void request_store_failed(struct request *r, enum err e, const char *what)
{
	struct problem p = { 0 };

	problem_from_store(&p, e, what);
	if (p.status >= 500 && log_allowed(&r->api->log_limit))
		log_warn("api: %s (%s)", p.detail, store_error(r->api->store));
	reply_problem(&r->reply, &p);
}

bool request_if_match(struct request *r, json_t *current)
{
	char etag[REPLY_ETAG_SIZE];
	bool ok = true;

	if (r->headers.if_match) {
		reply_etag_json(current, etag);
		ok = reply_etag_matches(r->headers.if_match, etag, false);
	}
	json_decref(current);
	if (!ok)
		reply_refuse(&r->reply, 412, "precondition_failed",
			     "it was changed since you read it (If-Match does not name its present "
			     "state)");
	return ok;
}

void request_changed(struct request *r, unsigned status, const struct change *c, const char *noun,
		     json_t *item)
{
	char etag[REPLY_ETAG_SIZE];
	json_t *j =
		json_pack("{s:I, s:b}", "revision", (json_int_t)c->revision, "dry_run", c->dry_run);

	if (item && reply_etag_json(item, etag)[0])
		reply_header(&r->reply, "ETag", "%s", etag);
	if (item && (!j || json_object_set_new(j, noun, item) < 0)) {
		json_decref(j);
		j = NULL;
	}
	reply_json(&r->reply, c->dry_run ? 200 : status, j);
	if (!c->dry_run)
		api_nudge_revision(r->api, c->revision);
}

enum err request_id(struct request *r, const char *what, uint32_t *out)
{
	uint64_t id;

	if (!params_parse_uint(r->param, UINT32_MAX, &id) || id == 0) {
		reply_refuse(&r->reply, 404, "not_found", "there is no %s %s", what, r->param);
		return ERR_NOTFOUND;
	}
	*out = (uint32_t)id;
	return ERR_OK;
}
