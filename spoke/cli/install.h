/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * install: writes what a join has brought: configuration folder (spoke.conf, keys, hub.pin,
 * hosts/HUB) and directory cache. All or nothing: a new folder is filled beside its place and
 * renamed; in one that is there already (scripts, hosts files) the files come one by one with
 * identity.key, the mark of a joined node, last, and a failure takes back what was done. A
 * spoke.conf with a proxy's password in it stays closed to all but root and the daemon's group.
 */
#include "shared/wire/token.h"
#include "spoke/config.h"
#include "spoke/control/cache.h"
#include "shared/keys/keys.h"

struct install {
	const struct spoke_config *c; /* names of the files */
	const struct keys *keys;
	const struct join_token *token;
	struct cache *cache;
	const char *proxy; /* of the command line: becomes a line of spoke.conf; NULL none */
	const char *user;  /* who owns the state folder */
};

/* True when this machine is a node of this network already. */
bool install_is_joined(const struct spoke_config *c);
/* Files that are replaced are kept as FILE.old-YYYYMMDDHHMMSS. On failure `why` has a sentence. */
enum err install_write(const struct install *in, char why[512]) must_check;
/* Makes the state folder and gives it to `user`, who must be able to replace the cache; to his
 * group, where a service unit leaves root no right to give things away. ERR_NOTFOUND: no such user
 * (the folder is root's then). */
enum err install_state_dir(const char *dir, const char *user) must_check;
