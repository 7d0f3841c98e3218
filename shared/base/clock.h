/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* The clocks. Everything that measures or waits uses the monotonic one, which also counts while
 * suspended. */
#include <stddef.h>
#include <stdint.h>

#define CLOCK_RFC3339_SIZE 32u

/* CLOCK_BOOTTIME in milliseconds / microseconds / nanoseconds. */
uint64_t clock_now_ms(void);
uint64_t clock_now_us(void);
uint64_t clock_now_ns(void);
/* The processor time of the calling thread in nanoseconds: stands still while others run. */
uint64_t clock_cpu_ns(void);
/* Wall clock, milliseconds since 1970 UTC. May jump; only for showing, storing and TAI64N. */
int64_t clock_wall_ms(void);
/* Formats wall milliseconds as RFC 3339 UTC with milliseconds ("2026-11-22T14:40:01.123Z"). Returns
 * `out`. */
char *clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE]);
