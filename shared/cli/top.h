/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * top: the traffic of each node, as a table that is drawn again every second. On a terminal until q
 * is pressed: n sorts by name, i by what is received, o by what is sent, t by both. Elsewhere two
 * samples are taken and the table is printed once.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/base/err.h"
#include "shared/base/name.h"

struct top_row {
	char name[NAME_SIZE], path[16];
	uint64_t rx_bytes, tx_bytes;
	uint64_t at_ms; /* when they had changed last */
	double rx_per_s, tx_per_s;
	uint64_t rtt_us;
	bool seen; /* in the newest sample */
};

struct top {
	struct top_row *rows; /* owned */
	size_t n;
	char order; /* 'n', 'i', 'o' or 't' */
};

/* A sample: an array of objects with name, path, rx_bytes, tx_bytes and rtt_us. Nodes that are not
 * in it go. */
enum err top_take(struct top *t, const json_t *nodes, uint64_t now_ms) must_check;
void top_sort(struct top *t);
void top_fini(struct top *t);

/* Asks for a sample; `*nodes` is a new reference. Returns an exit code; not 0 ends it. */
typedef int (*top_ask)(void *arg, json_t **nodes);
/* The command. `json`: two samples, printed as JSON. Returns an exit code. */
int top_run(top_ask ask, void *arg, const char *title, bool json);
