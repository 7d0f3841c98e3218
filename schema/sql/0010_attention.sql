-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- What waits for an admin is looked for each time that somebody looks at the hub: without walking over all keys.

CREATE INDEX keys_changed ON keys (created_ms) WHERE kind = 1 AND status = 1 AND unbroken = 0;
