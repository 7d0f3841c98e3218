/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /log-level: how much the hub's processes log, until the next restart. */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/change_settings.h"
#include "shared/base/log.h"

static json_t *render(const struct request *r, int level)
{
	return json_pack("{s:i, s:i}", "level", level, "configured",
			 r->api->config ? r->api->config->log_level : 0);
}

void log_level_show(struct request *r) { reply_json(&r->reply, 200, render(r, log_level())); }

/* Control asks the monitor, which tells all processes, this one too. */
void log_level_set_hub(struct request *r)
{
	int level = (int)body_int(r->json, "level", 0);
	struct change c = request_change(r);
	enum err e;

	if (!request_if_match(r, render(r, log_level())))
		return;
	e = change_log_level(&c, log_level(), level);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	if (!r->dry_run) {
		log_set_level(level);
		api_nudge_log_level(r->api, level);
	}
	reply_json(&r->reply, 200, render(r, level));
}
