/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's engine and its movers: the shared ones, with the tunnel key from our own file. */
#include "hub/engine_role.h"

#include "hub/config.h"
#include "shared/keys/keys.h"
#include "shared/base/log.h"
#include "shared/tunnel/engine.h"
#include "shared/tunnel/mover.h"

static enum err load(void *config, void **state)
{
	const struct hub_config *c = config;
	struct engine_params params = { .crypto = c->crypto,
					.offload = c->offload,
					.workers = c->workers };
	enum err e = keys_read_secret(c->tunnel_key_file, &params.tunnel_key);

	if (!e)
		e = keys_read_next(c->tunnel_key_file, &params.next_key, &params.has_next_key);
	if (e)
		log_error("%s: %s", c->tunnel_key_file, err_str(e));
	else
		e = engine_load(&params, state);
	secret_zero(&params, sizeof(params));
	return e;
}

const struct worker_role_ops *hub_engine_role(void)
{
	static struct worker_role_ops ops;

	ops = engine_role_ops;
	ops.load = load;
	return &ops;
}

static enum err load_mover(void *config, void **state)
{
	const struct hub_config *c = config;
	const struct mover_params params = { .crypto = c->crypto,
					     .offload = c->offload,
					     .workers = c->workers };

	return mover_load(&params, state);
}

const struct worker_role_ops *hub_mover_role(unsigned number)
{
	static struct worker_role_ops ops[WORKERS_MAX - 1];

	BUG_ON(!number || number >= WORKERS_MAX);
	mover_roles(load_mover, ops);
	return &ops[number - 1];
}
