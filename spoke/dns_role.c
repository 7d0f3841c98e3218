/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/dns/dns_role.h"
#include "spoke/config.h"
#include "spoke/roles.h"

static enum err load(void *config, void **state)
{
	const struct spoke_config *c = config;
	const struct dns_params params = { .net = c->paths.net, .interface = c->interface };

	return dns_role_load(&params, state);
}

const struct worker_role_ops *spoke_dns_role(void)
{
	static struct worker_role_ops ops;

	ops = dns_role_ops;
	ops.load = load;
	return &ops;
}
