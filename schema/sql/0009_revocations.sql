-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Revocations of nodes, and what came of each: one row for ever. `revision` is the one that took the node out of the directory.

CREATE TABLE revocations (
	revision	INTEGER NOT NULL PRIMARY KEY CHECK (revision > 0),
	node_id		INTEGER NOT NULL REFERENCES nodes (id),
	node		TEXT NOT NULL CHECK (length(node) BETWEEN 1 AND 63),	-- its name then
	actor		TEXT NOT NULL CHECK (length(actor) <= 63),
	reason		TEXT NOT NULL CHECK (length(reason) <= 255),
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0),
	state		INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),		-- enum revocation_state: pending, applied, expired
	expected	INTEGER NOT NULL DEFAULT 0 CHECK (expected >= 0),	-- spokes that had to apply it
	applied		INTEGER NOT NULL DEFAULT 0 CHECK (applied BETWEEN 0 AND expected),
	settled_ms	INTEGER CHECK (settled_ms > 0),				-- when it was no longer pending
	CHECK ((state = 1) = (settled_ms IS NULL))
) STRICT;
CREATE INDEX revocations_pending ON revocations (revision) WHERE state = 1;

-- What the audit log knows of those that were made before. Who had to apply them stands there only.
INSERT INTO revocations (revision, node_id, node, actor, reason, at_ms, state, settled_ms)
	SELECT r.revision, n.id, n.name, r.actor, n.revoked_why, r.at_ms,
		CASE WHEN EXISTS (SELECT 1 FROM audit a WHERE a.action = 'revocation.confirmed' AND a.object = 'node:' || n.name
			AND a.at_ms >= r.at_ms) THEN 2 ELSE 3 END, r.at_ms
	FROM nodes n JOIN revisions r ON r.revision =
		(SELECT max(x.revision) FROM revisions x WHERE x.what = 'node.revoke ' || n.name)
	WHERE n.status = 4;
