/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* roles: the workers of a spoke. The load() of each is given a `struct spoke_config *`, which
 * must outlive the worker. */
#include "shared/monitor/worker.h"

/* The data plane. Reads tunnel.key, and nothing else. */
const struct worker_role_ops *spoke_engine_role(void);
/* A further worker of it, 1..WORKERS_MAX - 1; reads no key. */
const struct worker_role_ops *spoke_mover_role(unsigned number);
/* The link to the hub. Reads identity.key, hub.pin and the cached directory; of the tunnel key it
 * keeps the public half. */
const struct worker_role_ops *spoke_control_role(void);
/* The nodes' names by DNS, with DNS = yes. Reads nothing. */
const struct worker_role_ops *spoke_dns_role(void);
