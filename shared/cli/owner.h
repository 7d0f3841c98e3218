/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* owner: which of the network's nodes have an address or a prefix, and which of them gets the
 * packets. */
#include <jansson.h>
#include <stdbool.h>

#include "shared/base/err.h"

/*
 * `word` is an address or a prefix; `nodes` an array of objects with name, addresses and subnets.
 * Gives {"query", "owners": [{"node", "prefix", "weight"}]}: what contains the word, the longest
 * prefix first, then the lower weight. A new reference. ERR_INVALID: the word is neither.
 */
enum err owner_find(const json_t *nodes, const char *word, json_t **out) must_check;
/* Prints it as lines. False: nobody has it. */
bool owner_print(const json_t *found);
