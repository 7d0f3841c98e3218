/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/dns_role.h"

#include "hub/config.h"
#include "shared/dns/dns_role.h"

static enum err load(void *config, void **state)
{
	const struct hub_config *c = config;
	const struct dns_params params = { .net = c->paths.net, .interface = c->interface };

	return dns_role_load(&params, state);
}

const struct worker_role_ops *hub_dns_role(void)
{
	static struct worker_role_ops ops;

	ops = dns_role_ops;
	ops.load = load;
	return &ops;
}
