/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * place: puts a network's two folders (configuration and state) in their place, whole or not at
 * all. For init and for restoring a backup.
 *
 *   1. place_refuse_existing()
 *   2. place_make_state(), fill place.state; place_make_etc(), fill place.etc
 *   3. place_commit(): the state folder first, since hub.conf makes the network be
 *   4. place_discard() after any failure: nothing stays, not even a folder that was made for it
 *
 * Signals should be blocked from 2 to 4. What failed is in place.error, a sentence for the admin.
 */
#include <stdbool.h>

#include "shared/base/paths.h"
#include "shared/monitor/sandbox.h"

#define PLACE_ERROR_SIZE 1024u

struct place {
	const struct paths *paths;
	char etc[PATHS_FILE_SIZE], state[PATHS_FILE_SIZE]; /* temporary folders; empty: none */
	char etc_parent[PATHS_DIR_SIZE], state_parent[PATHS_DIR_SIZE];
	bool made_etc_parent, made_state_parent;
	bool state_in_place;
	char error[PLACE_ERROR_SIZE];
};

/* `paths` must outlive it. */
void place_init(struct place *p, const struct paths *paths);
/* ERR_EXISTS: there is such a network, or something else in its folders. */
enum err place_refuse_existing(struct place *p) must_check;
/* Empty folders beside the real ones, 0700. */
enum err place_make_state(struct place *p) must_check;
enum err place_make_etc(struct place *p) must_check;
/* The user that the workers run as; without root: ourselves. ERR_NOTFOUND: no such user. */
enum err place_find_user(struct place *p, const char *name, struct sandbox_user *out) must_check;
/* The state folder and the databases in it belong to the user of the workers; nothing without
 * root. */
enum err place_give_state(struct place *p, const struct sandbox_user *user) must_check;
enum err place_commit(struct place *p) must_check;
void place_discard(struct place *p);
