/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* sandbox: takes every privilege from the calling process, for good. */
#include <sys/types.h>

#include "shared/base/err.h"

/* An unprivileged user; never uid 0 or gid 0. */
struct sandbox_user {
	uid_t uid;
	gid_t gid;
};

/*
 * Looks a user up by name. ERR_NOTFOUND: no such user; ERR_DENIED: it is root or of root's group.
 */
enum err sandbox_find_user(const char *name, struct sandbox_user *out) must_check;

/*
 * Becomes `u` without any way back: no supplementary groups; no capability in any set (effective,
 * permitted, inheritable, ambient, bounding); no_new_privs; not dumpable and no core files; umask
 * 077; working folder "/". Called by root. The result is verified by asking the kernel again. On an
 * error the process is half-way and must end. Logs which step failed.
 *
 * The kernel forgets PR_SET_PDEATHSIG in here: set it (again) afterwards.
 */
enum err sandbox_drop(const struct sandbox_user *u) must_check;
