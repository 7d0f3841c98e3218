-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- The hub's own identity key on its way to be replaced: at most one row, and none while nothing is under way. The private key is in
-- identity.key.next; which of the two is in force `keys` says, where the new one comes when the hub switches.

CREATE TABLE hub_identity (
	one		INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
	state		INTEGER NOT NULL CHECK (state BETWEEN 1 AND 2),	-- enum hub_identity_state: asked for, announced
	overlap_s	INTEGER NOT NULL CHECK (overlap_s > 0),
	requested_by	TEXT NOT NULL CHECK (length(requested_by) BETWEEN 1 AND 63),
	requested_ms	INTEGER NOT NULL CHECK (requested_ms > 0),
	public_key	BLOB CHECK (length(public_key) = 32),		-- the next one
	signature	BLOB CHECK (length(signature) = 64),		-- by the present one
	tunnel_sig	BLOB CHECK (length(tunnel_sig) = 64),		-- by the next one, over the hub's tunnel key
	announced_ms	INTEGER CHECK (announced_ms > 0),
	until_ms	INTEGER CHECK (until_ms > 0),			-- the hub switches
	CHECK ((state = 2) = (public_key IS NOT NULL)),
	CHECK ((public_key IS NULL) = (signature IS NULL)),
	CHECK ((public_key IS NULL) = (tunnel_sig IS NULL)),
	CHECK ((public_key IS NULL) = (announced_ms IS NULL)),
	CHECK ((public_key IS NULL) = (until_ms IS NULL))
) STRICT;

-- Which identity keys of the hub a spoke has confirmed: it has them on its disk, or has proved it by a link. Rows of keys that are neither
-- in force nor announced any more are removed.
CREATE TABLE hub_identity_known (
	node_id		INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
	public_key	BLOB NOT NULL CHECK (length(public_key) = 32),
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0),
	PRIMARY KEY (node_id, public_key)
) STRICT, WITHOUT ROWID;
