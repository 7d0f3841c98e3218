/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * admission: how many strangers may knock at once. A stranger is a connection that has not said who
 * it is. Pure: no I/O, `now_ms` is an argument.
 *
 *   what                       limit                             more
 *   TLS handshakes under way   LINK_TLS_PENDING_MAX              wait in the kernel's backlog
 *   TLS handshakes a second    LINK_TLS_PER_S                    wait in the kernel's backlog
 *   strangers                  LINK_UNAUTHENTICATED_MAX          take the place of the oldest
 *   ... of one IPv4 or /64     LINK_UNAUTHENTICATED_PER_SOURCE   are closed at once
 */
#include "hub/control/bucket.h"
#include "shared/base/addr.h"
#include "shared/base/table.h"

struct admission {
	struct table sources;
	struct bucket tls;
	unsigned n_tls; /* handshakes under way */
	unsigned n_strangers;
};

/* An address with strangers; counted, freed with its last one. */
struct admission_source {
	struct table_node by_net;
	uint8_t net[17]; /* family, then the address or its first 64 bits */
	unsigned n_strangers;
};

enum err admission_init(struct admission *a, uint64_t now_ms) must_check;
void admission_fini(struct admission *a);

/*
 * How long the listeners must rest: 0 when a connection may be accepted now; UINT64_MAX: until one
 * of those under way ends.
 */
uint64_t admission_wait_ms(struct admission *a, uint64_t now_ms);
/*
 * One more stranger, in its TLS handshake. ERR_LIMIT: too many of this address; ERR_NOMEM. `*src`
 * belongs to it until admission_leave().
 */
enum err admission_enter(struct admission *a, const struct addr *from, uint64_t now_ms,
			 struct admission_source **src) must_check;
/* Its TLS handshake is over, well or not. */
void admission_tls_done(struct admission *a);
/* It is no stranger any more, or gone. */
void admission_leave(struct admission *a, struct admission_source *src);
