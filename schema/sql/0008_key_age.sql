-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Current keys by when they were made: the hub looks every minute for those that have become old.

CREATE INDEX keys_by_age ON keys (created_ms, id) WHERE status = 1;
