/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* command: what each subcommand is given, and all of them. */
#include <jansson.h>

#include "hub/cli/cli.h"
#include "hub/cli/client.h"
#include "shared/base/command.h"

/* One run of the CLI. */
struct cli {
	const struct paths *paths;
	struct client_target target;
	struct client *client;
	bool json; /* --json: print what the API answered */
	bool dry_run;
};

/* commands.c: every command; a test walks it. */
extern const struct command commands[];
extern const size_t commands_n;
/* cli.c: the same, with the options that all of them have. */
struct command_set cli_command_set(void);

/* cmd_node.c, cmd_node_add.c, cmd_revoke.c */
int cmd_node_add(struct cli *cli, struct args *a);
int cmd_node_list(struct cli *cli, struct args *a);
int cmd_node_show(struct cli *cli, struct args *a);
int cmd_node_edit(struct cli *cli, struct args *a);
int cmd_node_delete(struct cli *cli, struct args *a);
int cmd_node_revoke(struct cli *cli, struct args *a);
/* cmd_revocation.c */
int cmd_node_revocation(struct cli *cli, struct args *a);
int cmd_revocation_list(struct cli *cli, struct args *a);
int cmd_revocation_show(struct cli *cli, struct args *a);
/* cmd_node_state.c */
int cmd_node_rename(struct cli *cli, struct args *a);
int cmd_node_disable(struct cli *cli, struct args *a);
int cmd_node_enable(struct cli *cli, struct args *a);
/* cmd_reach.c */
int cmd_node_reach(struct cli *cli, struct args *a);
/* cmd_log.c */
int cmd_log(struct cli *cli, struct args *a);
/* cmd_session.c */
int cmd_connect(struct cli *cli, struct args *a);
int cmd_disconnect(struct cli *cli, struct args *a);
int cmd_purge(struct cli *cli, struct args *a);
int cmd_retry(struct cli *cli, struct args *a);
/* cmd_node_settings.c */
int cmd_node_set(struct cli *cli, struct args *a);
int cmd_node_settings(struct cli *cli, struct args *a);
int cmd_log_level(struct cli *cli, struct args *a);
/* cmd_subnet.c */
int cmd_subnet_add(struct cli *cli, struct args *a);
int cmd_subnet_approve(struct cli *cli, struct args *a);
int cmd_subnet_edit(struct cli *cli, struct args *a);
int cmd_subnet_remove(struct cli *cli, struct args *a);
int cmd_subnet_list(struct cli *cli, struct args *a);
/* cmd_group.c */
int cmd_group_create(struct cli *cli, struct args *a);
int cmd_group_list(struct cli *cli, struct args *a);
int cmd_group_edit(struct cli *cli, struct args *a);
int cmd_group_delete(struct cli *cli, struct args *a);
/* cmd_policy.c */
int cmd_policy_add(struct cli *cli, struct args *a);
int cmd_policy_list(struct cli *cli, struct args *a);
int cmd_policy_edit(struct cli *cli, struct args *a);
int cmd_policy_remove(struct cli *cli, struct args *a);
int cmd_policy_default(struct cli *cli, struct args *a);
int cmd_policy_check(struct cli *cli, struct args *a);
/* cmd_token.c */
int cmd_token_create(struct cli *cli, struct args *a);
int cmd_token_list(struct cli *cli, struct args *a);
int cmd_token_revoke(struct cli *cli, struct args *a);
/* cmd_api_token.c */
int cmd_api_token_create(struct cli *cli, struct args *a);
int cmd_api_token_list(struct cli *cli, struct args *a);
int cmd_api_token_revoke(struct cli *cli, struct args *a);
/* cmd_user.c */
int cmd_user_add(struct cli *cli, struct args *a);
int cmd_user_list(struct cli *cli, struct args *a);
int cmd_user_edit(struct cli *cli, struct args *a);
int cmd_user_passwd(struct cli *cli, struct args *a);
int cmd_user_delete(struct cli *cli, struct args *a);
/* cmd_audit.c */
int cmd_audit_list(struct cli *cli, struct args *a);
int cmd_audit_export(struct cli *cli, struct args *a);
int cmd_audit_verify(struct cli *cli, struct args *a);
/* cmd_events.c */
int cmd_events(struct cli *cli, struct args *a);
/* cmd_history.c */
int cmd_history(struct cli *cli, struct args *a);
/* cmd_webhook.c */
int cmd_webhook_add(struct cli *cli, struct args *a);
int cmd_webhook_list(struct cli *cli, struct args *a);
int cmd_webhook_edit(struct cli *cli, struct args *a);
int cmd_webhook_secret(struct cli *cli, struct args *a);
int cmd_webhook_delete(struct cli *cli, struct args *a);
int cmd_webhook_test(struct cli *cli, struct args *a);
int cmd_webhook_redeliver(struct cli *cli, struct args *a);
int cmd_webhook_log(struct cli *cli, struct args *a);
/* cmd_key.c, cmd_revoke.c */
int cmd_key_list(struct cli *cli, struct args *a);
int cmd_key_held(struct cli *cli, struct args *a);
int cmd_key_revoke(struct cli *cli, struct args *a);
/* cmd_identity.c */
int cmd_identity_show(struct cli *cli, struct args *a);
int cmd_identity_rotate(struct cli *cli, struct args *a);
int cmd_identity_finish(struct cli *cli, struct args *a);
int cmd_identity_cancel(struct cli *cli, struct args *a);
/* cmd_tunnel_key.c */
int cmd_tunnel_key_show(struct cli *cli, struct args *a);
int cmd_tunnel_key_rotate(struct cli *cli, struct args *a);
int cmd_tunnel_key_finish(struct cli *cli, struct args *a);
int cmd_tunnel_key_cancel(struct cli *cli, struct args *a);
/* cmd_rotation.c */
int cmd_node_rotate(struct cli *cli, struct args *a);
int cmd_key_rotations(struct cli *cli, struct args *a);
int cmd_key_approve(struct cli *cli, struct args *a);
int cmd_key_refuse(struct cli *cli, struct args *a);
int cmd_key_settings(struct cli *cli, struct args *a);
/* cmd_path.c */
int cmd_path_list(struct cli *cli, struct args *a);
/* cmd_import.c */
int cmd_import_tinc(struct cli *cli, struct args *a);
int cmd_import(struct cli *cli, struct args *a);
/* cmd_status.c */
int cmd_status(struct cli *cli, struct args *a);
int cmd_revision(struct cli *cli, struct args *a);
/* cmd_local.c: the files and the process of this machine's hub */
int cmd_get(struct cli *cli, struct args *a);
int cmd_set(struct cli *cli, struct args *a);
int cmd_add(struct cli *cli, struct args *a);
int cmd_del(struct cli *cli, struct args *a);
int cmd_edit(struct cli *cli, struct args *a);
int cmd_fsck(struct cli *cli, struct args *a);
int cmd_network(struct cli *cli, struct args *a);
int cmd_pid(struct cli *cli, struct args *a);
int cmd_reload(struct cli *cli, struct args *a);
int cmd_stop(struct cli *cli, struct args *a);
int cmd_restart(struct cli *cli, struct args *a);
/* cmd_dump.c */
int cmd_dump_connections(struct cli *cli, struct args *a);
int cmd_dump_graph(struct cli *cli, struct args *a);
int cmd_info(struct cli *cli, struct args *a);
int cmd_top(struct cli *cli, struct args *a);
int cmd_hosts(struct cli *cli, struct args *a);
int cmd_export(struct cli *cli, struct args *a);
int cmd_export_all(struct cli *cli, struct args *a);
/* cmd_completion.c */
int cmd_completion(struct cli *cli, struct args *a);
