/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* units: numbers and times as people read them. */
#include <stdint.h>

#define UNITS_STR_SIZE 32u

/* "0 B", "1.5 KiB", "3.2 GiB". Returns `out`. */
char *units_bytes(uint64_t n, char out[UNITS_STR_SIZE]);
/* "850 us", "12.3 ms", "1.20 s". */
char *units_rtt(uint64_t us, char out[UNITS_STR_SIZE]);
/* How long ago: "3 s", "12 min", "5 h", "8 d"; "-" for NULL. `rfc3339` is a time as the API writes
 * it; one in the future is "0 s". */
char *units_ago(const char *rfc3339, int64_t now_ms, char out[UNITS_STR_SIZE]);
/* Time left until then, or "over". */
char *units_left(const char *rfc3339, int64_t now_ms, char out[UNITS_STR_SIZE]);
