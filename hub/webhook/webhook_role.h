/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * webhook_role: the hub's worker that tells receivers outside of what happens. A process of its
 * own, because it connects to whatever an admin has named and reads what comes back (TLS, HTTP,
 * DNS): it has no keys and no sockets of the hub, and nothing waits for it.
 */
#include "shared/monitor/worker.h"

/* load() is given a `struct hub_config *` (hub/config.h), which must outlive the worker. */
const struct worker_role_ops *webhook_role(void);
