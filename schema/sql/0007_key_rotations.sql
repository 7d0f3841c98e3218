-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Keys on their way to be replaced: what an admin (or their age) asks of a node, and what the node has proposed. A row goes when the
-- new keys are in `keys`, where the ones of before are retired with `expires_ms`, until which they are still taken.

CREATE TABLE key_rotations (
	node_id		INTEGER NOT NULL PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
	state		INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),	-- enum rotation_state: requested, proposed, refused
	keys		INTEGER NOT NULL CHECK (keys BETWEEN 1 AND 3),	-- bits: 1 identity, 2 tunnel
	requested_by	TEXT NOT NULL CHECK (length(requested_by) BETWEEN 1 AND 63),
	requested_ms	INTEGER NOT NULL CHECK (requested_ms > 0),
	proposed_ms	INTEGER CHECK (proposed_ms > 0),
	identity_key	BLOB CHECK (length(identity_key) = 32),
	identity_sig	BLOB CHECK (length(identity_sig) = 64),		-- by the identity key of before
	tunnel_key	BLOB CHECK (length(tunnel_key) = 32),
	tunnel_sig	BLOB CHECK (length(tunnel_sig) = 64),		-- by the identity key that it goes with
	CHECK ((proposed_ms IS NULL) = (tunnel_key IS NULL)),
	CHECK ((tunnel_key IS NULL) = (tunnel_sig IS NULL)),
	CHECK ((identity_key IS NULL) = (identity_sig IS NULL))
) STRICT;
