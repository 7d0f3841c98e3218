/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* reason: why a peer's path is what its machine has made it. Pure. */
#include "shared/tunnel/choice.h"

/* What the reason depends on beyond the machine. */
struct reason_facts {
	enum nat_mapping own_nat, peer_nat;
	bool tcp_only;
	bool hub_tcp;  /* our way to the hub is the carrier */
	bool peer_tcp; /* and so is the peer's */
};
/* Why the way in use is what it is, for a peer with a session. */
enum path_reason reason_of_choice(const struct choice *c, const struct reason_facts *f);
