/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one table of commands: usage, help, completion and dispatch come from it. */
#include "hub/cli/command.h"

#define DRY_RUN                                                                                    \
	{                                                                                          \
		"--dry-run", NULL, false, "check only, change nothing"                             \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, false, NULL                                                            \
	}

#define YES                                                                                        \
	{                                                                                          \
		"--yes", NULL, false, "do not ask"                                                 \
	}

#define PATH_OPTION                                                                                \
	{                                                                                          \
		"--path", "POLICY", false,                                                         \
			"how it and other branches meet: auto, hub-only or direct-only"            \
	}

static const struct args_option node_add_options[] = {
	{ "--subnet", "PREFIX[#WEIGHT]", true,
	  "a network behind this node (lower weight wins, default 10)" },
	{ "--address", "ADDRESS", true,
	  "its own address in the network, one for IPv4 and one for IPv6 (default: from the "
	  "pools)" },
	{ "--endpoint", "\"HOST PORT\"", true, "where it can be reached, when that is fixed" },
	{ "--kind", "spoke|wireguard", false,
	  "a Branchline spoke (default) or a stock WireGuard device" },
	{ "--public-key", "KEY", false, "public key of a WireGuard device" },
	{ "--keepalive", "SECONDS", false,
	  "send something at least so often (0: only when needed)" },
	PATH_OPTION,
	{ "--comment", "TEXT", false, "a note for people" },
	{ "--group", "NAME", true, "a group that it is in (default: default)" },
	{ "--expires", "SECONDS", false, "life of the join token (default 86400)" },
	DRY_RUN,
	END,
};

static const struct args_option node_edit_options[] = {
	{ "--endpoint", "\"HOST PORT\"", true,
	  "where it can be reached; replaces all that were set" },
	{ "--no-endpoints", NULL, false, "forget all endpoints" },
	{ "--address", "ADDRESS", true,
	  "its own address in the network, in the place of that of the same family" },
	{ "--keepalive", "SECONDS", false,
	  "send something at least so often (0: only when needed)" },
	{ "--compression", "LEVEL", false, "0 none, 1 to 9 zlib, 10 and 11 LZO" },
	PATH_OPTION,
	{ "--comment", "TEXT", false, "a note for people" },
	{ "--group", "+NAME,-NAME", true,
	  "groups to join (+) and to leave (-); names without a sign replace all" },
	DRY_RUN,
	END,
};

static const struct args_option node_set_options[] = {
	{ "--confirm-within", "SECONDS", false,
	  "the branch takes the change back unless it reaches the hub again within so long "
	  "(default "
	  "60)" },
	{ "--no-wait", NULL, false, "do not wait until it has confirmed" },
	DRY_RUN,
	END,
};

static const struct args_option node_settings_options[] = {
	{ "--cancel", NULL, false, "take back a change that is pending" },
	DRY_RUN,
	END,
};

static const struct args_option node_disable_options[] = {
	{ "--reason", "TEXT", false, "why, for the audit log" },
	DRY_RUN,
	END,
};

static const struct args_option node_revoke_options[] = {
	{ "--reason", "TEXT", false, "why; the node is told" },
	{ "--key", "ID", false, "revoke by this key instead of a name" },
	{ "--timeout", "SECONDS", false,
	  "how long to wait for the others to confirm (default 10)" },
	YES,
	DRY_RUN,
	END,
};

static const struct args_option key_revoke_options[] = {
	{ "--reason", "TEXT", false, "why" },
	{ "--timeout", "SECONDS", false,
	  "how long to wait for the others to confirm (default 10)" },
	YES,
	DRY_RUN,
	END,
};

static const struct args_option delete_options[] = {
	YES,
	DRY_RUN,
	END,
};

static const struct args_option node_delete_options[] = {
	YES,
	{ "--force", NULL, false, "although hub.conf expects it (ConnectTo)" },
	DRY_RUN,
	END,
};

#define SUBNET_ALLOWS                                                                              \
	{ "--failover", NULL, false, "the same prefix may be behind another node, too" },          \
	{                                                                                          \
		"--force", NULL, false, "although it holds an address of the hub"                  \
	}

static const struct args_option subnet_add_options[] = {
	{ "--weight", "N", false, "lower wins (default 10)" },
	SUBNET_ALLOWS,
	DRY_RUN,
	END,
};

static const struct args_option subnet_approve_options[] = {
	{ "--weight", "N", false, "another weight than the branch has proposed" },
	SUBNET_ALLOWS,
	DRY_RUN,
	END,
};

static const struct args_option subnet_edit_options[] = {
	{ "--weight", "N", false, "lower wins" },
	DRY_RUN,
	END,
};

static const struct args_option group_create_options[] = {
	{ "--comment", "TEXT", false, "a note for people" },
	DRY_RUN,
	END,
};

static const struct args_option group_edit_options[] = {
	{ "--name", "NAME", false, "a new name" },
	{ "--comment", "TEXT", false, "a note for people" },
	DRY_RUN,
	END,
};

static const struct args_option policy_options[] = {
	{ "--path", "POLICY", false,
	  "how their nodes meet: auto (default), hub-only or direct-only" },
	DRY_RUN,
	END,
};

static const struct args_option token_create_options[] = {
	{ "--group", "NAME", false,
	  "let in new branches of this group, under names of their choice, instead of one node" },
	{ "--expires", "SECONDS", false, "life of the token (default 86400)" },
	{ "--uses", "N", false, "how often it may be used (default 1)" },
	DRY_RUN,
	END,
};

static const struct args_option api_token_options[] = {
	{ "--role", "ROLE", false,
	  "auditor (looks only), operator (runs the network) or admin (default)" },
	{ "--scope", "NOUN[:read]", true, "narrow it to a part of the API, such as nodes:read" },
	{ "--expires", "SECONDS", false, "life of the token (default: no end)" },
	DRY_RUN,
	END,
};

#define PASSWORD_FILE                                                                              \
	{                                                                                          \
		"--password-file", "FILE", false,                                                  \
			"a file of mode 0600 with the password (default: one is made and printed)" \
	}

static const struct args_option user_add_options[] = {
	{ "--role", "ROLE", false,
	  "auditor (looks only), operator (runs the network) or admin; required" },
	PASSWORD_FILE,
	DRY_RUN,
	END,
};

static const struct args_option user_edit_options[] = {
	{ "--role", "ROLE", false, "auditor, operator or admin" },
	{ "--disable", NULL, false, "let the user sign in no more" },
	{ "--enable", NULL, false, "take that back" },
	{ "--forget-totp", NULL, false, "the second factor is lost: sign in without it" },
	DRY_RUN,
	END,
};

static const struct args_option user_passwd_options[] = {
	PASSWORD_FILE,
	DRY_RUN,
	END,
};

#define AUDIT_FILTERS                                                                              \
	{ "--actor", "ACTOR", false, "who: unix:root, user:NAME, token:NAME, node:NAME" },         \
		{ "--action", "ACTION", false,                                                     \
		  "what: node.revoke, or node. for all about nodes" },                             \
		{ "--object", "OBJECT", false, "to what: node:NAME" },                             \
		{ "--since", "TIME", false, "from then on: 2026-11-22 or 2026-11-22T14:40:00Z" },  \
	{                                                                                          \
		"--until", "TIME", false, "before then"                                            \
	}

static const struct args_option audit_list_options[] = {
	AUDIT_FILTERS,
	{ "--limit", "N", false, "how many, the newest of them (default 50)" },
	END,
};

static const struct args_option audit_export_options[] = {
	AUDIT_FILTERS,
	END,
};

static const struct args_option events_options[] = {
	{ "--follow", NULL, false, "go on until interrupted (it always does)" },
	{ "--after", "ID", false, "begin behind this event, as --json showed it" },
	END,
};

static const struct args_option status_options[] = {
	{ "--verbose", NULL, false,
	  "also the data plane, what it dropped and why, and of each node its "
	  "NAT and the reason of its path" },
	END,
};

static const struct args_option history_options[] = {
	{ "--resolution", "STEP", false, "1s (2 minutes), 1m (a day; default) or 1h (31 days)" },
	{ "--from", "TIME", false, "from then on: 2026-11-22 or 2026-11-22T14:40:00Z" },
	{ "--to", "TIME", false, "before then" },
	END,
};

#define WEBHOOK_EVENT                                                                              \
	{                                                                                          \
		"--event", "EVENT", true,                                                          \
			"an event it wants: node.revoke, \"presence.*\" (default: all)"            \
	}

static const struct args_option webhook_add_options[] = {
	WEBHOOK_EVENT,
	{ "--comment", "TEXT", false, "a note for people" },
	{ "--disable", NULL, false, "send nothing yet" },
	DRY_RUN,
	END,
};

static const struct args_option webhook_edit_options[] = {
	{ "--url", "URL", false, "another address" },
	WEBHOOK_EVENT,
	{ "--comment", "TEXT", false, "a note for people" },
	{ "--enable", NULL, false, "send again, and forget its failures" },
	{ "--disable", NULL, false, "send no more, and drop what waits" },
	DRY_RUN,
	END,
};

static const struct args_option webhook_log_options[] = {
	{ "--limit", "N", false, "how many, the newest of them (default 50)" },
	END,
};

static const struct args_option node_rotate_options[] = {
	{ "--tunnel", NULL, false, "the tunnel key (the default)" },
	{ "--identity", NULL, false, "the identity key; with --tunnel both" },
	{ "--timeout", "SECONDS", false, "how long to wait for the new keys (default 10; 0: not)" },
	DRY_RUN,
	END,
};

static const struct args_option key_settings_options[] = {
	{ "--approval", "auto|admin", false,
	  "keys that a branch replaces unasked are taken at once, or when an admin approves" },
	{ "--overlap", "SECONDS", false, "a key that was replaced is taken for so long" },
	{ "--max-age", "SECONDS", false, "older keys are overdue (0: keys may have any age)" },
	{ "--warn", "SECONDS", false, "so long before that they are due soon" },
	{ "--auto-rotate", "yes|no", false, "branches are asked for new keys at the maximum age" },
	DRY_RUN,
	END,
};

static const struct args_option identity_rotate_options[] = {
	{ "--overlap", "SECONDS", false,
	  "announce the next key for so long before it is in force (default 604800, a week)" },
	DRY_RUN,
	END,
};

static const struct args_option identity_finish_options[] = {
	{ "--force", NULL, false,
	  "also when branches do not know the next key: they lose the hub" },
	DRY_RUN,
	END,
};

static const struct args_option tunnel_key_rotate_options[] = {
	{ "--overlap", "SECONDS", false,
	  "wait so long for branches that are away (default 86400, a day)" },
	{ "--timeout", "SECONDS", false, "how long to wait for the new key (default 10; 0: not)" },
	DRY_RUN,
	END,
};

static const struct args_option tunnel_key_finish_options[] = {
	{ "--force", NULL, false,
	  "also when WireGuard devices still use the old one: they are cut off" },
	DRY_RUN,
	END,
};

static const struct args_option change_options[] = {
	DRY_RUN,
	END,
};

static const struct args_option import_tinc_options[] = {
	{ "--policy-from-connect-to", NULL, false,
	  "the nodes that are made may talk to the hub only, like branches that ConnectTo it" },
	DRY_RUN,
	END,
};

static const struct args_option fsck_options[] = {
	{ "--fix", NULL, false, "put permissions right" },
	END,
};

static const struct args_option hosts_options[] = {
	{ "--write", NULL, false, "put the block into /etc/hosts instead of printing it" },
	{ "--file", "FILE", false, "into another file" },
	{ "--remove", NULL, false, "take it out again" },
	END,
};

const struct command commands[] = {
	{ "node", "add", "NAME", "add a branch, and print the line to paste there", 1, 1,
	  node_add_options, cmd_node_add },
	{ "node", "list", "", "list all nodes", 0, 0, NULL, cmd_node_list },
	{ "node", "show", "NAME", "show one node", 1, 1, NULL, cmd_node_show },
	{ "node", "reach", "NAME", "does a branch answer through its tunnel, and what goes there",
	  1, 1, NULL, cmd_node_reach },
	{ "node", "edit", "NAME", "change settings of a node", 1, 1, node_edit_options,
	  cmd_node_edit },
	{ "node", "rename", "NAME NEW", "call a node otherwise; its tunnels do not notice", 2, 2,
	  change_options, cmd_node_rename },
	{ "node", "disable", "NAME", "end its tunnels until it is enabled again", 1, 1,
	  node_disable_options, cmd_node_disable },
	{ "node", "enable", "NAME", "take it back, as it was", 1, 1, change_options,
	  cmd_node_enable },
	{ "node", "set", "NAME KEY=VALUE...", "set something on a branch, on trial first", 2,
	  ARGS_WORDS_MAX, node_set_options, cmd_node_set },
	{ "node", "settings", "NAME", "show what is set on a branch, and what holds there", 1, 1,
	  node_settings_options, cmd_node_settings },
	{ "node", "revoke", "NAME", "cut a node off, and wait until the others confirm", 0, 1,
	  node_revoke_options, cmd_node_revoke },
	{ "node", "revocation", "NAME", "who has applied its revocation, and how long it took", 1,
	  1, NULL, cmd_node_revocation },
	{ "node", "rotate", "NAME", "have a branch make new keys, without losing a packet", 1, 1,
	  node_rotate_options, cmd_node_rotate },
	{ "node", "delete", "NAME", "delete a node with all that belongs to it", 1, 1,
	  node_delete_options, cmd_node_delete },
	{ "subnet", "add", "NODE PREFIX", "put a network behind a node", 2, 2, subnet_add_options,
	  cmd_subnet_add },
	{ "subnet", "approve", "NODE PREFIX | ID", "take what a branch has proposed", 1, 2,
	  subnet_approve_options, cmd_subnet_approve },
	{ "subnet", "edit", "NODE PREFIX | ID", "change the weight of a subnet", 1, 2,
	  subnet_edit_options, cmd_subnet_edit },
	{ "subnet", "remove", "NODE PREFIX | ID", "take it away", 1, 2, change_options,
	  cmd_subnet_remove },
	{ "subnet", "list", "[NODE]", "list subnets", 0, 1, NULL, cmd_subnet_list },
	{ "path", "list", "[NODE]", "how nodes reach each other, and why so", 0, 1, NULL,
	  cmd_path_list },
	{ "group", "create", "NAME", "make a group of nodes", 1, 1, group_create_options,
	  cmd_group_create },
	{ "group", "list", "", "list groups", 0, 0, NULL, cmd_group_list },
	{ "group", "edit", "NAME", "rename a group, or change its comment", 1, 1,
	  group_edit_options, cmd_group_edit },
	{ "group", "delete", "NAME", "delete a group that nothing uses", 1, 1, delete_options,
	  cmd_group_delete },
	{ "policy", "add", "GROUP GROUP", "let two groups talk to each other", 2, 2, policy_options,
	  cmd_policy_add },
	{ "policy", "edit", "GROUP GROUP", "change which paths they may use", 2, 2, policy_options,
	  cmd_policy_edit },
	{ "policy", "list", "", "list what is allowed", 0, 0, NULL, cmd_policy_list },
	{ "policy", "remove", "GROUP GROUP", "take that back", 2, 2, change_options,
	  cmd_policy_remove },
	{ "policy", "default", "[allow|deny]", "show, open or close the network", 0, 1,
	  change_options, cmd_policy_default },
	{ "policy", "check", "NODE NODE", "can one reach the other, and what decides it", 2, 2,
	  NULL, cmd_policy_check },
	{ "import-tinc", NULL, "DIR", "take over nodes and subnets of a tinc network", 1, 1,
	  import_tinc_options, cmd_import_tinc },
	{ "export", NULL, "[NODE]", "print the hub's host file, or a node's, as tinc does", 0, 1,
	  NULL, cmd_export },
	{ "export-all", NULL, "", "print those of all nodes", 0, 0, NULL, cmd_export_all },
	{ "import", NULL, "[FILE]", "add the nodes of host files that export or tinc has printed",
	  0, 1, change_options, cmd_import },
	{ "token", "create", "[NODE]", "make a join token, and print the line to paste", 0, 1,
	  token_create_options, cmd_token_create },
	{ "token", "list", "", "list join tokens", 0, 0, NULL, cmd_token_list },
	{ "token", "revoke", "ID", "make a join token worthless", 1, 1, change_options,
	  cmd_token_revoke },
	{ "key", "list", "[NODE]", "list keys", 0, 1, NULL, cmd_key_list },
	{ "key", "revoke", "ID", "revoke a key, and wait until the others confirm", 1, 1,
	  key_revoke_options, cmd_key_revoke },
	{ "key", "held", "[NODE]", "list keys that branches hold back (StrictKeys)", 0, 1, NULL,
	  cmd_key_held },
	{ "key", "rotations", "", "list keys that are being replaced", 0, 0, NULL,
	  cmd_key_rotations },
	{ "key", "approve", "NODE", "take the new keys that a branch has proposed", 1, 1,
	  change_options, cmd_key_approve },
	{ "key", "refuse", "NODE", "refuse them, or take a request for new keys back", 1, 1,
	  change_options, cmd_key_refuse },
	{ "key", "settings", "", "show or change what holds for all keys", 0, 0,
	  key_settings_options, cmd_key_settings },
	{ "revocation", "list", "", "list revocations of nodes, and what came of each", 0, 0, NULL,
	  cmd_revocation_list },
	{ "revocation", "show", "ID", "who has applied one, and how long it took", 1, 1, NULL,
	  cmd_revocation_show },
	{ "identity", "show", "", "the hub's own identity key, and who knows the next one", 0, 0,
	  NULL, cmd_identity_show },
	{ "identity", "rotate", "", "replace it: announce the next one to all branches", 0, 0,
	  identity_rotate_options, cmd_identity_rotate },
	{ "identity", "finish", "", "put the next one into force now", 0, 0,
	  identity_finish_options, cmd_identity_finish },
	{ "identity", "cancel", "", "keep the present one", 0, 0, change_options,
	  cmd_identity_cancel },
	{ "tunnel-key", "show", "", "the hub's own tunnel key, and who still needs the old one", 0,
	  0, NULL, cmd_tunnel_key_show },
	{ "tunnel-key", "rotate", "", "replace it, without losing a packet", 0, 0,
	  tunnel_key_rotate_options, cmd_tunnel_key_rotate },
	{ "tunnel-key", "finish", "", "forget the old one now", 0, 0, tunnel_key_finish_options,
	  cmd_tunnel_key_finish },
	{ "tunnel-key", "cancel", "", "make no new one after all", 0, 0, change_options,
	  cmd_tunnel_key_cancel },
	{ "api-token", "create", "NAME", "make a token for the API over HTTPS", 1, 1,
	  api_token_options, cmd_api_token_create },
	{ "api-token", "list", "", "list API tokens", 0, 0, NULL, cmd_api_token_list },
	{ "api-token", "revoke", "NAME | ID", "make an API token worthless", 1, 1, change_options,
	  cmd_api_token_revoke },
	{ "user", "add", "NAME", "add somebody who may sign in to the page", 1, 1, user_add_options,
	  cmd_user_add },
	{ "user", "list", "", "list users", 0, 0, NULL, cmd_user_list },
	{ "user", "edit", "NAME", "change role or state of a user", 1, 1, user_edit_options,
	  cmd_user_edit },
	{ "user", "passwd", "NAME", "give a user a new password", 1, 1, user_passwd_options,
	  cmd_user_passwd },
	{ "user", "delete", "NAME", "delete a user", 1, 1, delete_options, cmd_user_delete },
	{ "audit", "list", "", "show who did what lately", 0, 0, audit_list_options,
	  cmd_audit_list },
	{ "audit", "export", "", "print all of it, a JSON object a line", 0, 0,
	  audit_export_options, cmd_audit_export },
	{ "audit", "verify", "", "has anybody altered it", 0, 0, NULL, cmd_audit_verify },
	{ "events", NULL, "", "show what happens, as it happens", 0, 0, events_options,
	  cmd_events },
	{ "log", NULL, "[LEVEL]", "follow the log of the hub's processes, at a level of one's own",
	  0, 1, NULL, cmd_log },
	{ "history", NULL, "[NODE]", "traffic over time, of a node or of the hub", 0, 1,
	  history_options, cmd_history },
	{ "webhook", "add", "NAME URL", "tell a receiver of what happens, by HTTP", 2, 2,
	  webhook_add_options, cmd_webhook_add },
	{ "webhook", "list", "", "list webhooks", 0, 0, NULL, cmd_webhook_list },
	{ "webhook", "edit", "NAME", "change, enable or disable one", 1, 1, webhook_edit_options,
	  cmd_webhook_edit },
	{ "webhook", "secret", "NAME", "give it a new secret", 1, 1, change_options,
	  cmd_webhook_secret },
	{ "webhook", "delete", "NAME", "delete it", 1, 1, delete_options, cmd_webhook_delete },
	{ "webhook", "test", "NAME", "send it an event that means nothing", 1, 1, change_options,
	  cmd_webhook_test },
	{ "webhook", "log", "NAME", "what was sent, and what came of it", 1, 1, webhook_log_options,
	  cmd_webhook_log },
	{ "webhook", "redeliver", "NAME ID", "send the event of a delivery once more", 2, 2,
	  change_options, cmd_webhook_redeliver },
	{ "log-level", NULL, "[LEVEL]", "show or set how much the hub logs, until its restart", 0,
	  1, change_options, cmd_log_level },
	{ "debug", NULL, "[LEVEL]", "the same", 0, 1, change_options, cmd_log_level },
	{ "connect", NULL, "NODE", "begin a session with a node now, and say whether it answers", 1,
	  1, NULL, cmd_connect },
	{ "disconnect", NULL, "NODE", "end a node's link and session now; it comes back by itself",
	  1, 1, NULL, cmd_disconnect },
	{ "purge", NULL, "", "forget sessions and paths of all nodes that do not answer", 0, 0,
	  NULL, cmd_purge },
	{ "retry", NULL, "", "call all nodes that do not answer now", 0, 0, NULL, cmd_retry },
	{ "status", NULL, "", "show the hub and how each node is reached", 0, 0, status_options,
	  cmd_status },
	{ "revision", NULL, "[N]", "show the directory's revision, and who has applied it", 0, 1,
	  NULL, cmd_revision },
	{ "dump", "nodes", "", "list all nodes", 0, 0, NULL, cmd_node_list },
	{ "dump", "subnets", "[NODE]", "list subnets", 0, 1, NULL, cmd_subnet_list },
	{ "dump", "connections", "", "list the nodes that are connected", 0, 0, NULL,
	  cmd_dump_connections },
	{ "dump", "graph", "", "draw the network, for Graphviz", 0, 0, NULL, cmd_dump_graph },
	{ "info", NULL, "NODE | SUBNET | ADDRESS", "show a node, or who has an address", 1, 1, NULL,
	  cmd_info },
	{ "top", NULL, "", "show the traffic of each node, live", 0, 0, NULL, cmd_top },
	{ "hosts", NULL, "", "the nodes' names as a block for /etc/hosts", 0, 0, hosts_options,
	  cmd_hosts },
	{ "completion", NULL, "SHELL", "print the completion of these commands for bash or zsh", 1,
	  1, NULL, cmd_completion },
	{ "get", NULL, "[HOST.]VARIABLE", "print a configuration variable", 1, 1, NULL, cmd_get },
	{ "set", NULL, "[HOST.]VARIABLE VALUE", "set a configuration variable", 2, ARGS_WORDS_MAX,
	  change_options, cmd_set },
	{ "add", NULL, "[HOST.]VARIABLE VALUE", "add one more line of a variable", 2,
	  ARGS_WORDS_MAX, change_options, cmd_add },
	{ "del", NULL, "[HOST.]VARIABLE [VALUE]", "delete a variable, or one line of it", 1,
	  ARGS_WORDS_MAX, change_options, cmd_del },
	{ "edit", NULL, "[HOST]", "edit hub.conf, or a file of hosts, and check it", 0, 1, NULL,
	  cmd_edit },
	{ "fsck", NULL, "", "look for what is wrong with files and databases of this hub", 0, 0,
	  fsck_options, cmd_fsck },
	{ "network", NULL, "", "list the networks whose hub is on this machine", 0, 0, NULL,
	  cmd_network },
	{ "pid", NULL, "", "print the process id of the daemon", 0, 0, NULL, cmd_pid },
	{ "reload", NULL, "", "make the daemon read its configuration again", 0, 0, NULL,
	  cmd_reload },
	{ "stop", NULL, "", "stop the daemon", 0, 0, NULL, cmd_stop },
	{ "restart", NULL, "", "stop the daemon, and start it in the background", 0, 0, NULL,
	  cmd_restart },
};
const size_t commands_n = ARRAY_LEN(commands);
