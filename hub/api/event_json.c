/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/event_json.h"

#include <string.h>

#include "hub/api/params.h"
#include "hub/api/render.h"
#include "shared/ipc/engine_msg.h"

bool event_json_parse_id(const char *text, uint64_t *audit, uint64_t *presence)
{
	const char *dash = strchr(text, '-');
	char first[24];

	if (!dash || (size_t)(dash - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	return params_parse_uint(first, INT64_MAX, audit) &&
	       params_parse_uint(dash + 1, INT64_MAX, presence);
}

const char *event_json_presence_type(const struct store_presence_change *p)
{
	if (p->online == p->was_online)
		return "presence.path";
	return p->online ? "presence.up" : "presence.down";
}

enum err event_json_presence(struct store *s, const struct store_presence_change *p, json_t **out)
{
	struct node n;
	enum err e = store_node_get(s, p->node_id, &n, NULL);

	if (e)
		return e;
	*out = json_pack("{s:o, s:I, s:s, s:b, s:s}", "at", render_time(p->at_ms), "node_id",
			 (json_int_t)n.id, "node", n.name, "online", p->online, "path",
			 path_kind_str(p->path));
	node_fini(&n);
	return *out ? ERR_OK : ERR_NOMEM;
}
