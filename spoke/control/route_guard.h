/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * route_guard: no route of the network may take away the way to the hub itself. A subnet that holds
 * the hub's outer address (an admin's slip) would lead the link and the tunnel's own packets into
 * the tunnel: the branch would be cut off, and could never hear that the slip was undone.
 *
 * So whenever routes have changed, and whenever the link is lost, the kernel is asked from which
 * address it would reach the hub (and the proxy in front of it). When that is our own address in
 * the network, the most specific route that does it is taken back here, said in the log and in
 * `status`, and held until the directory has it no more or the hub is elsewhere. Nothing is sent.
 * With FWMark or BindToInterface our packets do not follow these routes, and nothing is held.
 */
#include "shared/ipc/monitor_msg.h"

struct spoke;

/* An answer of the monitor; it is still the caller's. Looks when it is that of the last change. */
void route_guard_done(struct spoke *s, const struct monitor_done *m);
/* Looks now. */
void route_guard_look(struct spoke *s);
