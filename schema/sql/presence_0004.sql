-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- What settings hold on each spoke and where they come from, as it told last: a JSON object as in the message settings-state.

CREATE TABLE node_effective (
	node_id		INTEGER PRIMARY KEY CHECK (node_id BETWEEN 1 AND 4294967295),
	told_ms		INTEGER NOT NULL CHECK (told_ms > 0),
	settings	TEXT NOT NULL CHECK (length(settings) <= 4096)
) STRICT;
