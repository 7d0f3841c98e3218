/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * The engine worker: the data plane of hub and spoke. It owns the tunnel private key, the TUN
 * device and the UDP sockets, and learns everything else from control (shared/ipc/engine_msg.h). No
 * files, no new sockets, no names.
 */
#include "shared/base/secret.h"
#include "shared/monitor/worker.h"
#include "shared/noise/aead.h"

struct engine_params {
	struct secret_key tunnel_key; /* X25519 private key; copied, the caller zeroes its own */
	bool has_next_key;            /* the key is being replaced, own_keys.h */
	struct secret_key next_key;
	enum aead_choice crypto; /* which library seals packets */
	bool offload;            /* use what the kernel has of UDP segmentation and GRO */
	unsigned workers;        /* this engine and its movers together, 1..WORKERS_MAX; 0 is 1 */
};

/* For the daemon's own load(): makes the state from the key it has read. */
enum err engine_load(const struct engine_params *params, void **state) must_check;

/* start, sibling_up, sibling_down, message, stop and fini of the role; `load` is NULL, each daemon
 * brings its own. */
extern const struct worker_role_ops engine_role_ops;

/* For mover.c: everything that moves packets, on w->loop. Logs why it failed. */
enum err engine_open(struct worker *w) must_check;
