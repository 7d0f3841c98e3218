/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* resolve: host names to addresses without ever blocking the loop (getaddrinfo on a thread of its
 * own). */
#include "shared/base/addr.h"
#include "shared/loop/loop.h"

#define RESOLVE_ADDRESSES_MAX 16u

struct resolve;
/* `n` is 0 when `e` is not ERR_OK: ERR_NOTFOUND, ERR_TIMEOUT, ERR_IO. Called once, from the loop.
 */
typedef void (*resolve_done)(void *arg, enum err e, const struct endpoint *found, size_t n);

/*
 * Looks up `host` (a name or a numeric address) for `port`. `family` is AF_UNSPEC, AF_INET or
 * AF_INET6. The answer comes through `done` within `timeout_ms`, also for numeric addresses (never
 * before this function returns).
 */
enum err resolve_start(struct loop *l, const char *host, uint16_t port, int family,
		       unsigned timeout_ms, resolve_done done, void *arg,
		       struct resolve **out) must_check;
/* No callback comes after this. Accepts NULL. The struct is freed when the answer was given, too.
 */
void resolve_cancel(struct resolve *r);
