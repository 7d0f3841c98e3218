-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- People besides machines: users who sign in to the page, and whose an API token is. Also indexes for what the page asks for often.

-- Roles are the same three as those of API tokens.
CREATE TABLE users (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	name		TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63 AND name NOT GLOB '*[^A-Za-z0-9_.-]*'),
	role		TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'auditor')),
	password_hash	TEXT CHECK (length(password_hash) <= 255),		-- NULL: cannot sign in with a password
	disabled	INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	updated_ms	INTEGER NOT NULL CHECK (updated_ms > 0),
	signed_in_ms	INTEGER CHECK (signed_in_ms > 0)
) STRICT;

-- NULL: a machine's token, as all were before there were users. A user's tokens go with the user.
ALTER TABLE api_tokens ADD COLUMN user_id INTEGER REFERENCES users (id) ON DELETE CASCADE;
CREATE INDEX api_tokens_user ON api_tokens (user_id) WHERE user_id IS NOT NULL;

CREATE INDEX join_tokens_open ON join_tokens (expires_ms) WHERE revoked_ms IS NULL;	-- "invitations that can still be used"
CREATE INDEX subnets_status ON subnets (status, id);					-- "what waits for approval"
CREATE INDEX audit_object ON audit (object, id);					-- "what happened to this node"
