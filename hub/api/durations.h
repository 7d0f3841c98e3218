/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * durations: how long requests took, for /metrics: a histogram for each kind of request and class
 * of answer. From the head of the request until its answer was sent; streams of events and requests
 * that wait for spokes are not among them.
 */
#include <stdint.h>

#include "shared/base/buf.h"

struct route;

#define DURATIONS_BUCKETS 8u /* and one for what took longer */
#define DURATIONS_KINDS   4u /* "read", "change", "session", "none" (no such route) */
#define DURATIONS_CODES   4u /* "2xx", "3xx", "4xx", "5xx" */

struct durations {
	struct histogram {
		uint64_t n[DURATIONS_BUCKETS + 1]; /* each its own, not yet summed up */
		uint64_t sum_us;
	} of[DURATIONS_KINDS][DURATIONS_CODES];
};

/* `route` is NULL when there was none. */
void durations_add(struct durations *d, const struct route *route, unsigned status, uint64_t us);
/* Appends the lines of all histograms that are not empty, without HELP and TYPE. */
enum err durations_print(const struct durations *d, const char *name, struct buf *out) must_check;
