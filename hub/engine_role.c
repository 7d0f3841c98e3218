/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's engine: the shared one, with the tunnel key from our own file. */
#include "hub/engine_role.h"

#include "hub/config.h"
#include "shared/keys/keys.h"
#include "shared/base/log.h"
#include "shared/tunnel/engine.h"

static enum err load(void *config, void **state)
{
	const struct hub_config *c = config;
	struct engine_params params = { .crypto = c->crypto, .offload = c->offload };
	enum err e = keys_read_secret(c->tunnel_key_file, &params.tunnel_key);

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
