/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/openapi.h"

void health_live(struct request *r)
{
	reply_json(&r->reply, 200, json_pack("{s:s}", "status", "ok"));
}

/* Ready: the database answers. */
void health_ready(struct request *r)
{
	uint64_t revision;
	enum err e = store_revision_get(r->api->store, &revision);

	if (e)
		reply_refuse(&r->reply, 503, "not_ready", "the database does not answer: %s",
			     err_str(e));
	else
		reply_json(&r->reply, 200, json_pack("{s:s}", "status", "ready"));
}

void health_openapi(struct request *r)
{
	r->reply.status = 200;
	r->reply.content_type = "application/json";
	r->reply.fixed = openapi_json;
	r->reply.fixed_len = openapi_json_len;
}
