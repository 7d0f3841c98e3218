/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/change_hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hub/change_step.h"
#include "shared/wire/limits.h"

#define RUN_SETTING "hub_run" /* the last run that was told of */

/* Is this the run that was told of last? */
static enum err is_known(struct change *c, const char *run, bool *known)
{
	const char *last;
	struct buf b;
	enum err e;

	buf_init(&b, 64);
	e = store_setting_get(c->store, RUN_SETTING, &b);
	last = e ? NULL : buf_cstr(&b);
	*known = last && strcmp(last, run) == 0;
	buf_fini(&b);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err started(struct change *c, const char *hub, int64_t run_ms)
{
	char run[24];
	bool known;
	enum err e;

	snprintf(run, sizeof(run), "%" PRId64, run_ms);
	e = is_known(c, run, &known);
	if (e || known)
		return e;
	e = store_setting_put(c->store, RUN_SETTING, run);
	return e ? e
		 : change_audit(c, "hub.started", "hub", hub,
				json_pack("{s:s}", "version", BRANCHLINE_VERSION));
}

enum err change_hub_started(struct change *c, const char *hub, int64_t run_ms)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, started(c, hub, run_ms));
}

enum err change_hub_backup(struct change *c, const char *hub, const char *file)
{
	enum err e = change_begin(c);

	return e ? e
		 : change_end(c, change_audit(c, "backup.created", "hub", hub,
					      json_pack("{s:s}", "file", file)));
}

static enum err revocation(struct change *c, const struct change_hub_revocation *in)
{
	bool all = in->applied >= in->online;
	enum err e = store_revocation_settle(c->store, in->revision,
					     all ? REVOCATION_APPLIED : REVOCATION_EXPIRED,
					     in->online, in->applied);

	if (e)
		return e;
	return change_audit(
		c, all ? "revocation.confirmed" : "revocation.unconfirmed", "node", in->node,
		json_pack("{s:I, s:I, s:I, s:I, s:I}", "id", (json_int_t)in->node_id, "revision",
			  (json_int_t)in->revision, "online", (json_int_t)in->online, "applied",
			  (json_int_t)in->applied, "elapsed_ms", (json_int_t)in->elapsed_ms));
}

enum err change_hub_revocation(struct change *c, const struct change_hub_revocation *in)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, revocation(c, in));
}
