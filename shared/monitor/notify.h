/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * notify: tells the service manager about our state, sd_notify(3): one datagram to the socket in
 * NOTIFY_SOCKET, if it is set.
 */

/* "READY=1", "STOPPING=1". Failures do not matter to us: the manager has its own time limits. */
void notify_send(const char *state);
