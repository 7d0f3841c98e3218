/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/fit.h"

#include "shared/tunnel/answer.h"
#include "shared/tunnel/fragment.h"
#include "shared/tunnel/session.h"

#define IPV6_MTU_MIN 1280u /* RFC 8200 section 5 */

enum fit fit_check(struct peer *to, struct peer *from, const uint8_t *packet,
		   const struct inner *in, size_t len)
{
	const uint16_t limit = to->pmtu.limit;
	const bool v6 = in->kind == INNER_IPV6;

	if (len <= limit || (v6 && len <= IPV6_MTU_MIN))
		return FIT_WHOLE;
	if (!in->dont_fragment)
		return FIT_CUT;
	tunnel_drop(to->tunnel, DROP_TOO_BIG);
	/* A host that is told less than 1280 would not make its packets smaller than that. */
	answer_too_big(to->tunnel, from, v6 && limit < IPV6_MTU_MIN ? IPV6_MTU_MIN : limit, packet,
		       in);
	return FIT_REFUSED;
}

void fit_cut(struct peer *to, uint8_t *packet, const struct inner *in, size_t len)
{
	struct inner whole = *in;
	struct fragmenter f;

	whole.total_len = len;
	if (fragment_begin(&f, packet, &whole, to->pmtu.limit)) {
		tunnel_drop(to->tunnel, DROP_MALFORMED);
		return;
	}
	while (fragment_next(&f, &packet, &len))
		session_send(to, packet, len, 0);
}
