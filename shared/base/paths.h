/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * Where things are: /etc/branchline/NET, /var/lib/branchline/NET, /run/branchline/NET.
 * BRANCHLINE_ETC, BRANCHLINE_STATE and BRANCHLINE_RUN replace the three roots ("/etc/branchline"
 * and so on); `-c DIR` replaces the whole first one.
 */
#include "shared/base/err.h"
#include "shared/base/name.h"

#define PATHS_DIR_SIZE  256u
#define PATHS_FILE_SIZE 384u

struct paths {
	char net[NAME_SIZE];
	char etc[PATHS_DIR_SIZE]; /* configuration folder of this network */
	char state[PATHS_DIR_SIZE];
	char run[PATHS_DIR_SIZE];
};

/* `config_dir` may be NULL. ERR_INVALID: bad network name; ERR_TOOBIG: a path too long. */
enum err paths_init(struct paths *p, const char *net, const char *config_dir) must_check;
/* One network of this machine. */
typedef void (*paths_network)(void *arg, const struct paths *p);
/* Calls `each`, in the order of their names, for the networks whose configuration folder, below the
 * first root, has `file` in it ("spoke.conf"). No root: none. ERR_DENIED, ERR_IO: it cannot be
 * read. */
enum err paths_networks(const char *file, paths_network each, void *arg) must_check;
/* dir + "/" + file into `out`; a result that does not fit is our own mistake. Returns `out`. */
char *paths_join(char out[PATHS_FILE_SIZE], const char *dir, const char *file);
