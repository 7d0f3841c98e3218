/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * dot: the network as a drawing for Graphviz, in tinc's colours: green for nodes that are reached
 * directly, orange for those reached through the hub, red for those that are away, black for those
 * of which nothing is known.
 */
#include <stdio.h>

void dot_begin(FILE *out, const char *net);
/* `path` as in "direct-udp"; NULL or "" for not known. */
void dot_node(FILE *out, const char *name, const char *path);
/* A line between two. */
void dot_edge(FILE *out, const char *a, const char *b, const char *path);
void dot_end(FILE *out);
