/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * dns_role: the dns worker of hub and spoke. Each gives it a load() that calls dns_role_load().
 *
 * Timers, one a family: while port 53 of our address is not ours, ask the monitor for it again;
 * DNS_RETRY_MIN_MS, doubling to DNS_RETRY_MAX_MS.
 */
#include "shared/monitor/worker.h"

#define DNS_RETRY_MIN_MS 100u
#define DNS_RETRY_MAX_MS 30000u

struct dns_params {
	const char *net;       /* the network's name */
	const char *interface; /* the tunnel's */
};

/* Both strings outlive the worker. ERR_INVALID (logged): the network's name cannot be part of one
 * in DNS. */
enum err dns_role_load(const struct dns_params *p, void **state) must_check;
/* Everything but load(). */
extern const struct worker_role_ops dns_role_ops;
