-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Which paths two nodes may use: enum path_policy 0 auto, 1 hub-only (all through the hub: inspection), 2 direct-only (never through
-- the hub: cost). What was there before had no choice: auto.

-- For nodes of the one group with nodes of the other, in either direction. hub-only wins over direct-only, both over auto.
ALTER TABLE policies ADD COLUMN path_policy INTEGER NOT NULL DEFAULT 0 CHECK (path_policy BETWEEN 0 AND 2);

-- For this node with every other one.
ALTER TABLE nodes ADD COLUMN path_policy INTEGER NOT NULL DEFAULT 0 CHECK (path_policy BETWEEN 0 AND 2);
