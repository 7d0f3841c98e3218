/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * dump: what this worker knows, to the log, because a signal asked for it: what tinc's SIGUSR1 and
 * SIGUSR2 do. Bounded (WORKER_DUMP_LINES_MAX of each kind); the monitor bounds how often.
 */
struct control;

/* Links, carriers, and who has not said yet who it is. */
void dump_connections(const struct control *c);
/* Nodes and how they are reached, subnets, and what engine and link have counted. */
void dump_all(struct control *c);
