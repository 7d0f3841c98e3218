/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* resident: memory that a process holds without need. */
#include <stddef.h>

/*
 * Gives back what starting has left behind: free heap, and the pages of program and libraries that
 * were read on the way. Pages of both kinds come back by themselves when they are used again, from
 * the page cache and 16 at a time, so a process keeps what it works with. Takes about a
 * millisecond: after the start and after rare, heavy work, never on the packet path.
 */
void resident_trim(void);

/*
 * Gives back the memory of the whole pages within a buffer whose content nobody needs any more: it
 * is undefined afterwards. The pages come back as they are written.
 */
void resident_forget(void *p, size_t n);
