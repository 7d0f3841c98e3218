/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * requests: the fixed table of what the control worker, for its key the engine, and for its sockets
 * the dns worker may ask of the monitor (ipc/monitor_msg.h), decoded, carried out, answered.
 */
#include "shared/ipc/channel.h"
#include "shared/monitor/key_files.h"
#include "shared/monitor/sockets.h"

struct network;
struct scripts;

struct requests {
	struct network *network;
	struct scripts *scripts;
	struct sockets_options dial; /* of connections that control makes */
	const struct endpoint *from; /* where they come from: sockets_open_dial() */
	unsigned n_from;
	/* What concerns the monitor's own sockets and workers. */
	enum err (*set_port)(void *arg, uint16_t port);
	void (*set_log_level)(void *arg, int level);
	/* `*fd`: if `anew`, what the lines come from; the caller's. */
	enum err (*set_log_tap)(void *arg, int level, bool anew, int *fd);
	enum worker_role tap_role; /* who may ask for that */
	void *arg;
	struct key_files keys;
};

/*
 * Serves one message. What is asked for and refused (by a check or by the kernel) is answered and
 * is ERR_OK here. ERR_DENIED: no such request; ERR_INVALID, ERR_TRUNCATED: malformed. Those are
 * violations: whoever sent it is broken or taken over.
 */
enum err requests_serve(const struct requests *r, enum worker_role from, struct channel *ch,
			uint16_t type, struct cursor *body) must_check;
