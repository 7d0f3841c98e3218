-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Webhooks: whom the hub tells of what happens, by HTTP. The secret stands here as it is, since it is needed to sign; this file is 0600 and
-- backups are encrypted.

CREATE TABLE webhooks (
	id		INTEGER PRIMARY KEY AUTOINCREMENT,
	name		TEXT NOT NULL UNIQUE,
	url		TEXT NOT NULL CHECK (length(url) BETWEEN 1 AND 1023),
	secret		TEXT NOT NULL CHECK (length(secret) BETWEEN 16 AND 63),
	events		TEXT NOT NULL CHECK (length(events) BETWEEN 1 AND 1023),	-- patterns with blanks between: "node.revoke presence.*"
	comment		TEXT NOT NULL DEFAULT '',
	enabled		INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	created_by	TEXT NOT NULL,
	disabled_ms	INTEGER CHECK (disabled_ms > 0),
	disabled_why	TEXT NOT NULL DEFAULT '',
	failures	INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),		-- attempts in a row that failed
	failing_ms	INTEGER CHECK (failing_ms > 0)					-- the first of them
) STRICT;

-- What is to be sent, and what came of it: at most 1000 that wait, and 1000 that are done, of each webhook.
CREATE TABLE webhook_deliveries (
	id		INTEGER PRIMARY KEY AUTOINCREMENT,
	webhook_id	INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
	event		TEXT NOT NULL,
	body		TEXT NOT NULL,							-- the event's data, JSON
	status		INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 3),	-- 0 pending, 1 delivered, 2 failed, 3 dropped
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	attempts	INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	next_ms		INTEGER NOT NULL DEFAULT 0 CHECK (next_ms >= 0),		-- of one that is pending: not before
	last_ms		INTEGER CHECK (last_ms > 0),					-- the last attempt
	http_status	INTEGER NOT NULL DEFAULT 0 CHECK (http_status BETWEEN 0 AND 999),	-- its answer; 0: none
	took_ms		INTEGER NOT NULL DEFAULT 0 CHECK (took_ms >= 0),
	error		TEXT NOT NULL DEFAULT '',
	redelivery_of	INTEGER NOT NULL DEFAULT 0 CHECK (redelivery_of >= 0)
) STRICT;
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, id) WHERE status = 0;
