/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spoke's engine: the shared one, with the tunnel key from our own file. */
#include "shared/base/log.h"
#include "shared/tunnel/engine.h"
#include "spoke/config.h"
#include "shared/keys/keys.h"
#include "spoke/roles.h"

static enum err load(void *config, void **state)
{
	const struct spoke_config *c = config;
	struct engine_params params = { .crypto = c->crypto, .offload = c->offload };
	enum err e = keys_read_secret(c->tunnel_key_file, &params.tunnel_key);

	if (e)
		log_error("%s: %s", c->tunnel_key_file, err_str(e));
	else
		e = engine_load(&params, state);
	secret_zero(&params, sizeof(params));
	return e;
}

const struct worker_role_ops *spoke_engine_role(void)
{
	static struct worker_role_ops ops;

	ops = engine_role_ops;
	ops.load = load;
	return &ops;
}
