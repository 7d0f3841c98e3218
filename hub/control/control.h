/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * The hub's `control` worker: the link's side that accepts spokes. Owns the identity key, no tunnel
 * key. README.md shows how its stations fit together.
 */
#include "shared/monitor/worker.h"

/* Callbacks of the worker; load() takes a struct hub_config. Static storage. */
const struct worker_role_ops *control_role(void);
