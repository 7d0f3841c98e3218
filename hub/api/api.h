/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* api: the hub's worker that serves the REST API, over the UNIX socket and HTTPS. Owns the HTTPS
 * key; holds no identity or tunnel key. */
#include "shared/monitor/worker.h"

/* load() is given a `struct hub_config *` (hub/config.h), which must outlive the worker. */
const struct worker_role_ops *api_role(void);
