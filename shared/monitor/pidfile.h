/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * pidfile: the daemon's process id in a file that is locked for as long as the daemon lives: at
 * most one daemon a network.
 */
#include <sys/types.h>

#include "shared/base/err.h"

/*
 * Makes, locks and writes `path` (missing folders, too: 0755); `*fd` holds the lock. ERR_BUSY:
 * another process has it, then
 * `*other` is its process id, or 0 when the file does not say. Other errors leave errno.
 */
enum err pidfile_open(const char *path, int *fd, pid_t *other) must_check;
/* Removes the file, then gives up the lock. Harmless with a negative `*fd`. */
void pidfile_close(const char *path, int *fd);
