-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Identity keys that spokes hold back: nobody has vouched for them, and StrictKeys is set there (hello, held_keys). As each spoke told last. A row
-- whose key is not the peer's present one says nothing any more. A row keeps its id: pages go by it.

CREATE TABLE held_keys (
	id		INTEGER PRIMARY KEY,
	node_id		INTEGER NOT NULL CHECK (node_id BETWEEN 1 AND 4294967295),	-- who tells
	peer_id		INTEGER NOT NULL CHECK (peer_id BETWEEN 1 AND 4294967295 AND peer_id <> node_id),	-- whose key it is
	identity_key	BLOB NOT NULL CHECK (length(identity_key) = 32),
	told_ms		INTEGER NOT NULL CHECK (told_ms > 0),		-- when the hub heard it first
	UNIQUE (node_id, peer_id)
) STRICT;
CREATE INDEX held_keys_peer ON held_keys (peer_id);
