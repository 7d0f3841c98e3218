-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- How nodes reach each other, as each of them tells: one row a direction, while the node that told it is connected. The hub's own row for a
-- node is its engine's view. At most PAIRS_MAX of limits.h, and one for each node from the hub. A row keeps its id for as long as it is there:
-- pages go by it.

CREATE TABLE pairs (
	id		INTEGER PRIMARY KEY,
	node_id		INTEGER NOT NULL CHECK (node_id BETWEEN 1 AND 4294967295),	-- who tells
	peer_id		INTEGER NOT NULL CHECK (peer_id BETWEEN 1 AND 4294967295 AND peer_id <> node_id),	-- about whom
	path		INTEGER NOT NULL CHECK (path BETWEEN 0 AND 255),		-- enum path_kind
	reason		INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 255),		-- enum path_reason
	endpoint	TEXT NOT NULL DEFAULT '' CHECK (length(endpoint) <= 63),	-- where its packets go; empty: none
	since_ms	INTEGER NOT NULL DEFAULT 0 CHECK (since_ms >= 0),		-- of this path and reason, by the clock of who tells; 0: not known
	handshake_ms	INTEGER NOT NULL DEFAULT 0 CHECK (handshake_ms >= 0),
	rx_bytes	INTEGER NOT NULL DEFAULT 0 CHECK (rx_bytes >= 0),
	tx_bytes	INTEGER NOT NULL DEFAULT 0 CHECK (tx_bytes >= 0),
	rtt_us		INTEGER NOT NULL DEFAULT 0 CHECK (rtt_us BETWEEN 0 AND 4294967295),
	loss_permille	INTEGER NOT NULL DEFAULT 0 CHECK (loss_permille BETWEEN 0 AND 1000),
	pmtu		INTEGER NOT NULL DEFAULT 0 CHECK (pmtu BETWEEN 0 AND 65535),	-- 0: not known
	told_ms		INTEGER NOT NULL DEFAULT 0 CHECK (told_ms >= 0),		-- when the hub heard it, by its own clock
	UNIQUE (node_id, peer_id)
) STRICT;
CREATE INDEX pairs_peer ON pairs (peer_id);

ALTER TABLE presence ADD COLUMN nat INTEGER NOT NULL DEFAULT 0 CHECK (nat BETWEEN 0 AND 255);	-- enum nat_mapping, as the node tells
