-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- What the hub sets on spokes, and how far the last change of it is. Each change is on trial on the spoke first, which takes it back
-- unless it reaches the hub again. Settings are JSON objects, names and ranges as in shared/wire/node_settings.h.

CREATE TABLE node_settings (
	node_id		INTEGER PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
	number		INTEGER NOT NULL CHECK (number > 0),			-- of the last change; grows, also over a restored backup
	state		INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),		-- enum settings_state: pending, confirmed, rolled back, cancelled
	wished		TEXT NOT NULL CHECK (length(wished) <= 2048),		-- by the last change
	held		TEXT NOT NULL CHECK (length(held) <= 2048),		-- confirmed
	held_number	INTEGER NOT NULL CHECK (held_number >= 0),		-- of the change that they came with
	confirm_s	INTEGER NOT NULL CHECK (confirm_s BETWEEN 1 AND 3600),
	asked_ms	INTEGER NOT NULL CHECK (asked_ms > 0),
	asked_by	TEXT NOT NULL CHECK (length(asked_by) <= 63),
	settled_ms	INTEGER CHECK (settled_ms > 0),
	reason		TEXT NOT NULL DEFAULT '' CHECK (length(reason) <= 199)	-- why it was rolled back
) STRICT;
