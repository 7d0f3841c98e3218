-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- A join token may be for a group instead of a node: whoever joins with it becomes a new node in that group. The table is made anew,
-- since node_id may be NULL now; migrations run with foreign keys off, so nothing that points here is touched.

CREATE TABLE join_tokens_new (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	node_id		INTEGER REFERENCES nodes (id) ON DELETE CASCADE,	-- the node that it lets in
	group_bit	INTEGER REFERENCES groups (bit) ON DELETE CASCADE,	-- or the group of the new nodes that it makes
	hash		BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),		-- SHA-256 of the 16-byte secret
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	expires_ms	INTEGER CHECK (expires_ms > 0),
	revoked_ms	INTEGER CHECK (revoked_ms > 0),
	used_ms		INTEGER CHECK (used_ms > 0),				-- the last use
	uses		INTEGER NOT NULL DEFAULT 0 CHECK (uses >= 0),
	uses_max	INTEGER NOT NULL DEFAULT 1 CHECK (uses_max BETWEEN 1 AND 1000000),
	created_by	TEXT NOT NULL DEFAULT '' CHECK (length(created_by) <= 63),
	-- The identity key that the node had when the token was made, which a join with it may replace. When another key is current by
	-- then, somebody else has joined under this name meanwhile, and the token is refused. A group's token replaces nobody's.
	replaces_key	INTEGER REFERENCES keys (id),
	CHECK (uses <= uses_max),
	CHECK ((node_id IS NULL) <> (group_bit IS NULL)),
	CHECK (group_bit IS NULL OR replaces_key IS NULL)
) STRICT;

INSERT INTO join_tokens_new
	(id, node_id, hash, created_ms, expires_ms, revoked_ms, used_ms, uses, uses_max, created_by, replaces_key)
	SELECT id, node_id, hash, created_ms, expires_ms, revoked_ms, used_ms, uses, uses_max, created_by, replaces_key FROM join_tokens;
-- No id is used again, also not one of a token that is gone.
DELETE FROM sqlite_sequence WHERE name = 'join_tokens_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'join_tokens_new', seq FROM sqlite_sequence WHERE name = 'join_tokens';
DROP TABLE join_tokens;
ALTER TABLE join_tokens_new RENAME TO join_tokens;
CREATE INDEX join_tokens_node ON join_tokens (node_id);
CREATE INDEX join_tokens_group ON join_tokens (group_bit);
CREATE INDEX join_tokens_open ON join_tokens (expires_ms) WHERE revoked_ms IS NULL;
