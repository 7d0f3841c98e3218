/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * hosts: a block of /etc/hosts with the nodes' addresses: "ADDRESS NODE.NET.internal NODE", between
 * two comments that mark it, so that it can be replaced and taken out again.
 */
#include <jansson.h>
#include <stdbool.h>

#include "shared/base/buf.h"

/* Appends the block. `nodes` is an array of objects with name and addresses; what is not of that
 * form is passed over. */
enum err hosts_block(const json_t *nodes, const char *net, struct buf *out) must_check;
/* Appends `text` with the block of this network in it replaced by `block` (`len` 0: taken out), or
 * put at the end when there was none. ERR_INVALID: its end mark is missing. */
enum err hosts_replace(const char *text, size_t text_len, const char *net, const char *block,
		       size_t len, struct buf *out) must_check;
/* The command: prints the block or, when `file` is not NULL, puts it there (`remove`: takes it
 * out). Returns an exit code. */
int hosts_run(const char *program, const json_t *nodes, const char *net, const char *file,
	      bool remove);
