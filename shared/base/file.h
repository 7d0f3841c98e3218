/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Whole files: bounded reading, atomic writing. */
#include <stdbool.h>
#include <sys/types.h>

#include "shared/base/buf.h"

/* Appends the file to `out` (whose maximum bounds it). ERR_NOTFOUND, ERR_TOOBIG, ERR_DENIED,
 * ERR_IO. */
enum err file_read(const char *path, struct buf *out) must_check;
/* The same for a file with a secret: ERR_DENIED when group or others may read or write it, or it is
 * not a regular file of root or ours. */
enum err file_read_secret(const char *path, struct buf *out) must_check;
/*
 * Replaces `path` as a whole: a new file beside it, fsync, rename, fsync of the folder. On any
 * error the old file is as it was and nothing is left over. ERR_FULL, ERR_READONLY, ERR_DENIED,
 * ERR_IO.
 */
enum err file_write_atomic(const char *path, const void *p, size_t n, mode_t mode) must_check;
/* Makes a folder and its missing parents (0755), the last with `mode`; one that exists is fine. */
enum err file_make_dir(const char *path, mode_t mode) must_check;
bool file_exists(const char *path);
