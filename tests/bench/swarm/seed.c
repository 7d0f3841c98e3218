/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nodes that have joined, made by the same changes as by an admin and a spoke. */
#include <stdio.h>
#include <string.h>

#include "hub/change.h"
#include "tests/bench/swarm/swarm.h"

#define FIRST_ADDRESS 0x0a400002u /* 10.64.0.2: the first one is the hub's */
#define FIRST_SUBNET  0x0a800000u /* 10.128.0.0 */

static struct addr v4(uint32_t a)
{
	return (struct addr){ .family = AF_INET,
			      .b = { (uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8),
				     (uint8_t)a } };
}

static enum err invite(struct change *c, unsigned n, struct node *out)
{
	const struct addr address = v4(FIRST_ADDRESS + n);
	const struct node_subnet subnet = {
		.prefix = { .addr = v4(FIRST_SUBNET + (n << 8)), .len = 24 },
		.weight = SUBNET_WEIGHT_DEFAULT,
	};
	char name[NAME_SIZE];
	const struct change_node_add in = { .name = name,
					    .kind = NODE_SPOKE,
					    .addresses = &address,
					    .n_addresses = 1,
					    .subnets = &subnet,
					    .n_subnets = 1 };

	snprintf(name, sizeof(name), "s%05u", n);
	return change_node_add(c, &in, out);
}

static enum err join(struct change *c, unsigned n, uint32_t id)
{
	struct change_join in = { .aes = keys_cpu_has_aes() };
	struct store_token token;
	struct node joined;
	struct keys k;
	enum err e = change_token_create(c, id, 0, 1, in.secret, &token);

	if (!e)
		e = swarm_keys(n, &k);
	if (e)
		return e;
	in.identity_key = k.identity_public;
	in.tunnel_key = k.tunnel_public;
	memcpy(in.tunnel_sig, k.tunnel_sig, sizeof(in.tunnel_sig));
	e = change_join(c, &in, &joined);
	if (!e)
		node_fini(&joined);
	return e;
}

enum err seed_run(const char *dir, unsigned n, uint64_t *revision)
{
	struct change c = { .actor = "bench" };
	enum err e = store_open(dir, &c.store);

	for (unsigned i = 0; i < n && !e; i++) {
		struct node made;

		e = invite(&c, i, &made);
		if (e)
			break;
		e = join(&c, i, made.id);
		node_fini(&made);
	}
	if (e)
		fprintf(stderr, "swarm: %s: %s %s\n", dir, err_str(e), c.detail);
	else
		e = store_revision_get(c.store, revision);
	store_close(c.store);
	return e;
}
