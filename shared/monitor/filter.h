/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * filter: the system calls that a worker may make for the rest of its life, seccomp(2). What lets a
 * process use the descriptors, memory and clock that it has is always allowed; all that makes more
 * of them is named by its role.
 */
#include <stdbool.h>

#include "shared/base/err.h"

enum filter_calls {
	FILTER_FILES = 1 << 0,   /* open, make, rename and remove files; map them, also as code */
	FILTER_SOCKETS = 1 << 1, /* make Internet, UNIX and netlink sockets, dial, listen, accept */
	FILTER_ACCEPT = 1 << 3,  /* take connections at the listeners that it has, and no more */
	FILTER_THREADS = 1 << 2, /* begin threads; nobody may begin a process */
};

/*
 * Allows the calls of every worker and those of `calls` (bits of enum filter_calls) to all threads
 * of this process, without any way back. Others fail with ENOSYS, as on a kernel that does not know
 * them; those that only an attacker would make (execve(2), ptrace(2), mount(2) and so on), and
 * calls in the manner of another architecture, end the process with SIGSYS. Whoever calls it has
 * "no new privileges" set. ERR_SYSTEM: logged; the process must end, since it is not held.
 *
 * Does nothing where filter_is_built() says no.
 */
enum err filter_apply(unsigned calls) must_check;
/* No in builds with a sanitizer, which looks at /proc, stops threads and forks at the end. */
bool filter_is_built(void);
