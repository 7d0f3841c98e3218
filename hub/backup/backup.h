/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * backup: the hub in one encrypted file: directory database, keys, certificate, configuration.
 *
 *   backup passphrase     once: who can open backups; writes backup.key
 *   backup create FILE    while the hub runs; needs no passphrase
 *   backup verify FILE    opens and checks everything, changes nothing
 *   backup restore FILE   makes the network from it on a machine that has none of this name
 *
 * Run by root on the hub itself, not through the API: the API's worker has none of the keys.
 */
#include "shared/base/paths.h"

/* argv[0] is "backup". Returns the exit code (enum launch_exit). */
int backup_main(const struct paths *paths, int argc, char **argv);

/* For backup_main(). They say on standard error what is wrong, and return the exit code. */
int backup_create(const struct paths *paths, const char *file);
int backup_verify(const struct paths *paths, const char *file);
int backup_restore(const struct paths *paths, const char *file);
/* A sentence on standard error. Returns `code`. */
int backup_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
