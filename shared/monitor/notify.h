/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * notify: tells the service manager about our state, sd_notify(3): one datagram to the socket in
 * NOTIFY_SOCKET, if it is set.
 */

#include <stdint.h>

/* "READY=1", "STOPPING=1". Failures do not matter to us: the manager has its own time limits. */
void notify_send(const char *state);
/*
 * "RELOADING=1" with the time of the monotonic clock, which Type=notify-reload asks for; "READY=1"
 * has to follow.
 */
void notify_reloading(void);
/*
 * How often the manager wants to hear "WATCHDOG=1" from this process, in milliseconds: half of its
 * limit (sd_watchdog_enabled(3)), at least 1. 0: it does not ask for it, or asks another process.
 */
uint64_t notify_watchdog_ms(void);
