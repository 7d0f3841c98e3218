/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * hostfile: nodes as tinc's `export` prints them and its `import` reads them: a "Name = NODE" line
 * and the lines of hosts/NODE; between two nodes a line of its own. Keys are not among them: the
 * hub hands those out.
 */
#include <jansson.h>

#include "shared/base/buf.h"
#include "shared/base/name.h"

#define HOSTFILE_MAX_BYTES (16u << 20) /* of what is imported */

/* Appends one node, an object with name, addresses, subnets and perhaps endpoints. */
enum err hostfile_put(const json_t *node, struct buf *out) must_check;
/* All nodes of a list. */
enum err hostfile_put_all(const json_t *nodes, struct buf *out) must_check;
/* Reads FILE, or standard input for "-" and NULL. A failure is told on standard error. */
enum err hostfile_read(const char *program, const char *file, struct buf *out) must_check;
/*
 * Calls `take` for each node: the text behind its Name line. Its first error ends it and is
 * returned. ERR_INVALID: there is a node without a Name line, or with a bad one; `line` gets where.
 */
enum err hostfile_split(const char *text, size_t len,
			enum err (*take)(void *arg, const char name[NAME_SIZE], const char *text,
					 size_t len),
			void *arg, unsigned *line) must_check;
