/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/durations.h"

#include <inttypes.h>
#include <string.h>

#include "hub/api/router.h"
#include "shared/base/err.h"

static const char *const kinds[DURATIONS_KINDS] = { "read", "change", "session", "none" };
static const char *const codes[DURATIONS_CODES] = { "2xx", "3xx", "4xx", "5xx" };

/* Upper ends, in microseconds and as Prometheus writes them, in seconds. */
static const struct {
	uint64_t us;
	const char *le;
} ends[DURATIONS_BUCKETS] = {
	{ 1000, "0.001" }, { 5000, "0.005" }, { 10000, "0.01" }, { 50000, "0.05" },
	{ 100000, "0.1" }, { 500000, "0.5" }, { 1000000, "1" },  { 5000000, "5" },
};

static unsigned kind_of(const struct route *r)
{
	if (!r)
		return 3;
	if (strstr(r->path, "/session"))
		return 2;
	return r->method != HTTP_GET;
}

void durations_add(struct durations *d, const struct route *route, unsigned status, uint64_t us)
{
	unsigned code = status < 300 ? 0 : status < 400 ? 1 : status < 500 ? 2 : 3, i = 0;
	struct histogram *h = &d->of[kind_of(route)][code];

	while (i < DURATIONS_BUCKETS && us > ends[i].us)
		i++;
	h->n[i]++;
	h->sum_us += us;
}

/* One histogram; buckets count all that is not above their end. */
static enum err print_one(const struct histogram *h, const char *name, const char *labels,
			  struct buf *out)
{
	uint64_t all = 0;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < DURATIONS_BUCKETS && !e; i++) {
		all += h->n[i];
		e = buf_printf(out, "%s_bucket{%s,le=\"%s\"} %" PRIu64 "\n", name, labels,
			       ends[i].le, all);
	}
	all += h->n[DURATIONS_BUCKETS];
	if (!e)
		e = buf_printf(out, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, labels, all);
	if (!e)
		e = buf_printf(out, "%s_sum{%s} %" PRIu64 ".%06" PRIu64 "\n", name, labels,
			       h->sum_us / 1000000, h->sum_us % 1000000);
	return e ? e : buf_printf(out, "%s_count{%s} %" PRIu64 "\n", name, labels, all);
}

static bool is_empty(const struct histogram *h)
{
	for (unsigned i = 0; i <= DURATIONS_BUCKETS; i++)
		if (h->n[i])
			return false;
	return true;
}

enum err durations_print(const struct durations *d, const char *name, struct buf *out)
{
	enum err e = ERR_OK;

	for (unsigned k = 0; k < DURATIONS_KINDS && !e; k++) {
		for (unsigned c = 0; c < DURATIONS_CODES && !e; c++) {
			char labels[64];

			if (is_empty(&d->of[k][c]))
				continue;
			snprintf(labels, sizeof(labels), "kind=\"%s\",code=\"%s\"", kinds[k],
				 codes[c]);
			e = print_one(&d->of[k][c], name, labels, out);
		}
	}
	return e;
}
