/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* engine_role: the data plane workers of the hub. */
#include "shared/monitor/worker.h"

/* load() is given a `struct hub_config *` and reads its tunnel_key_file. Static storage. */
const struct worker_role_ops *hub_engine_role(void);
/* A further worker of the data plane, 1..WORKERS_MAX - 1; reads no key. Static storage. */
const struct worker_role_ops *hub_mover_role(unsigned number);
