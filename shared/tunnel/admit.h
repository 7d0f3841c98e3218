/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* admit: what keeps a flood of handshake messages from costing us more than a hash each. */
#include "shared/tunnel/session.h"

/*
 * MACs, cookies, rates: may the costly part of an initiation or response begin? The key of ours
 * that it was made for; NULL: counted and dropped, or answered with a cookie.
 */
const struct own_key *admit_handshake(struct tunnel *t, const struct pkt *msg,
				      const struct session_source *from);
