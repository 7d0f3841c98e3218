-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- History of traffic, in rings of fixed size: 1 (a second, 120 of them), 2 (a minute, a day), 3 (an hour, 31 days). A row has the samples of
-- one step for 128 nodes: a tenth of the rows, and of the bytes, that one row a node would take. The row of time t stands in place
-- (t / step) % slots of its block and overwrites what was there a whole turn ago.
--
-- id = ring * 2^48 + block * 2^16 + slot; block = node_id / 128. Node 0 is the hub as a whole. samples: hub/store/samples.h.
DROP TABLE traffic;
DROP TABLE traffic_rings;
CREATE TABLE history (
	id		INTEGER PRIMARY KEY CHECK (id > 0),
	at_s		INTEGER NOT NULL CHECK (at_s >= 0),		-- begin of the step; tells an old turn from the present one
	samples		BLOB NOT NULL
) STRICT;
