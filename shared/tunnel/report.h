/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* report: what the engine tells control. Without a control (it is being restarted) nothing is sent
 * and nothing waits. */
#include "shared/tunnel/tunnel.h"

void report_ready(struct tunnel *t);
/* Our tunnel keys: the one that handshakes begin with, and the other if there is one. `result`: of
 * the request to make one, or ERR_OK. */
void report_keys(struct tunnel *t, enum err result);
void report_applied(struct tunnel *t, uint64_t revision);
void report_locate(struct peer *p);
void report_path(struct peer *p);
/* t->hub_silent. */
void report_hub_silent(struct tunnel *t);
void report_nat(struct tunnel *t, const struct engine_nat *m);
void report_pong(struct tunnel *t, const struct engine_pong *m);
/* Of how many peers the session was ended (peer_forget()). */
void report_forgotten(struct tunnel *t, uint32_t tag, uint32_t n);
/* ENGINE_STATUS for every peer, then ENGINE_STATUS_END. */
void report_status(struct tunnel *t, uint32_t tag);
