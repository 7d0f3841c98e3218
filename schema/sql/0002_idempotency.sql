-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Idempotency-Key of the REST API: the answer to a POST is kept for a day, so that a client that lost it can ask again without
-- doing the work twice. Also: what the page and the metrics ask for often gets an index.

CREATE TABLE idempotency_keys (
	actor		TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 63),	-- one client's keys are nothing to another
	key		TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
	request_hash	BLOB NOT NULL CHECK (length(request_hash) = 32),	-- SHA-256 of method, path and body: the same key with another request is an error
	status		INTEGER NOT NULL CHECK (status BETWEEN 200 AND 599),	-- HTTP status of the answer
	response	TEXT NOT NULL CHECK (length(response) <= 1048576),	-- its body
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_ms);

CREATE INDEX join_tokens_open ON join_tokens (expires_ms) WHERE revoked_ms IS NULL;
CREATE INDEX subnets_status ON subnets (status, id);
