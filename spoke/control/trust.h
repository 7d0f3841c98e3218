/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * trust: whom of the directory this branch believes to be who the hub says. Each node's identity
 * key is held against known_keys before the engine hears of it. One that nobody has vouched for is
 * warned of, and shown until the admin of this branch accepts it; with StrictKeys = yes the node is
 * no peer until then, and the hub is told (held-keys).
 */
#include <jansson.h>

#include "shared/wire/directory.h"

struct spoke;

/* Reads what is known, and judges the cached directory. What cannot be read is moved aside with an
 * error in the log: then all are new. */
void trust_start(struct spoke *s);
/* Judges what a change has brought, before the engine is told of it. */
void trust_judge(struct spoke *s, const struct delta *x);
/* The hub is told which keys are held back, unless it knows. */
void trust_tell(struct spoke *s);
/* A new link is up: the hub knows nothing. */
void trust_link_up(struct spoke *s);
/* The admin says that the node's present key is right. ERR_NOTFOUND: there is no such node with a
 * key. ERR_EXISTS: there is no doubt. Others as known_keys_note(). */
enum err trust_accept(struct spoke *s, const char *name) must_check;
/* What is known of whom: the answer to {"cmd": "known-keys"}. */
json_t *trust_json(const struct spoke *s);
