/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* keys_reply: our own keys and those of others, as the status socket shows them. */
#include <jansson.h>

struct spoke;

/* A new object, NULL when memory is out: phase ("stable", "making", "proposed", "overlap"), waits
 * (for an admin of the hub), overlap_s (left, or null), identity and tunnel, each with fingerprint
 * and next_fingerprint; and by which keys the hub is known (hub). */
json_t *keys_reply_json(const struct spoke *s);
