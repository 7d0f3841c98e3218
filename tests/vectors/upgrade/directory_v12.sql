-- SPDX-License-Identifier: GPL-3.0-or-later
-- The directory database as version 12 left it: make_dumps.py
PRAGMA application_id = 1651270770;
PRAGMA user_version = 12;
BEGIN TRANSACTION;
CREATE TABLE api_tokens (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	name		TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 63 AND name NOT GLOB '*[^A-Za-z0-9_.-]*'),
	hash		BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),		-- SHA-256 of the token's text
	role		TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'auditor')),
	scopes		TEXT NOT NULL DEFAULT '' CHECK (length(scopes) <= 255),	-- space-separated; empty: all that the role may
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	expires_ms	INTEGER CHECK (expires_ms > 0),
	revoked_ms	INTEGER CHECK (revoked_ms > 0),
	used_ms		INTEGER CHECK (used_ms > 0)				-- about when it was last used
, user_id INTEGER REFERENCES users (id) ON DELETE CASCADE) STRICT;
INSERT INTO "api_tokens" VALUES(1,'ci',X'6161616161616161616161616161616161616161616161616161616161616161','operator','nodes keys',1700000000000,NULL,NULL,1700000000003,NULL);
INSERT INTO "api_tokens" VALUES(2,'annas',X'6262626262626262626262626262626262626262626262626262626262626262','admin','',1700000000000,NULL,NULL,NULL,1);
CREATE TABLE audit (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0),
	actor		TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 63),	-- "unix:root", "token:ci", "node:oslo"
	action		TEXT NOT NULL CHECK (length(action) BETWEEN 1 AND 63),	-- "node.revoke"
	object		TEXT NOT NULL CHECK (length(object) <= 255),		-- "node:oslo"
	detail		TEXT NOT NULL CHECK (length(detail) <= 65535),		-- a JSON object, without secrets
	previous	BLOB NOT NULL CHECK (length(previous) = 32),
	hash		BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO "audit" VALUES(1,1700000000000,'unix:root','init','hub:hq','{}',X'0000000000000000000000000000000000000000000000000000000000000000',X'AA50FAC9E993FE6D09A204AB2B304543B27178794AF704AAACEBE7716F1F0BF4');
INSERT INTO "audit" VALUES(2,1700000000001,'unix:root','node.add','node:oslo','{"kind":"spoke","comment":"Blåbærveien"}',X'AA50FAC9E993FE6D09A204AB2B304543B27178794AF704AAACEBE7716F1F0BF4',X'FE14920068EC86C8B61C1EDA6DC04A159233C1063AF22B8ADDAD92CF6D793B4B');
INSERT INTO "audit" VALUES(3,1700000000002,'unix:root','node.revoke','node:bergen','{"why":"stolen"}',X'FE14920068EC86C8B61C1EDA6DC04A159233C1063AF22B8ADDAD92CF6D793B4B',X'0820CB6ADB29CB09F2A8B96D51F61DAD6CC04B7D162867A7BD6BFBD8D55D1710');
CREATE TABLE groups (
	bit		INTEGER PRIMARY KEY CHECK (bit BETWEEN 0 AND 63),
	name		TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63 AND name NOT GLOB '*[^A-Za-z0-9_.-]*'),
	comment		TEXT NOT NULL DEFAULT '' CHECK (length(comment) <= 255),
	created_ms	INTEGER NOT NULL DEFAULT 0 CHECK (created_ms >= 0)
) STRICT;
INSERT INTO "groups" VALUES(0,'default','every new node',0);
INSERT INTO "groups" VALUES(5,'masters','sees all',1700000000000);
INSERT INTO "groups" VALUES(6,'inspected','',1700000000000);
CREATE TABLE hub_identity (
	one		INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
	state		INTEGER NOT NULL CHECK (state BETWEEN 1 AND 2),	-- enum hub_identity_state: asked for, announced
	overlap_s	INTEGER NOT NULL CHECK (overlap_s > 0),
	requested_by	TEXT NOT NULL CHECK (length(requested_by) BETWEEN 1 AND 63),
	requested_ms	INTEGER NOT NULL CHECK (requested_ms > 0),
	public_key	BLOB CHECK (length(public_key) = 32),		-- the next one
	signature	BLOB CHECK (length(signature) = 64),		-- by the present one
	tunnel_sig	BLOB CHECK (length(tunnel_sig) = 64),		-- by the next one, over the hub's tunnel key
	announced_ms	INTEGER CHECK (announced_ms > 0),
	until_ms	INTEGER CHECK (until_ms > 0),			-- the hub switches
	CHECK ((state = 2) = (public_key IS NOT NULL)),
	CHECK ((public_key IS NULL) = (signature IS NULL)),
	CHECK ((public_key IS NULL) = (tunnel_sig IS NULL)),
	CHECK ((public_key IS NULL) = (announced_ms IS NULL)),
	CHECK ((public_key IS NULL) = (until_ms IS NULL))
) STRICT;
INSERT INTO "hub_identity" VALUES(1,2,604800,'user:anna',1700000000030,X'A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1',X'A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2',X'A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3A3',1700000000031,1700604800031);
CREATE TABLE hub_identity_known (
	node_id		INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
	public_key	BLOB NOT NULL CHECK (length(public_key) = 32),
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0),
	PRIMARY KEY (node_id, public_key)
) STRICT, WITHOUT ROWID;
INSERT INTO "hub_identity_known" VALUES(2,X'A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1',1700000000032);
CREATE TABLE "join_tokens" (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	node_id		INTEGER REFERENCES nodes (id) ON DELETE CASCADE,	-- the node that it lets in
	group_bit	INTEGER REFERENCES groups (bit) ON DELETE CASCADE,	-- or the group of the new nodes that it makes
	hash		BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),		-- SHA-256 of the 16-byte secret
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	expires_ms	INTEGER CHECK (expires_ms > 0),
	revoked_ms	INTEGER CHECK (revoked_ms > 0),
	used_ms		INTEGER CHECK (used_ms > 0),				-- the last use
	uses		INTEGER NOT NULL DEFAULT 0 CHECK (uses >= 0),
	uses_max	INTEGER NOT NULL DEFAULT 1 CHECK (uses_max BETWEEN 1 AND 1000000),
	created_by	TEXT NOT NULL DEFAULT '' CHECK (length(created_by) <= 63),
	-- The identity key that the node had when the token was made, which a join with it may replace. When another key is current by
	-- then, somebody else has joined under this name meanwhile, and the token is refused. A group's token replaces nobody's.
	replaces_key	INTEGER REFERENCES keys (id),
	CHECK (uses <= uses_max),
	CHECK ((node_id IS NULL) <> (group_bit IS NULL)),
	CHECK (group_bit IS NULL OR replaces_key IS NULL)
) STRICT;
INSERT INTO "join_tokens" VALUES(1,2,NULL,X'7171717171717171717171717171717171717171717171717171717171717171',1700000000000,1700086400000,NULL,1700000001000,1,1,'unix:root',NULL);
INSERT INTO "join_tokens" VALUES(2,NULL,6,X'7272727272727272727272727272727272727272727272727272727272727272',1700000000040,1700086400040,NULL,1700000000041,3,100,'user:anna',NULL);
CREATE TABLE key_rotations (
	node_id		INTEGER NOT NULL PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
	state		INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),	-- enum rotation_state: requested, proposed, refused
	keys		INTEGER NOT NULL CHECK (keys BETWEEN 1 AND 3),	-- bits: 1 identity, 2 tunnel
	requested_by	TEXT NOT NULL CHECK (length(requested_by) BETWEEN 1 AND 63),
	requested_ms	INTEGER NOT NULL CHECK (requested_ms > 0),
	proposed_ms	INTEGER CHECK (proposed_ms > 0),
	identity_key	BLOB CHECK (length(identity_key) = 32),
	identity_sig	BLOB CHECK (length(identity_sig) = 64),		-- by the identity key of before
	tunnel_key	BLOB CHECK (length(tunnel_key) = 32),
	tunnel_sig	BLOB CHECK (length(tunnel_sig) = 64),		-- by the identity key that it goes with
	CHECK ((proposed_ms IS NULL) = (tunnel_key IS NULL)),
	CHECK ((tunnel_key IS NULL) = (tunnel_sig IS NULL)),
	CHECK ((identity_key IS NULL) = (identity_sig IS NULL))
) STRICT;
INSERT INTO "key_rotations" VALUES(2,2,3,'user:anna',1700000000000,1700000000001,X'2323232323232323232323232323232323232323232323232323232323232323',X'93939393939393939393939393939393939393939393939393939393939393939393939393939393939393939393939393939393939393939393939393939393',X'2424242424242424242424242424242424242424242424242424242424242424',X'94949494949494949494949494949494949494949494949494949494949494949494949494949494949494949494949494949494949494949494949494949494');
CREATE TABLE keys (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	node_id		INTEGER NOT NULL REFERENCES nodes (id),
	kind		INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 2),		-- enum key_kind: identity (Ed25519), tunnel (X25519)
	status		INTEGER NOT NULL CHECK (status BETWEEN 1 AND 3),	-- enum key_status: current, retired, revoked
	public_key	BLOB NOT NULL CHECK (length(public_key) = 32),
	fingerprint	BLOB NOT NULL CHECK (length(fingerprint) = 32),		-- SHA-256 of the public key
	signature	BLOB CHECK (length(signature) = 64),			-- tunnel: by the identity key; identity: by the one before
	unbroken	INTEGER NOT NULL DEFAULT 1 CHECK (unbroken IN (0, 1)),	-- the first of its node, or vouched for by the one before
	token_id	INTEGER REFERENCES join_tokens (id) ON DELETE SET NULL,	-- the join that brought it
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	expires_ms	INTEGER CHECK (expires_ms > 0),
	revoked_ms	INTEGER CHECK (revoked_ms > 0),
	revoked_why	TEXT NOT NULL DEFAULT '' CHECK (length(revoked_why) <= 255),
	UNIQUE (kind, public_key),
	CHECK ((status = 3) = (revoked_ms IS NOT NULL))
) STRICT;
INSERT INTO "keys" VALUES(1,1,1,1,X'1111111111111111111111111111111111111111111111111111111111111111',X'02D449A31FBB267C8F352E9968A79E3E5FC95C1BBEAA502FD6454EBDE5A4BEDC',NULL,1,NULL,1700000001000,NULL,NULL,'');
INSERT INTO "keys" VALUES(2,2,1,2,X'2020202020202020202020202020202020202020202020202020202020202020',X'85E7EAC2862F1CBD85BC18769C75172C3FDCD899AB468B9E973D59EC620D9991',NULL,1,NULL,1700000001000,NULL,NULL,'');
INSERT INTO "keys" VALUES(3,2,1,1,X'2121212121212121212121212121212121212121212121212121212121212121',X'DE1349C105FFE29AB10B68492986AA6C081672D045B02D474570FBF5BDA3A40D',X'91919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191',1,NULL,1700000001000,NULL,NULL,'');
INSERT INTO "keys" VALUES(4,2,2,1,X'2222222222222222222222222222222222222222222222222222222222222222',X'9F72EA0CF49536E3C66C787F705186DF9A4378083753AE9536D65B3AD7FCDDC4',X'92929292929292929292929292929292929292929292929292929292929292929292929292929292929292929292929292929292929292929292929292929292',1,NULL,1700000001000,NULL,NULL,'');
INSERT INTO "keys" VALUES(5,3,2,1,X'3232323232323232323232323232323232323232323232323232323232323232',X'0D6BA19B62531CCB0DEB8804313ECA283C69560F66F1B7B8A2C1592AE8C35C6B',NULL,1,NULL,1700000001000,NULL,NULL,'');
INSERT INTO "keys" VALUES(6,4,1,3,X'4141414141414141414141414141414141414141414141414141414141414141',X'22A48051594C1949DEED7040850C1F0F8764537F5191BE56732D16A54C1D8153',NULL,1,NULL,1700000001000,NULL,1700000000009,'stolen');
CREATE TABLE node_endpoints (
	node_id		INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
	position	INTEGER NOT NULL CHECK (position BETWEEN 0 AND 7),
	endpoint	TEXT NOT NULL CHECK (length(endpoint) BETWEEN 3 AND 263),
	PRIMARY KEY (node_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "node_endpoints" VALUES(2,0,'oslo.example.com 6655');
CREATE TABLE node_groups (
	node_id		INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
	group_bit	INTEGER NOT NULL REFERENCES groups (bit) ON DELETE CASCADE,
	PRIMARY KEY (node_id, group_bit)
) STRICT, WITHOUT ROWID;
INSERT INTO "node_groups" VALUES(2,0);
INSERT INTO "node_groups" VALUES(2,5);
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
INSERT INTO "node_settings" VALUES(2,3,2,'{"mtu":1300}','{"mtu":1300}',3,60,1700000000000,'user:anna',1700000000002,'');
CREATE TABLE nodes (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	name		TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 63 AND name NOT GLOB '*[^A-Za-z0-9_.-]*'),
	kind		INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),		-- enum node_kind: hub, spoke, wireguard
	status		INTEGER NOT NULL CHECK (status BETWEEN 1 AND 5),	-- enum node_status: invited, active, disabled, revoked, deleted
	revision	INTEGER NOT NULL CHECK (revision >= 0),			-- of its last change
	aes		INTEGER NOT NULL DEFAULT 0 CHECK (aes IN (0, 1)),	-- its CPU has AES instructions: decides the cipher
	compression	INTEGER NOT NULL DEFAULT 0 CHECK (compression BETWEEN 0 AND 11),
	keepalive_s	INTEGER NOT NULL DEFAULT 0 CHECK (keepalive_s BETWEEN 0 AND 65535),
	address4	BLOB UNIQUE CHECK (length(address4) = 4),		-- its own addresses in the network
	address6	BLOB UNIQUE CHECK (length(address6) = 16),
	comment		TEXT NOT NULL DEFAULT '' CHECK (length(comment) <= 255),
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	updated_ms	INTEGER NOT NULL CHECK (updated_ms > 0),
	revoked_ms	INTEGER CHECK (revoked_ms > 0),
	revoked_why	TEXT NOT NULL DEFAULT '' CHECK (length(revoked_why) <= 255), path_policy INTEGER NOT NULL DEFAULT 0 CHECK (path_policy BETWEEN 0 AND 2),
	CHECK (status <> 5 OR (address4 IS NULL AND address6 IS NULL))		-- a tombstone holds nothing that others may want
) STRICT;
INSERT INTO "nodes" VALUES(1,'hq',1,2,1,1,0,0,X'0A5B0001',NULL,'',1700000000000,1700000000000,NULL,'',0);
INSERT INTO "nodes" VALUES(2,'oslo',2,2,2,1,3,0,X'0A5B0002',X'FD000000000000000000000000000002','Storgata 1',1700000000000,1700000000005,NULL,'',0);
INSERT INTO "nodes" VALUES(3,'sensor',3,2,3,0,0,25,X'0A5B0003',NULL,'',1700000000000,1700000000000,NULL,'',0);
INSERT INTO "nodes" VALUES(4,'bergen',2,4,7,0,0,0,X'0A5B0004',NULL,'',1700000000000,1700000000009,1700000000009,'stolen',0);
INSERT INTO "nodes" VALUES(5,'moss',2,5,6,0,0,0,NULL,NULL,'',1700000000000,1700000000008,NULL,'',0);
INSERT INTO "nodes" VALUES(6,'drammen',2,1,7,0,0,0,NULL,NULL,'',1700000000000,1700000000000,NULL,'',2);
INSERT INTO "nodes" VALUES(7,'tromso',2,4,8,0,0,0,NULL,NULL,'',1700000000000,1700000000020,1700000000020,'sold',0);
CREATE TABLE policies (
	from_group	INTEGER NOT NULL REFERENCES groups (bit) ON DELETE CASCADE,
	to_group	INTEGER NOT NULL REFERENCES groups (bit) ON DELETE CASCADE,
	created_ms	INTEGER NOT NULL DEFAULT 0 CHECK (created_ms >= 0), path_policy INTEGER NOT NULL DEFAULT 0 CHECK (path_policy BETWEEN 0 AND 2),
	PRIMARY KEY (from_group, to_group)
) STRICT, WITHOUT ROWID;
INSERT INTO "policies" VALUES(0,0,0,0);
INSERT INTO "policies" VALUES(5,0,1700000000000,0);
INSERT INTO "policies" VALUES(6,5,1700000000000,1);
CREATE TABLE revisions (
	revision	INTEGER PRIMARY KEY AUTOINCREMENT,
	at_ms		INTEGER NOT NULL CHECK (at_ms > 0),
	actor		TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 63),
	what		TEXT NOT NULL CHECK (length(what) <= 255)
) STRICT;
INSERT INTO "revisions" VALUES(1,1700000000000,'unix:root','init hq');
INSERT INTO "revisions" VALUES(2,1700000000001,'unix:root','node.add oslo');
INSERT INTO "revisions" VALUES(3,1700000000002,'unix:root','node.add sensor');
INSERT INTO "revisions" VALUES(4,1700000000003,'unix:root','node.add bergen');
INSERT INTO "revisions" VALUES(5,1700000000004,'unix:root','node.add moss');
INSERT INTO "revisions" VALUES(6,1700000000005,'unix:root','node.delete moss');
INSERT INTO "revisions" VALUES(7,1700000000006,'unix:root','node.revoke bergen');
INSERT INTO "revisions" VALUES(8,1700000000020,'user:anna','node.revoke tromso');
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
INSERT INTO "revocations" VALUES(7,4,'bergen','unix:root','stolen',1700000000006,3,0,0,1700000000006);
INSERT INTO "revocations" VALUES(8,7,'tromso','user:anna','sold',1700000000020,2,2,2,1700000000021);
CREATE TABLE sessions (
	hash		BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),	-- SHA-256 of the cookie's text
	user_id		INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	expires_ms	INTEGER NOT NULL CHECK (expires_ms > 0)
) STRICT, WITHOUT ROWID;
INSERT INTO "sessions" VALUES(X'6363636363636363636363636363636363636363636363636363636363636363',1,1700000000000,1700003600000);
CREATE TABLE settings (
	key		TEXT NOT NULL PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 64),
	value		TEXT NOT NULL CHECK (length(value) <= 16384)
) STRICT, WITHOUT ROWID;
INSERT INTO "settings" VALUES('network','linodeVPN');
CREATE TABLE subnets (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	node_id		INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
	family		INTEGER NOT NULL CHECK (family IN (4, 6)),
	first		BLOB NOT NULL CHECK (length(first) = CASE family WHEN 4 THEN 4 ELSE 16 END),	-- the network address
	length		INTEGER NOT NULL CHECK (length BETWEEN 0 AND length(first) * 8),		-- of the prefix, bits
	weight		INTEGER NOT NULL DEFAULT 10 CHECK (weight BETWEEN 0 AND 65535),
	status		INTEGER NOT NULL CHECK (status BETWEEN 1 AND 2),	-- enum subnet_status: proposed by a spoke, approved
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	UNIQUE (node_id, family, first, length)
) STRICT;
INSERT INTO "subnets" VALUES(1,2,4,X'0A140000',24,7,2,1700000000000);
INSERT INTO "subnets" VALUES(2,2,6,X'FD010000000000000000000000000000',64,10,1,1700000000000);
CREATE TABLE users (
	id		INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
	name		TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63 AND name NOT GLOB '*[^A-Za-z0-9_.-]*'),
	role		TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'auditor')),
	password_hash	TEXT CHECK (length(password_hash) <= 255),		-- NULL: cannot sign in with a password
	disabled	INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	updated_ms	INTEGER NOT NULL CHECK (updated_ms > 0),
	signed_in_ms	INTEGER CHECK (signed_in_ms > 0)
, totp_secret BLOB CHECK (length(totp_secret) = 20), totp_enabled INTEGER NOT NULL DEFAULT 0 CHECK (totp_enabled IN (0, 1)), totp_step INTEGER NOT NULL DEFAULT 0 CHECK (totp_step >= 0)) STRICT;
INSERT INTO "users" VALUES(1,'anna','admin','scrypt$x',0,1700000000000,1700000000000,1700000000004,NULL,0,0);
INSERT INTO "users" VALUES(2,'bo','auditor',NULL,1,1700000000000,1700000000000,NULL,NULL,0,0);
INSERT INTO "users" VALUES(3,'carl','operator',NULL,0,1700000000000,1700000000000,NULL,X'5555555555555555555555555555555555555555',1,9);
CREATE TABLE webhook_deliveries (
	id		INTEGER PRIMARY KEY AUTOINCREMENT,
	webhook_id	INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
	event		TEXT NOT NULL,
	body		TEXT NOT NULL,							-- the event's data, JSON
	status		INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 3),	-- 0 pending, 1 delivered, 2 failed, 3 dropped
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	attempts	INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	next_ms		INTEGER NOT NULL DEFAULT 0 CHECK (next_ms >= 0),		-- of one that is pending: not before
	last_ms		INTEGER CHECK (last_ms > 0),					-- the last attempt
	http_status	INTEGER NOT NULL DEFAULT 0 CHECK (http_status BETWEEN 0 AND 999),	-- its answer; 0: none
	took_ms		INTEGER NOT NULL DEFAULT 0 CHECK (took_ms >= 0),
	error		TEXT NOT NULL DEFAULT '',
	redelivery_of	INTEGER NOT NULL DEFAULT 0 CHECK (redelivery_of >= 0)
) STRICT;
INSERT INTO "webhook_deliveries" VALUES(1,1,'node.revoke','{"id":3}',1,1700000000000,1,0,1700000000001,204,12,'',0);
INSERT INTO "webhook_deliveries" VALUES(2,1,'key.old','{}',0,1700000000000,0,1700000000007,NULL,0,0,'',0);
CREATE TABLE webhooks (
	id		INTEGER PRIMARY KEY AUTOINCREMENT,
	name		TEXT NOT NULL UNIQUE,
	url		TEXT NOT NULL CHECK (length(url) BETWEEN 1 AND 1023),
	secret		TEXT NOT NULL CHECK (length(secret) BETWEEN 16 AND 63),
	events		TEXT NOT NULL CHECK (length(events) BETWEEN 1 AND 1023),	-- patterns with blanks between: "node.revoke presence.*"
	comment		TEXT NOT NULL DEFAULT '',
	enabled		INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
	created_ms	INTEGER NOT NULL CHECK (created_ms > 0),
	created_by	TEXT NOT NULL,
	disabled_ms	INTEGER CHECK (disabled_ms > 0),
	disabled_why	TEXT NOT NULL DEFAULT '',
	failures	INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),		-- attempts in a row that failed
	failing_ms	INTEGER CHECK (failing_ms > 0)					-- the first of them
) STRICT;
INSERT INTO "webhooks" VALUES(1,'pager','https://pager.example.com/in','0123456789abcdef','node.* key.old','',1,1700000000000,'user:anna',NULL,'',2,1700000000006);
CREATE INDEX policies_to ON policies (to_group, from_group);
CREATE UNIQUE INDEX nodes_name ON nodes (name) WHERE status <> 5;
CREATE INDEX nodes_revision ON nodes (revision, id);
CREATE INDEX nodes_kind_status ON nodes (kind, status, id);
CREATE INDEX node_groups_group ON node_groups (group_bit, node_id);
CREATE UNIQUE INDEX keys_current ON keys (node_id, kind) WHERE status = 1;
CREATE INDEX keys_node ON keys (node_id, id);
CREATE INDEX keys_fingerprint ON keys (fingerprint);
CREATE INDEX subnets_prefix ON subnets (family, first, length);
CREATE UNIQUE INDEX api_tokens_name ON api_tokens (name) WHERE revoked_ms IS NULL;
CREATE INDEX audit_action ON audit (action, at_ms);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE (ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE (ABORT, 'the audit log is append-only'); END;
CREATE INDEX api_tokens_user ON api_tokens (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX subnets_status ON subnets (status, id);
CREATE INDEX audit_object ON audit (object, id);
CREATE INDEX sessions_user ON sessions (user_id, created_ms);
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, id) WHERE status = 0;
CREATE INDEX keys_by_age ON keys (created_ms, id) WHERE status = 1;
CREATE INDEX revocations_pending ON revocations (revision) WHERE state = 1;
CREATE INDEX keys_changed ON keys (created_ms) WHERE kind = 1 AND status = 1 AND unbroken = 0;
CREATE INDEX join_tokens_node ON join_tokens (node_id);
CREATE INDEX join_tokens_group ON join_tokens (group_bit);
CREATE INDEX join_tokens_open ON join_tokens (expires_ms) WHERE revoked_ms IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('revisions',8);
INSERT INTO "sqlite_sequence" VALUES('nodes',7);
INSERT INTO "sqlite_sequence" VALUES('keys',6);
INSERT INTO "sqlite_sequence" VALUES('subnets',2);
INSERT INTO "sqlite_sequence" VALUES('api_tokens',2);
INSERT INTO "sqlite_sequence" VALUES('audit',3);
INSERT INTO "sqlite_sequence" VALUES('users',3);
INSERT INTO "sqlite_sequence" VALUES('webhooks',1);
INSERT INTO "sqlite_sequence" VALUES('webhook_deliveries',2);
INSERT INTO "sqlite_sequence" VALUES('join_tokens',2);
COMMIT;
