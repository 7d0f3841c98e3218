-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- What the hub's own workers count: the totals of its engine ("engine.sessions", "engine.drops.malformed") and of the link
-- ("link.joined"), as they were at the last look. Written as a whole, in the order in which they are shown: a name that is not there is not
-- counted now.

CREATE TABLE hub_totals (
	name		TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 47 AND name NOT GLOB '*[^a-z0-9._-]*'),
	value		INTEGER NOT NULL DEFAULT 0 CHECK (value >= 0),
	fact		TEXT NOT NULL DEFAULT '' CHECK (length(fact) <= 47 AND fact NOT GLOB '*[^A-Za-z0-9./-]*')	-- instead of a number
) STRICT;
