-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- The hub's own tunnel key while it is being replaced: at most one row, and none while nothing is under way. From state 2 on the new key is the
-- hub's in `keys`, and both are good for whoever begins a handshake with the hub. The private key is in tunnel.key.next until the row goes.

CREATE TABLE hub_tunnel (
	one		INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
	state		INTEGER NOT NULL CHECK (state BETWEEN 1 AND 2),	-- enum hub_tunnel_state: asked for, overlap
	overlap_s	INTEGER NOT NULL CHECK (overlap_s > 0),
	requested_by	TEXT NOT NULL CHECK (length(requested_by) BETWEEN 1 AND 63),
	requested_ms	INTEGER NOT NULL CHECK (requested_ms > 0),
	old_key		BLOB CHECK (length(old_key) = 32),		-- the one of before
	in_force_ms	INTEGER CHECK (in_force_ms > 0),		-- since when the new one is the hub's
	until_ms	INTEGER CHECK (until_ms > 0),			-- spokes are waited for
	CHECK ((state = 2) = (old_key IS NOT NULL)),
	CHECK ((old_key IS NULL) = (in_force_ms IS NULL)),
	CHECK ((old_key IS NULL) = (until_ms IS NULL))
) STRICT;

-- Nodes that need the old key no more: they have had a session that was made with the new one, or are told of it and have none.
CREATE TABLE hub_tunnel_known (
	node_id		INTEGER NOT NULL PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0)
) STRICT;
