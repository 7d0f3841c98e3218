-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- The presence database (presence.db): the fleeting facts. Written often and without waiting for the disk; when it is lost, it fills
-- again by itself. Nothing here refers to the directory database by a foreign key: the two are separate files.
-- Conventions as in 0001_directory.sql.

PRAGMA application_id = 1651273842;	-- "blpr"

-- One row a node, as the hub sees it now or saw it last.
CREATE TABLE presence (
	node_id		INTEGER PRIMARY KEY CHECK (node_id BETWEEN 1 AND 4294967295),
	online		INTEGER NOT NULL CHECK (online IN (0, 1)),
	since_ms	INTEGER NOT NULL CHECK (since_ms >= 0),			-- of the present state
	link		TEXT NOT NULL DEFAULT '' CHECK (length(link) <= 63),	-- remote address of the link, "address:port"; empty: none
	version		TEXT NOT NULL DEFAULT '' CHECK (length(version) <= 31),
	acked_revision	INTEGER NOT NULL DEFAULT 0 CHECK (acked_revision >= 0),	-- applied by its engine
	acked_ms	INTEGER NOT NULL DEFAULT 0 CHECK (acked_ms >= 0),
	path		INTEGER NOT NULL DEFAULT 0 CHECK (path BETWEEN 0 AND 255),	-- enum path_kind
	reason		INTEGER NOT NULL DEFAULT 0 CHECK (reason BETWEEN 0 AND 255),	-- enum path_reason
	endpoint	TEXT NOT NULL DEFAULT '' CHECK (length(endpoint) <= 63),	-- of the tunnel; empty: none
	handshake_ms	INTEGER NOT NULL DEFAULT 0 CHECK (handshake_ms >= 0),
	rx_bytes	INTEGER NOT NULL DEFAULT 0 CHECK (rx_bytes >= 0),
	tx_bytes	INTEGER NOT NULL DEFAULT 0 CHECK (tx_bytes >= 0),
	rtt_us		INTEGER NOT NULL DEFAULT 0 CHECK (rtt_us BETWEEN 0 AND 4294967295)
) STRICT;
CREATE INDEX presence_online ON presence (node_id) WHERE online = 1;

-- Round-robin history of traffic. A ring has `slots` places of `step_s` seconds; the sample of time t stands in place
-- (t / step_s) % slots and overwrites what was there a whole turn ago, so the file has a fixed size.
CREATE TABLE traffic_rings (
	ring		INTEGER PRIMARY KEY,
	step_s		INTEGER NOT NULL UNIQUE CHECK (step_s > 0),
	slots		INTEGER NOT NULL CHECK (slots BETWEEN 1 AND 10000)
) STRICT;
INSERT INTO traffic_rings (ring, step_s, slots) VALUES
	(1, 10, 360),		-- the last hour
	(2, 300, 288),		-- the last day
	(3, 3600, 744);		-- the last month

CREATE TABLE traffic (
	ring		INTEGER NOT NULL REFERENCES traffic_rings (ring),
	node_id		INTEGER NOT NULL CHECK (node_id BETWEEN 1 AND 4294967295),
	slot		INTEGER NOT NULL CHECK (slot >= 0),
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0),			-- start of the step; tells an old turn from the present one
	rx_bytes	INTEGER NOT NULL CHECK (rx_bytes >= 0),			-- in this step
	tx_bytes	INTEGER NOT NULL CHECK (tx_bytes >= 0),
	PRIMARY KEY (ring, node_id, slot)
) STRICT, WITHOUT ROWID;

-- When nodes came and went: the last 4096 changes, the same way (place = number % 4096).
CREATE TABLE presence_history (
	slot		INTEGER PRIMARY KEY CHECK (slot BETWEEN 0 AND 4095),
	number		INTEGER NOT NULL UNIQUE CHECK (number > 0),		-- counts up for ever
	node_id		INTEGER NOT NULL CHECK (node_id BETWEEN 1 AND 4294967295),
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0),
	online		INTEGER NOT NULL CHECK (online IN (0, 1)),
	path		INTEGER NOT NULL CHECK (path BETWEEN 0 AND 255)
) STRICT;
CREATE INDEX presence_history_node ON presence_history (node_id, number);
