/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/clock.h"

#include <stdio.h>
#include <time.h>

#include "shared/base/err.h"

uint64_t clock_now_ns(void)
{
	struct timespec ts;

	BUG_ON(clock_gettime(CLOCK_BOOTTIME, &ts) != 0);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_cpu_ns(void)
{
	struct timespec ts;

	BUG_ON(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) != 0);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_now_us(void) { return clock_now_ns() / 1000u; }

uint64_t clock_now_ms(void) { return clock_now_ns() / 1000000u; }

int64_t clock_wall_ms(void)
{
	struct timespec ts;

	BUG_ON(clock_gettime(CLOCK_REALTIME, &ts) != 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

char *clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE])
{
	/* Floor division, so that times before 1970 keep a positive fraction. */
	int64_t ms = wall_ms % 1000 < 0 ? wall_ms % 1000 + 1000 : wall_ms % 1000;
	int64_t seconds = wall_ms / 1000 - (wall_ms % 1000 < 0);
	time_t t = (time_t)seconds;
	struct tm tm;
	char date[CLOCK_RFC3339_SIZE - 5];

	BUG_ON(!gmtime_r(&t, &tm));
	if (strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		date[0] = 0;
	snprintf(out, CLOCK_RFC3339_SIZE, "%s.%03uZ", date, (unsigned)ms % 1000u);
	return out;
}
