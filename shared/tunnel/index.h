/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * index: the 32-bit session indices that we hand out, and what each stands for. An index is a slot
 * number (low bits) and a random part (high bits), so that a lookup is one array access and a guess
 * or an old index hits nothing.
 */
#include "shared/base/err.h"

#include <stdint.h>

#define INDEX_SLOT_BITS 17u /* twice PEERS_MAX x 4: a handshake and three keypairs a peer */

struct peer;
struct keypair;
struct index_table;

/* What an index stands for: a peer's handshake under way (`keypair` NULL) or one of its keypairs.
 */
struct index_entry {
	struct peer *peer;
	struct keypair *keypair;
};

enum err index_new(struct index_table **out) must_check;
void index_free(struct index_table *t);
/* A new index for the entry. ERR_LIMIT when all are in use. */
enum err index_add(struct index_table *t, const struct index_entry *e, uint32_t *index) must_check;
/* A mover's table: the index is the engine's choice. ERR_EXISTS when its slot is in use. */
enum err index_put(struct index_table *t, uint32_t index, const struct index_entry *e) must_check;
/* Gives an index that is in use another meaning (a handshake became a keypair). */
void index_change(struct index_table *t, uint32_t index, const struct index_entry *e);
/* Harmless for an index that is not in use. */
void index_remove(struct index_table *t, uint32_t index);
/* NULL when it is not in use. */
const struct index_entry *index_find(const struct index_table *t, uint32_t index);
