/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* The hub's dns worker. Its load() is given the struct hub_config. */
#include "shared/monitor/worker.h"

const struct worker_role_ops *hub_dns_role(void);
