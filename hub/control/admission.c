/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/admission.h"

#include <stdlib.h>
#include <string.h>

#include "shared/wire/limits.h"

#define IPV6_HOST_BYTES 8 /* one customer has at least a /64: its addresses count as one */

enum err admission_init(struct admission *a, uint64_t now_ms)
{
	memset(a, 0, sizeof(*a));
	bucket_init(&a->tls, LINK_TLS_PER_S, LINK_TLS_PER_S, now_ms);
	return table_init(&a->sources, TABLE_KEY(struct admission_source, by_net, net));
}

void admission_fini(struct admission *a)
{
	BUG_ON(a->sources.count);
	table_fini(&a->sources);
}

uint64_t admission_wait_ms(struct admission *a, uint64_t now_ms)
{
	if (a->n_tls >= LINK_TLS_PENDING_MAX)
		return UINT64_MAX;
	return bucket_wait_ms(&a->tls, now_ms);
}

static void source_key(const struct addr *from, uint8_t net[17])
{
	memset(net, 0, 17);
	net[0] = from->family;
	memcpy(net + 1, from->b, from->family == AF_INET ? 4 : IPV6_HOST_BYTES);
}

enum err admission_enter(struct admission *a, const struct addr *from, uint64_t now_ms,
			 struct admission_source **src)
{
	uint8_t net[17];

	source_key(from, net);
	struct table_node *n = table_find(&a->sources, net);
	struct admission_source *s = n ? container_of(n, struct admission_source, by_net) : NULL;

	if (s && s->n_strangers >= LINK_UNAUTHENTICATED_PER_SOURCE)
		return ERR_LIMIT;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return ERR_NOMEM;
		memcpy(s->net, net, sizeof(net));
		enum err e = table_insert(&a->sources, &s->by_net);
		if (e) {
			free(s);
			return e;
		}
	}
	(void)bucket_take(&a->tls, now_ms);
	s->n_strangers++;
	a->n_strangers++;
	a->n_tls++;
	*src = s;
	return ERR_OK;
}

void admission_tls_done(struct admission *a)
{
	BUG_ON(a->n_tls == 0);
	a->n_tls--;
}

void admission_leave(struct admission *a, struct admission_source *src)
{
	BUG_ON(a->n_strangers == 0 || src->n_strangers == 0);
	a->n_strangers--;
	if (--src->n_strangers)
		return;
	table_remove(&a->sources, &src->by_net);
	free(src);
}
