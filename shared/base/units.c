/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/units.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

char *units_bytes(uint64_t n, char out[UNITS_STR_SIZE])
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)n / 1024;
	unsigned i = 0;

	if (n < 1024) {
		snprintf(out, UNITS_STR_SIZE, "%llu B", (unsigned long long)n);
		return out;
	}
	for (; v >= 1023.95 && i < 5; i++)
		v /= 1024;
	snprintf(out, UNITS_STR_SIZE, "%.1f %s", v, names[i]);
	return out;
}

char *units_rtt(uint64_t us, char out[UNITS_STR_SIZE])
{
	if (us < 1000)
		snprintf(out, UNITS_STR_SIZE, "%llu us", (unsigned long long)us);
	else if (us < 1000000)
		snprintf(out, UNITS_STR_SIZE, "%.1f ms", (double)us / 1e3);
	else
		snprintf(out, UNITS_STR_SIZE, "%.2f s", (double)us / 1e6);
	return out;
}

/* Seconds since 1970 of a time as the API writes it, or -1. */
static int64_t seconds_of(const char *rfc3339)
{
	struct tm tm = { 0 };
	const char *end = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm);

	return end ? (int64_t)timegm(&tm) : -1;
}

static char *span(int64_t s, char out[UNITS_STR_SIZE])
{
	if (s < 0)
		s = 0;
	if (s < 120)
		snprintf(out, UNITS_STR_SIZE, "%lld s", (long long)s);
	else if (s < 7200)
		snprintf(out, UNITS_STR_SIZE, "%lld min", (long long)s / 60);
	else if (s < 2 * 86400)
		snprintf(out, UNITS_STR_SIZE, "%lld h", (long long)s / 3600);
	else
		snprintf(out, UNITS_STR_SIZE, "%lld d", (long long)s / 86400);
	return out;
}

char *units_ago(const char *rfc3339, int64_t now_ms, char out[UNITS_STR_SIZE])
{
	int64_t at = rfc3339 ? seconds_of(rfc3339) : -1;

	if (at >= 0)
		return span(now_ms / 1000 - at, out);
	snprintf(out, UNITS_STR_SIZE, "-");
	return out;
}

char *units_left(const char *rfc3339, int64_t now_ms, char out[UNITS_STR_SIZE])
{
	int64_t at = rfc3339 ? seconds_of(rfc3339) : -1;

	if (at > now_ms / 1000)
		return span(at - now_ms / 1000, out);
	snprintf(out, UNITS_STR_SIZE, "%s", at >= 0 ? "over" : "-");
	return out;
}
