/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/routes.h"

#include "hub/api/handlers.h"
#include "hub/api/password.h"
#include "hub/store/webhook.h"
#include "hub/webhook/pattern.h"
#include "shared/base/log.h"
#include "hub/hub_identity.h"
#include "hub/hub_tunnel.h"
#include "hub/key_settings.h"
#include "shared/wire/limits.h"
#include "shared/wire/node_settings.h"

#define TEXT_MAX             255 /* bytes of a comment or reason, as the store holds them */
#define TOKEN_EXPIRES_MAX_S  (366 * 86400)
#define NODE_ADD_SUBNETS_MAX 256

static const struct body_field subnet_item[] = {
	{ .name = "prefix", .type = BODY_PREFIX, .required = true },
	{ .name = "weight", .type = BODY_INT, .min = 0, .max = SUBNET_WEIGHT_MAX },
};

static const struct body_field node_add[] = {
	{ .name = "name", .type = BODY_NAME, .required = true },
	{ .name = "kind", .type = BODY_KIND },
	{ .name = "addresses", .type = BODY_LIST, .max = 2, .item = BODY_ADDRESS },
	{ .name = "subnets",
	  .type = BODY_LIST,
	  .max = NODE_ADD_SUBNETS_MAX,
	  .item = BODY_OBJECT,
	  .fields = subnet_item,
	  .n_fields = ARRAY_LEN(subnet_item) },
	{ .name = "endpoints",
	  .type = BODY_LIST,
	  .max = NODE_ENDPOINTS_MAX,
	  .item = BODY_ENDPOINT },
	{ .name = "tunnel_key", .type = BODY_KEY },
	{ .name = "keepalive_s", .type = BODY_INT, .min = 0, .max = 65535 },
	{ .name = "compression", .type = BODY_INT, .min = 0, .max = 11 },
	{ .name = "path_policy", .type = BODY_PATH },
	{ .name = "comment", .type = BODY_STRING, .max = TEXT_MAX },
	{ .name = "groups", .type = BODY_LIST, .max = GROUPS_MAX, .item = BODY_NAME },
};

static const struct body_field node_edit[] = {
	{ .name = "name", .type = BODY_NAME },
	{ .name = "addresses", .type = BODY_LIST, .max = 2, .item = BODY_ADDRESS },
	{ .name = "endpoints",
	  .type = BODY_LIST,
	  .max = NODE_ENDPOINTS_MAX,
	  .item = BODY_ENDPOINT },
	{ .name = "keepalive_s", .type = BODY_INT, .min = 0, .max = 65535 },
	{ .name = "compression", .type = BODY_INT, .min = 0, .max = 11 },
	{ .name = "path_policy", .type = BODY_PATH },
	{ .name = "comment", .type = BODY_STRING, .max = TEXT_MAX },
	{ .name = "groups", .type = BODY_LIST, .max = GROUPS_MAX, .item = BODY_NAME },
	{ .name = "join_groups", .type = BODY_LIST, .max = GROUPS_MAX, .item = BODY_NAME },
	{ .name = "leave_groups", .type = BODY_LIST, .max = GROUPS_MAX, .item = BODY_NAME },
};

/* As in node_settings_info[]; the port is one that can be told. */
static const struct body_field setting_members[] = {
	{ .name = "port", .type = BODY_INT, .min = 1, .max = 65535 },
	{ .name = "mtu", .type = BODY_INT, .min = TUN_MTU_MIN, .max = TUN_MTU_MAX },
	{ .name = "log_level", .type = BODY_INT, .min = 0, .max = 5 },
	{ .name = "direct_idle", .type = BODY_INT, .min = 0, .max = 65535 },
	{ .name = "direct_max", .type = BODY_INT, .min = 0, .max = 65535 },
	{ .name = "pmtu", .type = BODY_INT, .min = TUN_MTU_MIN, .max = TUN_MTU_MAX },
	{ .name = "pmtu_discovery", .type = BODY_BOOL },
	{ .name = "clamp_mss", .type = BODY_BOOL },
	{ .name = "priority_inheritance", .type = BODY_BOOL },
	{ .name = "local_discovery", .type = BODY_BOOL },
};
_Static_assert(ARRAY_LEN(setting_members) == NODE_SETTINGS_MAX, "each can be set");

static const struct body_field node_settings_body[] = {
	{ .name = "settings",
	  .type = BODY_OBJECT,
	  .fields = setting_members,
	  .n_fields = ARRAY_LEN(setting_members) },
	{ .name = "reset", .type = BODY_LIST, .max = NODE_SETTINGS_MAX, .item = BODY_NAME },
	{ .name = "confirm_within_s",
	  .type = BODY_INT,
	  .min = SETTINGS_CONFIRM_MIN_S,
	  .max = SETTINGS_CONFIRM_MAX_S },
};

static const struct body_field log_level_body[] = {
	{ .name = "level", .type = BODY_INT, .min = 0, .max = LOG_LEVEL_MAX, .required = true },
};

static const struct body_field revoke[] = {
	{ .name = "reason", .type = BODY_STRING, .max = TEXT_MAX },
};

static const struct body_field rotate_keys[] = {
	{ .name = "keys", .type = BODY_LIST, .max = 2, .item = BODY_STRING },
};

static const struct body_field key_settings[] = {
	{ .name = "approval", .type = BODY_STRING, .max = 8 },
	{ .name = "overlap_s", .type = BODY_INT, .min = 1, .max = KEY_OVERLAP_MAX_S },
	{ .name = "max_age_s", .type = BODY_INT, .min = 0, .max = KEY_MAX_AGE_MAX_S },
	{ .name = "warn_s", .type = BODY_INT, .min = 0, .max = KEY_MAX_AGE_MAX_S },
	{ .name = "rotate_at_max_age", .type = BODY_BOOL },
};

static const struct body_field subnet_add[] = {
	{ .name = "node", .type = BODY_NODE, .required = true },
	{ .name = "prefix", .type = BODY_PREFIX, .required = true },
	{ .name = "weight", .type = BODY_INT, .min = 0, .max = SUBNET_WEIGHT_MAX },
	{ .name = "failover", .type = BODY_BOOL },
	{ .name = "force", .type = BODY_BOOL },
};

static const struct body_field subnet_edit[] = {
	{ .name = "weight", .type = BODY_INT, .min = 0, .max = SUBNET_WEIGHT_MAX },
	{ .name = "status", .type = BODY_STRING, .max = 16 },
	{ .name = "failover", .type = BODY_BOOL },
	{ .name = "force", .type = BODY_BOOL },
};

static const struct body_field group_add[] = {
	{ .name = "name", .type = BODY_NAME, .required = true },
	{ .name = "comment", .type = BODY_STRING, .max = TEXT_MAX },
};

static const struct body_field group_edit[] = {
	{ .name = "name", .type = BODY_NAME },
	{ .name = "comment", .type = BODY_STRING, .max = TEXT_MAX },
};

static const struct body_field policy_add[] = {
	{ .name = "from", .type = BODY_NAME, .required = true },
	{ .name = "to", .type = BODY_NAME, .required = true },
	{ .name = "path_policy", .type = BODY_PATH },
};

static const struct body_field policy_edit[] = {
	{ .name = "path_policy", .type = BODY_PATH, .required = true },
};

static const struct body_field policy_default[] = {
	{ .name = "allow", .type = BODY_BOOL, .required = true },
};

static const struct body_field token_add[] = {
	{ .name = "node", .type = BODY_NODE },
	{ .name = "group", .type = BODY_NAME },
	{ .name = "expires_s", .type = BODY_INT, .min = 1, .max = TOKEN_EXPIRES_MAX_S },
	{ .name = "uses", .type = BODY_INT, .min = 1, .max = 1000 },
};

static const struct body_field api_token_add[] = {
	{ .name = "name", .type = BODY_NAME, .required = true },
	{ .name = "role", .type = BODY_ROLE },
	{ .name = "scopes", .type = BODY_LIST, .max = ROLE_SCOPES_MAX, .item = BODY_STRING },
	{ .name = "expires_s", .type = BODY_INT, .min = 1, .max = 10 * TOKEN_EXPIRES_MAX_S },
};

#define PASSWORD(member)                                                                           \
	{                                                                                          \
		.name = (member), .type = BODY_STRING, .required = true,                           \
		.min = PASSWORD_MIN_BYTES, .max = PASSWORD_MAX_BYTES                               \
	}
/* What is held against a stored one: whatever it is, it gets the same answer when it is wrong. */
#define PASSWORD_TRIED(member)                                                                     \
	{                                                                                          \
		.name = (member), .type = BODY_STRING, .required = true, .max = PASSWORD_MAX_BYTES \
	}

static const struct body_field identity_rotate[] = {
	{ .name = "overlap_s", .type = BODY_INT, .min = 1, .max = HUB_IDENTITY_OVERLAP_MAX_S },
};

static const struct body_field identity_finish[] = {
	{ .name = "force", .type = BODY_BOOL },
};

static const struct body_field tunnel_rotate[] = {
	{ .name = "overlap_s", .type = BODY_INT, .min = 1, .max = HUB_TUNNEL_OVERLAP_MAX_S },
};

static const struct body_field tunnel_finish[] = {
	{ .name = "force", .type = BODY_BOOL },
};

static const struct body_field user_add[] = {
	{ .name = "name", .type = BODY_NAME, .required = true },
	{ .name = "role", .type = BODY_ROLE, .required = true },
	PASSWORD("password"),
};

static const struct body_field user_edit[] = {
	{ .name = "role", .type = BODY_ROLE },
	{ .name = "disabled", .type = BODY_BOOL },
	{ .name = "password",
	  .type = BODY_STRING,
	  .min = PASSWORD_MIN_BYTES,
	  .max = PASSWORD_MAX_BYTES },
	{ .name = "forget_totp", .type = BODY_BOOL },
};

static const struct body_field sign_in_open_body[] = {
	{ .name = "user", .type = BODY_STRING, .required = true, .max = NAME_MAX_BYTES },
	PASSWORD_TRIED("password"),
	{ .name = "code", .type = BODY_STRING, .max = 16 },
};

static const struct body_field sign_in_password_body[] = {
	PASSWORD_TRIED("old_password"),
	PASSWORD("password"),
};

static const struct body_field totp_begin[] = {
	PASSWORD_TRIED("password"),
};

static const struct body_field totp_code_body[] = {
	{ .name = "code", .type = BODY_STRING, .required = true, .max = 16 },
};

static const struct body_field webhook_add[] = {
	{ .name = "name", .type = BODY_NAME, .required = true },
	{ .name = "url", .type = BODY_STRING, .required = true, .max = STORE_URL_SIZE - 1 },
	{ .name = "events", .type = BODY_LIST, .max = PATTERNS_MAX, .item = BODY_STRING },
	{ .name = "enabled", .type = BODY_BOOL },
	{ .name = "comment", .type = BODY_STRING, .max = TEXT_MAX },
};

static const struct body_field webhook_edit[] = {
	{ .name = "url", .type = BODY_STRING, .max = STORE_URL_SIZE - 1 },
	{ .name = "events", .type = BODY_LIST, .max = PATTERNS_MAX, .item = BODY_STRING },
	{ .name = "enabled", .type = BODY_BOOL },
	{ .name = "comment", .type = BODY_STRING, .max = TEXT_MAX },
};

static const struct body_field webhook_redeliver[] = {
	{ .name = "delivery", .type = BODY_INT, .required = true, .min = 1, .max = UINT32_MAX },
};

/* No members: an empty object, or no body at all, is taken. */
static const struct body_field empty[1];

#define BODY(table)       .body = (table), .n_body = ARRAY_LEN(table)
#define NEEDS_BODY(table) BODY(table), .body_required = true
#define NO_MEMBERS        .body = empty, .n_body = 0
#define ADMINS            .role = ROLE_ADMIN
#define V1                "/api/v1"
#define CHANGE(f)         .flags = (f), .query = "dry_run"
#define ROUTE(m, p, h, ...)                                                                        \
	{                                                                                          \
		.method = (m), .path = (p), .handle = (h), __VA_ARGS__                             \
	}

static const struct route routes[] = {
	ROUTE(HTTP_GET, "/", webui_index, .flags = ROUTE_OPEN),
	ROUTE(HTTP_GET, "/ui/{id}", webui_get, .flags = ROUTE_OPEN),
	ROUTE(HTTP_GET, "/healthz", health_live, .flags = ROUTE_OPEN),
	ROUTE(HTTP_GET, "/readyz", health_ready, .flags = ROUTE_OPEN),
	ROUTE(HTTP_GET, "/metrics", metrics_get, .query = "nodes"),
	ROUTE(HTTP_GET, V1 "/openapi.json", health_openapi, .flags = ROUTE_ETAG),
	ROUTE(HTTP_GET, V1 "/status", status_get, .query = "limit after"),

	ROUTE(HTTP_GET, V1 "/nodes", nodes_list, .flags = ROUTE_ETAG, .query = "limit after"),
	ROUTE(HTTP_POST, V1 "/nodes", nodes_add, CHANGE(ROUTE_ONCE), NEEDS_BODY(node_add)),
	ROUTE(HTTP_GET, V1 "/nodes/{id}", nodes_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_PATCH, V1 "/nodes/{id}", nodes_edit, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(node_edit)),
	ROUTE(HTTP_DELETE, V1 "/nodes/{id}", nodes_delete, .flags = ROUTE_IF_MATCH,
	      .query = "dry_run force"),
	ROUTE(HTTP_GET, V1 "/nodes/{id}/history", history_of_node, .query = "resolution from to"),
	ROUTE(HTTP_GET, V1 "/nodes/{id}/paths", paths_of_node, .query = "limit after"),
	ROUTE(HTTP_POST, V1 "/nodes/{id}/revoke", nodes_revoke, CHANGE(ROUTE_IF_MATCH | ROUTE_ONCE),
	      BODY(revoke)),

	ROUTE(HTTP_POST, V1 "/nodes/{id}/disable", nodes_disable,
	      CHANGE(ROUTE_IF_MATCH | ROUTE_ONCE), BODY(revoke)),
	ROUTE(HTTP_POST, V1 "/nodes/{id}/enable", nodes_enable, CHANGE(ROUTE_IF_MATCH | ROUTE_ONCE),
	      NO_MEMBERS),
	ROUTE(HTTP_POST, V1 "/nodes/{id}/reach", reach_test, .flags = 0, NO_MEMBERS),
	ROUTE(HTTP_POST, V1 "/nodes/{id}/connect", sessions_connect, .flags = 0, NO_MEMBERS),
	ROUTE(HTTP_POST, V1 "/nodes/{id}/disconnect", sessions_disconnect, .flags = 0, NO_MEMBERS),
	ROUTE(HTTP_GET, V1 "/nodes/{id}/settings", node_settings_show, .flags = ROUTE_ETAG),
	ROUTE(HTTP_PATCH, V1 "/nodes/{id}/settings", node_settings_edit, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(node_settings_body)),
	ROUTE(HTTP_POST, V1 "/nodes/{id}/settings/cancel", node_settings_cancel,
	      CHANGE(ROUTE_IF_MATCH | ROUTE_ONCE), NO_MEMBERS),
	ROUTE(HTTP_GET, V1 "/log", logs_get, .flags = 0, .query = "level", ADMINS),
	ROUTE(HTTP_GET, V1 "/log-level", log_level_show, .flags = ROUTE_ETAG),
	ROUTE(HTTP_PATCH, V1 "/log-level", log_level_set_hub, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(log_level_body), ADMINS),

	ROUTE(HTTP_GET, V1 "/paths", paths_list, .query = "limit after node"),

	ROUTE(HTTP_GET, V1 "/keys", keys_list, .flags = ROUTE_ETAG,
	      .query = "limit after node due"),
	ROUTE(HTTP_GET, V1 "/keys/{id}", keys_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_POST, V1 "/keys/{id}/revoke", keys_revoke, CHANGE(ROUTE_IF_MATCH | ROUTE_ONCE),
	      BODY(revoke)),

	ROUTE(HTTP_GET, V1 "/held-keys", held_list, .flags = ROUTE_ETAG,
	      .query = "limit after node"),

	ROUTE(HTTP_POST, V1 "/nodes/{id}/rotate-keys", rotations_request, CHANGE(ROUTE_ONCE),
	      BODY(rotate_keys)),
	ROUTE(HTTP_GET, V1 "/key-rotations", rotations_list, .flags = ROUTE_ETAG,
	      .query = "limit after"),
	ROUTE(HTTP_GET, V1 "/key-rotations/{id}", rotations_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_DELETE, V1 "/key-rotations/{id}", rotations_refuse, CHANGE(ROUTE_IF_MATCH)),
	ROUTE(HTTP_POST, V1 "/key-rotations/{id}/approve", rotations_approve,
	      CHANGE(ROUTE_IF_MATCH | ROUTE_ONCE), NO_MEMBERS, ADMINS),
	ROUTE(HTTP_GET, V1 "/key-settings", key_settings_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_PATCH, V1 "/key-settings", key_settings_edit, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(key_settings), ADMINS),

	ROUTE(HTTP_GET, V1 "/revocations", revocations_list, .flags = ROUTE_ETAG,
	      .query = "limit after"),
	ROUTE(HTTP_GET, V1 "/revocations/{id}", revocations_get, .flags = ROUTE_ETAG),

	ROUTE(HTTP_GET, V1 "/hub/identity", hub_identity_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_DELETE, V1 "/hub/identity", hub_identity_cancel, CHANGE(ROUTE_IF_MATCH), ADMINS),
	ROUTE(HTTP_POST, V1 "/hub/identity/rotate", hub_identity_rotate, CHANGE(ROUTE_ONCE),
	      BODY(identity_rotate), ADMINS),
	ROUTE(HTTP_POST, V1 "/hub/identity/finish", hub_identity_finish, CHANGE(ROUTE_ONCE),
	      BODY(identity_finish), ADMINS),
	ROUTE(HTTP_GET, V1 "/hub/tunnel-key", hub_tunnel_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_DELETE, V1 "/hub/tunnel-key", hub_tunnel_cancel, CHANGE(ROUTE_IF_MATCH), ADMINS),
	ROUTE(HTTP_POST, V1 "/hub/tunnel-key/rotate", hub_tunnel_rotate, CHANGE(ROUTE_ONCE),
	      BODY(tunnel_rotate), ADMINS),
	ROUTE(HTTP_POST, V1 "/hub/tunnel-key/finish", hub_tunnel_finish, CHANGE(ROUTE_ONCE),
	      BODY(tunnel_finish), ADMINS),

	ROUTE(HTTP_POST, V1 "/hub/purge", sessions_purge, .flags = 0, NO_MEMBERS),
	ROUTE(HTTP_POST, V1 "/hub/retry", sessions_retry, .flags = 0, NO_MEMBERS),

	ROUTE(HTTP_GET, V1 "/subnets", subnets_list, .flags = ROUTE_ETAG,
	      .query = "limit after node"),
	ROUTE(HTTP_POST, V1 "/subnets", subnets_add, CHANGE(ROUTE_ONCE), NEEDS_BODY(subnet_add)),
	ROUTE(HTTP_GET, V1 "/subnets/{id}", subnets_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_PATCH, V1 "/subnets/{id}", subnets_edit, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(subnet_edit)),
	ROUTE(HTTP_DELETE, V1 "/subnets/{id}", subnets_remove, CHANGE(ROUTE_IF_MATCH)),

	ROUTE(HTTP_GET, V1 "/groups", groups_list, .flags = ROUTE_ETAG, .query = "limit after"),
	ROUTE(HTTP_POST, V1 "/groups", groups_add, CHANGE(ROUTE_ONCE), NEEDS_BODY(group_add)),
	ROUTE(HTTP_GET, V1 "/groups/{id}", groups_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_PATCH, V1 "/groups/{id}", groups_edit, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(group_edit)),
	ROUTE(HTTP_DELETE, V1 "/groups/{id}", groups_delete, CHANGE(ROUTE_IF_MATCH)),

	ROUTE(HTTP_GET, V1 "/policies", policies_list, .flags = ROUTE_ETAG, .query = "limit after"),
	ROUTE(HTTP_POST, V1 "/policies", policies_add, CHANGE(ROUTE_ONCE), NEEDS_BODY(policy_add)),
	ROUTE(HTTP_GET, V1 "/policies/check", policies_check, .flags = ROUTE_ETAG,
	      .query = "from to"),
	ROUTE(HTTP_GET, V1 "/policies/default", policies_default_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_PATCH, V1 "/policies/default", policies_default_set, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(policy_default)),
	ROUTE(HTTP_GET, V1 "/policies/{id}", policies_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_PATCH, V1 "/policies/{id}", policies_edit, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(policy_edit)),
	ROUTE(HTTP_DELETE, V1 "/policies/{id}", policies_remove, CHANGE(ROUTE_IF_MATCH)),

	ROUTE(HTTP_GET, V1 "/tokens", tokens_list, .flags = ROUTE_ETAG, .query = "limit after"),
	ROUTE(HTTP_POST, V1 "/tokens", tokens_add, CHANGE(ROUTE_ONCE), NEEDS_BODY(token_add)),
	ROUTE(HTTP_GET, V1 "/tokens/{id}", tokens_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_DELETE, V1 "/tokens/{id}", tokens_revoke, CHANGE(ROUTE_IF_MATCH)),
	ROUTE(HTTP_POST, V1 "/tokens/{id}/revoke", tokens_revoke,
	      CHANGE(ROUTE_IF_MATCH | ROUTE_ONCE), NO_MEMBERS),

	ROUTE(HTTP_GET, V1 "/api-tokens", api_tokens_list, .flags = ROUTE_ETAG,
	      .query = "limit after"),
	ROUTE(HTTP_POST, V1 "/api-tokens", api_tokens_add, CHANGE(ROUTE_ONCE),
	      NEEDS_BODY(api_token_add), ADMINS),
	ROUTE(HTTP_GET, V1 "/api-tokens/{id}", api_tokens_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_DELETE, V1 "/api-tokens/{id}", api_tokens_revoke, CHANGE(ROUTE_IF_MATCH),
	      ADMINS),
	ROUTE(HTTP_POST, V1 "/api-tokens/{id}/revoke", api_tokens_revoke,
	      CHANGE(ROUTE_IF_MATCH | ROUTE_ONCE), NO_MEMBERS, ADMINS),

	ROUTE(HTTP_GET, V1 "/users", users_list, .flags = ROUTE_ETAG, .query = "limit after"),
	ROUTE(HTTP_POST, V1 "/users", users_add, CHANGE(ROUTE_ONCE), NEEDS_BODY(user_add), ADMINS),
	ROUTE(HTTP_GET, V1 "/users/{id}", users_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_PATCH, V1 "/users/{id}", users_edit, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(user_edit), ADMINS),
	ROUTE(HTTP_DELETE, V1 "/users/{id}", users_delete, CHANGE(ROUTE_IF_MATCH), ADMINS),

	ROUTE(HTTP_GET, V1 "/session", sign_in_get, .flags = ROUTE_ETAG),
	ROUTE(HTTP_POST, V1 "/session", sign_in_open, .flags = ROUTE_OPEN,
	      NEEDS_BODY(sign_in_open_body)),
	ROUTE(HTTP_PATCH, V1 "/session", sign_in_password, .role = ROLE_AUDITOR,
	      NEEDS_BODY(sign_in_password_body)),
	ROUTE(HTTP_DELETE, V1 "/session", sign_in_close, .role = ROLE_AUDITOR),
	ROUTE(HTTP_POST, V1 "/session/totp", sign_in_totp_begin, .role = ROLE_AUDITOR,
	      NEEDS_BODY(totp_begin)),
	ROUTE(HTTP_PATCH, V1 "/session/totp", sign_in_totp_verify, .role = ROLE_AUDITOR,
	      NEEDS_BODY(totp_code_body)),
	ROUTE(HTTP_POST, V1 "/session/totp/disable", sign_in_totp_end, .role = ROLE_AUDITOR,
	      NEEDS_BODY(totp_code_body)),

	ROUTE(HTTP_GET, V1 "/audit", audit_list, .flags = ROUTE_ETAG,
	      .query = "limit after order actor action object since until"),
	ROUTE(HTTP_GET, V1 "/audit/export", audit_export,
	      .query = "limit after actor action object since until"),
	ROUTE(HTTP_GET, V1 "/audit/verify", audit_verify, .query = "limit after"),

	ROUTE(HTTP_GET, V1 "/history", history_of_hub, .query = "resolution from to"),
	ROUTE(HTTP_GET, V1 "/history/nodes", history_of_nodes,
	      .query = "resolution points limit after node"),

	ROUTE(HTTP_GET, V1 "/webhooks", webhooks_list, .flags = ROUTE_ETAG, .query = "limit after",
	      ADMINS),
	ROUTE(HTTP_POST, V1 "/webhooks", webhooks_add, CHANGE(ROUTE_ONCE), NEEDS_BODY(webhook_add),
	      ADMINS),
	ROUTE(HTTP_GET, V1 "/webhooks/{id}", webhooks_get, .flags = ROUTE_ETAG, ADMINS),
	ROUTE(HTTP_PATCH, V1 "/webhooks/{id}", webhooks_edit, CHANGE(ROUTE_IF_MATCH),
	      NEEDS_BODY(webhook_edit), ADMINS),
	ROUTE(HTTP_DELETE, V1 "/webhooks/{id}", webhooks_delete, CHANGE(ROUTE_IF_MATCH), ADMINS),
	ROUTE(HTTP_POST, V1 "/webhooks/{id}/secret", webhooks_secret,
	      CHANGE(ROUTE_IF_MATCH | ROUTE_ONCE), NO_MEMBERS, ADMINS),
	ROUTE(HTTP_POST, V1 "/webhooks/{id}/test", webhooks_test, CHANGE(ROUTE_ONCE), NO_MEMBERS,
	      ADMINS),
	ROUTE(HTTP_GET, V1 "/webhooks/{id}/deliveries", webhooks_deliveries, .query = "limit after",
	      ADMINS),
	ROUTE(HTTP_POST, V1 "/webhooks/{id}/redeliver", webhooks_redeliver, CHANGE(ROUTE_ONCE),
	      NEEDS_BODY(webhook_redeliver), ADMINS),

	ROUTE(HTTP_GET, V1 "/events", events_get, .flags = 0),

	ROUTE(HTTP_GET, V1 "/revision", revisions_current, .flags = ROUTE_ETAG),
	ROUTE(HTTP_GET, V1 "/revisions/{id}", revisions_get, .query = "wait_ms except receipts"),
};

const struct route_table api_routes = { routes, ARRAY_LEN(routes) };
