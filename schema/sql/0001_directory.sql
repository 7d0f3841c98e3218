-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- The directory database (directory.db): the durable facts of one network. Read and written by hub/store only.
--
-- Conventions of every table
--   *_ms          wall clock, milliseconds since 1970 UTC; NULL means "has not happened" or "never".
--   booleans      0 or 1.
--   addresses     BLOB in network byte order, 4 bytes IPv4 or 16 bytes IPv6, so that memcmp order is address order.
--   ids           AUTOINCREMENT: never used again, also not after a row is gone.
--   numbers       of kinds and states are those of the C enums named beside them, and never change their meaning.

PRAGMA application_id = 1651270770;	-- "bldr": tells this file from any other SQLite database

-- What is true of the whole network: "network", "hub_id", "pool4", "pool6", "mtu", "keepalive", "udp_port", "hub_addresses".
-- An absent row means "none" (a network without IPv6 has no "pool6").
CREATE TABLE settings (
	key		TEXT NOT NULL PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 64),
	value		TEXT NOT NULL CHECK (length(value) <= 16384)
) STRICT, WITHOUT ROWID;

-- Every change of the directory has a number. A row of `nodes` carries the number of its last change, which is how deltas are found.
CREATE TABLE revisions (
	revision	INTEGER PRIMARY KEY AUTOINCREMENT,
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0),
	actor		TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 63),
	what		TEXT NOT NULL CHECK (length(what) <= 255)
) STRICT;

-- Groups of nodes, for policy. `bit` is the group's place in the 64-bit sets that the link and the engine carry.
CREATE TABLE groups (
	bit		INTEGER PRIMARY KEY CHECK (bit BETWEEN 0 AND 63),
	name		TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63 AND name NOT GLOB '*[^A-Za-z0-9_.-]*'),
	comment		TEXT NOT NULL DEFAULT '' CHECK (length(comment) <= 255),
	created_ms	INTEGER NOT NULL DEFAULT 0 CHECK (created_ms >= 0)
) STRICT;

-- A row allows nodes of one group to talk to nodes of the other, in either direction: whoever may send must be able to get answers.
CREATE TABLE policies (
	from_group	INTEGER NOT NULL REFERENCES groups (bit) ON DELETE CASCADE,
	to_group	INTEGER NOT NULL REFERENCES groups (bit) ON DELETE CASCADE,
	created_ms	INTEGER NOT NULL DEFAULT 0 CHECK (created_ms >= 0),
	PRIMARY KEY (from_group, to_group)
) STRICT, WITHOUT ROWID;
CREATE INDEX policies_to ON policies (to_group, from_group);

-- What a new network starts with: one group, everybody in it may talk to everybody.
INSERT INTO groups (bit, name, comment) VALUES (0, 'default', 'every new node');
INSERT INTO policies (from_group, to_group) VALUES (0, 0);

-- Members of the network. A deleted node stays as a tombstone (status 5), so that spokes which were away learn that it is gone.
CREATE TABLE nodes (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	name		TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 63 AND name NOT GLOB '*[^A-Za-z0-9_.-]*'),
	kind		INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),		-- enum node_kind: hub, spoke, wireguard
	status		INTEGER NOT NULL CHECK (status BETWEEN 1 AND 5),	-- enum node_status: invited, active, disabled, revoked, deleted
	revision	INTEGER NOT NULL CHECK (revision >= 0),			-- of its last change
	aes		INTEGER NOT NULL DEFAULT 0 CHECK (aes IN (0, 1)),	-- its CPU has AES instructions: decides the cipher
	compression	INTEGER NOT NULL DEFAULT 0 CHECK (compression BETWEEN 0 AND 11),
	keepalive_s	INTEGER NOT NULL DEFAULT 0 CHECK (keepalive_s BETWEEN 0 AND 65535),
	address4	BLOB UNIQUE CHECK (length(address4) = 4),		-- its own addresses in the network
	address6	BLOB UNIQUE CHECK (length(address6) = 16),
	comment		TEXT NOT NULL DEFAULT '' CHECK (length(comment) <= 255),
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	updated_ms	INTEGER NOT NULL CHECK (updated_ms > 0),
	revoked_ms	INTEGER CHECK (revoked_ms > 0),
	revoked_why	TEXT NOT NULL DEFAULT '' CHECK (length(revoked_why) <= 255),
	CHECK (status <> 5 OR (address4 IS NULL AND address6 IS NULL))		-- a tombstone holds nothing that others may want
) STRICT;
CREATE UNIQUE INDEX nodes_name ON nodes (name) WHERE status <> 5;	-- the name of a deleted node is free again
CREATE INDEX nodes_revision ON nodes (revision, id);			-- "what changed after revision n"
CREATE INDEX nodes_kind_status ON nodes (kind, status, id);		-- "all active spokes"

-- Configured addresses of a node in the outside world, in the order in which they are tried: "host port".
CREATE TABLE node_endpoints (
	node_id		INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
	position	INTEGER NOT NULL CHECK (position BETWEEN 0 AND 7),
	endpoint	TEXT NOT NULL CHECK (length(endpoint) BETWEEN 3 AND 263),
	PRIMARY KEY (node_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_groups (
	node_id		INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
	group_bit	INTEGER NOT NULL REFERENCES groups (bit) ON DELETE CASCADE,
	PRIMARY KEY (node_id, group_bit)
) STRICT, WITHOUT ROWID;
CREATE INDEX node_groups_group ON node_groups (group_bit, node_id);

-- One-time invitations. Only a hash of the secret is kept: who reads this table cannot join.
CREATE TABLE join_tokens (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	node_id		INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,	-- the node that it lets in
	hash		BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),		-- SHA-256 of the 16-byte secret
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	expires_ms	INTEGER CHECK (expires_ms > 0),
	revoked_ms	INTEGER CHECK (revoked_ms > 0),
	used_ms		INTEGER CHECK (used_ms > 0),				-- the last use
	uses		INTEGER NOT NULL DEFAULT 0 CHECK (uses >= 0),
	uses_max	INTEGER NOT NULL DEFAULT 1 CHECK (uses_max BETWEEN 1 AND 1000000),
	created_by	TEXT NOT NULL DEFAULT '' CHECK (length(created_by) <= 63),
	-- The identity key that the node had when the token was made, which a join with it may replace. When another key is current by
	-- then, somebody else has joined under this name meanwhile, and the token is refused.
	replaces_key	INTEGER REFERENCES keys (id),
	CHECK (uses <= uses_max)
) STRICT;
CREATE INDEX join_tokens_node ON join_tokens (node_id);

-- Every public key that any node ever had. A key is never deleted and never accepted a second time.
CREATE TABLE keys (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	node_id		INTEGER NOT NULL REFERENCES nodes (id),
	kind		INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 2),		-- enum key_kind: identity (Ed25519), tunnel (X25519)
	status		INTEGER NOT NULL CHECK (status BETWEEN 1 AND 3),	-- enum key_status: current, retired, revoked
	public_key	BLOB NOT NULL CHECK (length(public_key) = 32),
	fingerprint	BLOB NOT NULL CHECK (length(fingerprint) = 32),		-- SHA-256 of the public key
	signature	BLOB CHECK (length(signature) = 64),			-- tunnel: by the identity key; identity: by the one before
	unbroken	INTEGER NOT NULL DEFAULT 1 CHECK (unbroken IN (0, 1)),	-- the first of its node, or vouched for by the one before
	token_id	INTEGER REFERENCES join_tokens (id) ON DELETE SET NULL,	-- the join that brought it
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	expires_ms	INTEGER CHECK (expires_ms > 0),
	revoked_ms	INTEGER CHECK (revoked_ms > 0),
	revoked_why	TEXT NOT NULL DEFAULT '' CHECK (length(revoked_why) <= 255),
	UNIQUE (kind, public_key),
	CHECK ((status = 3) = (revoked_ms IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX keys_current ON keys (node_id, kind) WHERE status = 1;	-- at most one current key of each kind
CREATE INDEX keys_node ON keys (node_id, id);
CREATE INDEX keys_fingerprint ON keys (fingerprint);

-- Prefixes that live behind a node. The same prefix on two nodes is fail-over: the lower weight that can be reached wins.
CREATE TABLE subnets (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	node_id		INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
	family		INTEGER NOT NULL CHECK (family IN (4, 6)),
	first		BLOB NOT NULL CHECK (length(first) = CASE family WHEN 4 THEN 4 ELSE 16 END),	-- the network address
	length		INTEGER NOT NULL CHECK (length BETWEEN 0 AND length(first) * 8),		-- of the prefix, bits
	weight		INTEGER NOT NULL DEFAULT 10 CHECK (weight BETWEEN 0 AND 65535),
	status		INTEGER NOT NULL CHECK (status BETWEEN 1 AND 2),	-- enum subnet_status: proposed by a spoke, approved
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	UNIQUE (node_id, family, first, length)
) STRICT;
CREATE INDEX subnets_prefix ON subnets (family, first, length);		-- overlaps are looked up by range of `first`

-- Bearer tokens of the REST API. Only hashes, as with join tokens.
CREATE TABLE api_tokens (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	name		TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 63 AND name NOT GLOB '*[^A-Za-z0-9_.-]*'),
	hash		BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),		-- SHA-256 of the token's text
	role		TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'auditor')),
	scopes		TEXT NOT NULL DEFAULT '' CHECK (length(scopes) <= 255),	-- space-separated; empty: all that the role may
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	expires_ms	INTEGER CHECK (expires_ms > 0),
	revoked_ms	INTEGER CHECK (revoked_ms > 0),
	used_ms		INTEGER CHECK (used_ms > 0)				-- about when it was last used
) STRICT;
CREATE UNIQUE INDEX api_tokens_name ON api_tokens (name) WHERE revoked_ms IS NULL;

-- Who did what, for ever. hash = SHA-256(previous || canonical bytes of the row), previous = the hash of the row before (zeros for
-- the first), so that a row cannot be altered, inserted or taken out without breaking every hash after it. Ids have no gaps.
CREATE TABLE audit (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0),
	actor		TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 63),	-- "unix:root", "token:ci", "node:oslo"
	action		TEXT NOT NULL CHECK (length(action) BETWEEN 1 AND 63),	-- "node.revoke"
	object		TEXT NOT NULL CHECK (length(object) <= 255),		-- "node:oslo"
	detail		TEXT NOT NULL CHECK (length(detail) <= 65535),		-- a JSON object, without secrets
	previous	BLOB NOT NULL CHECK (length(previous) = 32),
	hash		BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_action ON audit (action, at_ms);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE (ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE (ABORT, 'the audit log is append-only'); END;
