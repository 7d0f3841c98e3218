/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * dump: what this worker knows, to the log, because a signal asked for it: what tinc's SIGUSR1 and
 * SIGUSR2 do. Bounded (WORKER_DUMP_LINES_MAX of each kind); the monitor bounds how often.
 */
struct spoke;

/* The link to the hub, and the connection that carries packets when UDP does not. */
void dump_connections(const struct spoke *s);
/* Nodes and how they are reached, subnets, and what the engine has counted: once it has said so. */
void dump_all(struct spoke *s);
