-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Users sign in: with a password (users.password_hash), and with a code of their phone when they want to (TOTP, RFC 6238).

ALTER TABLE users ADD COLUMN totp_secret BLOB CHECK (length(totp_secret) = 20);		-- NULL: none
ALTER TABLE users ADD COLUMN totp_enabled INTEGER NOT NULL DEFAULT 0 CHECK (totp_enabled IN (0, 1));	-- 0: not yet verified
ALTER TABLE users ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0 CHECK (totp_step >= 0);	-- of the last code: none up to it is taken again

-- Who is signed in. Only a hash of the cookie is kept: who reads this table cannot be anybody.
CREATE TABLE sessions (
	hash		BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),	-- SHA-256 of the cookie's text
	user_id		INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	expires_ms	INTEGER NOT NULL CHECK (expires_ms > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id, created_ms);
