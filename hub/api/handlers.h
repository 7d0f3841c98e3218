/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* handlers: what stands behind each row of the route table. Each answers its request, or lets it
 * wait (revisions_get and reach_test only). */
#include "hub/api/request.h"

/* webui.c */
void webui_index(struct request *r);
void webui_get(struct request *r);
/* health.c */
void health_live(struct request *r);
void health_ready(struct request *r);
void health_openapi(struct request *r);
/* status.c */
void status_get(struct request *r);
/* metrics.c */
void metrics_get(struct request *r);
/* nodes.c */
void nodes_list(struct request *r);
void nodes_add(struct request *r);
void nodes_get(struct request *r);
void nodes_edit(struct request *r);
void nodes_delete(struct request *r);
void nodes_revoke(struct request *r);
void nodes_disable(struct request *r);
void nodes_enable(struct request *r);
/* node_settings.c */
void node_settings_show(struct request *r);
void node_settings_edit(struct request *r);
void node_settings_cancel(struct request *r);
/* log_level.c */
void log_level_show(struct request *r);
void log_level_set_hub(struct request *r);
/* logs.c */
void logs_get(struct request *r);
/* reach.c */
void reach_test(struct request *r);
/* Answers a request of reach_test() with what the echoes have found. */
void reach_answer(struct request *r, const struct echoes_result *result);
/* sessions.c */
void sessions_disconnect(struct request *r);
void sessions_connect(struct request *r);
void sessions_purge(struct request *r);
void sessions_retry(struct request *r);
/* Later, when the series has ended of one that connects; when control has done what it was asked.
 */
void sessions_echoed(struct request *r, const struct echoes_result *found);
void sessions_done(struct request *r, const struct nudge_order_done *what);
/* paths.c */
void paths_list(struct request *r);
void paths_of_node(struct request *r);
/* keys.c */
void keys_list(struct request *r);
void keys_get(struct request *r);
void keys_revoke(struct request *r);
/* held.c */
void held_list(struct request *r);
/* hub_tunnel.c */
void hub_tunnel_get(struct request *r);
void hub_tunnel_rotate(struct request *r);
void hub_tunnel_finish(struct request *r);
void hub_tunnel_cancel(struct request *r);
/* hub_identity.c */
void hub_identity_get(struct request *r);
void hub_identity_rotate(struct request *r);
void hub_identity_finish(struct request *r);
void hub_identity_cancel(struct request *r);
/* rotations.c */
void rotations_list(struct request *r);
void rotations_get(struct request *r);
void rotations_request(struct request *r);
void rotations_approve(struct request *r);
void rotations_refuse(struct request *r);
void key_settings_get(struct request *r);
void key_settings_edit(struct request *r);
/* subnets.c */
void subnets_list(struct request *r);
void subnets_add(struct request *r);
void subnets_get(struct request *r);
void subnets_edit(struct request *r);
void subnets_remove(struct request *r);
/* groups.c */
void groups_list(struct request *r);
void groups_add(struct request *r);
void groups_get(struct request *r);
void groups_edit(struct request *r);
void groups_delete(struct request *r);
/* policies.c */
void policies_list(struct request *r);
void policies_add(struct request *r);
void policies_get(struct request *r);
void policies_edit(struct request *r);
void policies_remove(struct request *r);
void policies_default_get(struct request *r);
void policies_default_set(struct request *r);
void policies_check(struct request *r);
/* tokens.c */
void tokens_list(struct request *r);
void tokens_add(struct request *r);
void tokens_get(struct request *r);
void tokens_revoke(struct request *r);
/* api_tokens.c */
void api_tokens_list(struct request *r);
void api_tokens_add(struct request *r);
void api_tokens_get(struct request *r);
void api_tokens_revoke(struct request *r);
/* users.c */
void users_list(struct request *r);
void users_add(struct request *r);
void users_get(struct request *r);
void users_edit(struct request *r);
void users_delete(struct request *r);
/* sign_in.c */
void sign_in_get(struct request *r);
void sign_in_open(struct request *r);
void sign_in_close(struct request *r);
void sign_in_password(struct request *r);
/* sign_in_totp.c */
void sign_in_totp_begin(struct request *r);
void sign_in_totp_verify(struct request *r);
void sign_in_totp_end(struct request *r);
/* audit.c */
void audit_list(struct request *r);
void audit_export(struct request *r);
void audit_verify(struct request *r);
/* history.c */
void history_of_node(struct request *r);
void history_of_hub(struct request *r);
void history_of_nodes(struct request *r);
/* webhooks.c */
void webhooks_list(struct request *r);
void webhooks_add(struct request *r);
void webhooks_get(struct request *r);
void webhooks_edit(struct request *r);
void webhooks_delete(struct request *r);
void webhooks_secret(struct request *r);
void webhooks_test(struct request *r);
void webhooks_deliveries(struct request *r);
void webhooks_redeliver(struct request *r);
/* events.c */
void events_get(struct request *r);
/* revisions.c */
void revisions_current(struct request *r);
void revisions_get(struct request *r);
/* Looks at a request that waits for a revision to be applied: answers it when it is, or when it is
 * `late`. True when answered. */
bool revisions_look(struct request *r, bool late);
/* Who has applied a revision, by name; r->wait_except is left out, and r->wait_receipts says
 * whether a receipt of each is wanted. Freed by applied_fini(). */
struct applied;
enum err revisions_count(struct request *r, const struct store_revision *rev,
			 struct applied *out) must_check;
/* revocations.c */
void revocations_list(struct request *r);
void revocations_get(struct request *r);
