/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* answer: a question and the zone become a reply. Pure. */
#include "shared/dns/zone.h"

/* How long an answer, and the word that there is none, may be kept: names of nodes change rarely,
 * and whoever moves one does not want to wait. */
#define ANSWER_TTL_S 60u

/*
 * Writes the reply into `out` of `cap` >= DNS_UDP_BYTES bytes and returns its length. `asker` is
 * whose eyes the zone is seen with; NULL: a stranger, who is refused everything.
 */
size_t answer_query(const struct zone *z, const struct zone_node *asker, const struct dns_query *q,
		    uint8_t *out, size_t cap);
