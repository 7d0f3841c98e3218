/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file of tinc's hosts/, as somebody else has written it. */
#include <stdint.h>

#include "shared/conf/tincnet.h"
#include "shared/base/hostport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tincnet n = { .self = "hq" };

	if (tincnet_parse_host(&n, "oslo", "hosts/oslo", (const char *)data, size) == ERR_OK) {
		const struct tinc_host *h = &n.hosts[0];

		BUG_ON(n.n_hosts != 1 || tincnet_is_self(&n, h));
		for (size_t i = 0; i < h->n_endpoints; i++)
			BUG_ON(!hostport_is_line(h->endpoints[i]));
		for (size_t i = 0; i < h->n_subnets; i++)
			BUG_ON(h->subnets[i].weight > SUBNET_WEIGHT_MAX);
	}
	tincnet_fini(&n);
	return 0;
}
