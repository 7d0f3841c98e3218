/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/reason.h"

static enum path_reason reason_to_hub(const struct choice *c, const struct reason_facts *f)
{
	if (c->way != CHOICE_FALLBACK)
		return PATH_REASON_VALIDATED;
	return f->tcp_only ? PATH_REASON_TCP_ONLY : PATH_REASON_UDP_BLOCKED;
}

/* No candidate has answered: why may that be? */
static enum path_reason reason_silent(const struct choice *c, const struct reason_facts *f)
{
	if (f->hub_tcp)
		return PATH_REASON_UDP_BLOCKED;
	if (f->peer_tcp)
		return PATH_REASON_PEER_TCP;
	if (!c->searched)
		return PATH_REASON_PROBING;
	if (!c->n)
		return PATH_REASON_NO_CANDIDATES;
	if (f->own_nat == NAT_HARD && f->peer_nat == NAT_HARD)
		return PATH_REASON_NAT_BOTH_HARD;
	return PATH_REASON_SILENT;
}

enum path_reason reason_of_choice(const struct choice *c, const struct reason_facts *f)
{
	if (c->set.to_hub)
		return reason_to_hub(c, f);
	if (c->way >= 0)
		return PATH_REASON_VALIDATED;
	if (c->set.policy == PATH_POLICY_HUB_ONLY)
		return PATH_REASON_POLICY;
	if (c->way == CHOICE_NONE)
		return PATH_REASON_DIRECT_ONLY;
	if (f->tcp_only)
		return PATH_REASON_TCP_ONLY;
	if (c->limited)
		return PATH_REASON_LIMIT;
	if (c->idle)
		return PATH_REASON_IDLE;
	if (c->slower)
		return PATH_REASON_DIRECT_SLOWER;
	if (c->lost)
		return PATH_REASON_DIRECT_LOST;
	if (c->state == CHOICE_REST && !c->searched)
		return PATH_REASON_RELAYED;
	return reason_silent(c, f);
}
