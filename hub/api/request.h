/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * request: one HTTP request from its head to its answer, without the HTTP library.
 *
 *   1. request_init(), then the caller fills what "from the caller" lists
 *   2. request_begin(): route, authentication, query. True: it is answered already, do not read a
 * body
 *   3. request_body() for each piece of the body
 *   4. request_run(): body, idempotency, handler. Afterwards either r->reply.status is set, or
 * r->wait.waiting: server_look() will answer; or r->echoes.waiting: server_echoed() will; or
 * r->order.waiting: server_ordered() will; or
 * hashing_waits(): server_go_on() will have it run once more
 *   5. request_fini()
 */
#include "hub/api/auth.h"
#include "hub/api/echoes.h"
#include "hub/api/order_waits.h"
#include "hub/api/params.h"
#include "hub/api/reply.h"
#include "hub/api/router.h"
#include "hub/api/waits.h"

struct api;
struct hashing_job;

struct request_headers {
	const char *authorization; /* each may be NULL */
	const char *if_match;
	const char *if_none_match;
	const char *idempotency_key;
	const char *content_type;
	const char *content_length;
	const char *cookie;
	const char *own_page; /* X-Branchline */
	const char *origin;
	const char *host;
	const char *last_event_id;
	const char *accept_encoding;
};

/* A request whose answer never ends (events.h, logs.h). */
struct event_stream {
	struct list link;
	bool open;
	bool beat;                /* something must be sent, and the listener looked at */
	uint64_t audit, presence; /* the last that it was told */
	uint64_t revision;
	uint32_t applied, online; /* of that revision, as told */

	/* Of the log (logs.h); `open` is then false. */
	bool of_log;
	int level;
	struct buf lines; /* made, not sent */
	uint64_t lost;    /* since the last of them */
};

struct request {
	/* from the caller */
	struct api *api;
	const struct route_table *routes;
	unsigned method;  /* as router_method() says */
	const char *path; /* decoded, without the query */
	struct params query;
	struct request_headers headers;
	const struct auth_peer *peer; /* UNIX socket; NULL for HTTPS */
	struct addr remote;           /* HTTPS */
	void *connection;             /* the server's own */

	/* made here */
	struct auth_who who;
	const struct route *route;
	char param[ROUTE_PARAM_SIZE];
	struct buf body;
	uint64_t body_bytes; /* all that came, kept or not */
	json_t *json;        /* the body, held against route->body */
	bool dry_run;
	struct reply reply;
	struct wait wait;
	uint64_t wait_revision;
	bool wait_receipts; /* answer with a receipt of each node */
	uint32_t wait_except;
	struct echoes_wait echoes;
	bool connects; /* the echoes are to make a session: sessions_echoed() */
	struct order_wait order;
	bool asleep; /* the answer comes later, and is no measure of our own speed */
	struct hashing_job *hashing; /* hashing.h; NULL: nothing is hashed */
	struct event_stream stream;
};

void request_init(struct request *r);
void request_fini(struct request *r);
bool request_begin(struct request *r) must_check;
/* False: the client sends without end; close the connection. */
bool request_body(struct request *r, const void *p, size_t n) must_check;
void request_run(struct request *r);

/* For one that lasts: would it still be let in, with at least the rights that it had? */
bool request_may_go_on(struct request *r) must_check;

/* --- for handlers --- */

/* A change on behalf of this request's actor. */
struct change request_change(struct request *r);
/* Answers a failed change. */
void request_change_failed(struct request *r, enum err e, const struct change *c);
/* Answers a failed read; `what` was looked for. */
void request_store_failed(struct request *r, enum err e, const char *what);
/* If-Match against the present state of the item (a new reference, taken over). False: answered by
 * 412. */
bool request_if_match(struct request *r, json_t *current) must_check;
/*
 * Answers a change of the directory: {revision, dry_run, `noun`: item} with the item's ETag, and
 * nudges control. `item` is taken over and may be NULL for what is gone, then `noun` is not used.
 * `status` is 200 or 201; a dry run always gets 200.
 */
void request_changed(struct request *r, unsigned status, const struct change *c, const char *noun,
		     json_t *item);
/* The number in the path's {id}; ERR_NOTFOUND when it is none (answered by 404). */
enum err request_id(struct request *r, const char *what, uint32_t *out) must_check;
