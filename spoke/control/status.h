/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * status: what `branchline-spoke status`, `ping` and `netcheck` ask, on a UNIX socket. A request is
 * one line with a JSON object, an answer one or more such lines, the last with "done": true.
 * Requests:
 *
 *   {"cmd": "status"}
 *   {"cmd": "ping", "node": "oslo", "count": 3}          a line per ping, one a second
 *   {"cmd": "netcheck"}                                  takes up to NETCHECK_MS
 *   {"cmd": "debug", "level": 3}                         0 to 5, until the daemon ends
 *   {"cmd": "log", "level": 3}                           lines of the log (log_tap.h) until the
 *                                                        client closes; "level" may be left out
 *   {"cmd": "retry"}                                     dials the hub now, if it waits to do so
 *   {"cmd": "disconnect", "node": "oslo"}                ends the session; the next packet makes
 * one
 *   {"cmd": "purge"}                                     the same for all that do not answer; with
 *                                                        their number as "forgotten"
 *   {"cmd": "keys"}                                      keys_reply.h
 *   {"cmd": "known-keys"}                                trust.h
 *   {"cmd": "accept-key", "node": "oslo"}                answered as "known-keys"
 *   {"cmd": "rotate-key", "tunnel": true, "identity": true}    answered as "keys"
 *
 * An error is {"done": true, "error": "<code>", "text": "..."}: bad_request, unknown_command,
 * unknown_node, busy, no_engine, of ping refused, grace_over, key_refused, key_held, of rotate-key
 * rotation_overlap, and of accept-key key_not_changed, failed. Only root and the
 * daemon's own user are answered (peer credentials); clients, lines and waiting output are bounded.
 */
#include "shared/base/list.h"
#include "shared/loop/loop.h"
#include "shared/monitor/log_tap.h"

#define STATUS_CLIENTS_MAX    64u /* one more is told "busy" */
#define STATUS_LINE_MAX_BYTES 4096u
#define STATUS_OUT_MAX_BYTES  (32u << 20)
#define STATUS_LOG_MAX_BYTES  (256u << 10) /* of log lines that wait for a client */
#define STATUS_PINGS_MAX      1000u
#define STATUS_PING_EVERY_MS  1000u
#define STATUS_IDLE_MS        30000u /* a client that says nothing for so long is closed */

struct spoke;
struct engine_pong;
struct engine_forgotten;

struct status_server {
	struct spoke *spoke;
	struct loop_fd listen;
	struct list clients;
	unsigned n_clients;
	uint32_t last_tag; /* of what the engine is asked */
	struct log_tap tap;
};

/* Serves `fd`, a listening socket (-1: nothing is served). Does not close it. */
enum err status_init(struct status_server *sv, struct spoke *s, int fd) must_check;
void status_fini(struct status_server *sv);
/* ENGINE_PONG; tags of nobody are passed over. */
void status_pong(struct status_server *sv, const struct engine_pong *p);
/* ENGINE_FORGOTTEN, so, too. */
void status_forgotten(struct status_server *sv, const struct engine_forgotten *m);
/* The engine is gone: what it was asked ends. */
void status_engine_down(struct status_server *sv);
