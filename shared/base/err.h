/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * One error type for the whole project.
 *
 * A function that can fail returns `enum err`: 0 on success, a negative value otherwise. Results
 * come back through out-parameters, which a failing function leaves as they were. Our own mistakes
 * are not errors: they stop the process through BUG_ON().
 */
#include <stdio.h>
#include <stdlib.h>

enum err {
	ERR_OK = 0,
	ERR_NOMEM = -1,        /* allocation failed */
	ERR_INVALID = -2,      /* input that is not what it should be (syntax, range, type) */
	ERR_TRUNCATED = -3,    /* input ends too early */
	ERR_TOOBIG = -4,       /* input or result is larger than its documented limit */
	ERR_LIMIT = -5,        /* a table, queue or rate is at its limit */
	ERR_NOTFOUND = -6,     /* no such thing */
	ERR_EXISTS = -7,       /* there is one already */
	ERR_CONFLICT = -8,     /* clashes with something else (overlap, still in use) */
	ERR_DENIED = -9,       /* known, but not allowed to */
	ERR_AUTH = -10,        /* not authentic: wrong key, tag, secret, fingerprint */
	ERR_REPLAY = -11,      /* authentic, but seen before or too old */
	ERR_EXPIRED = -12,     /* was valid once, its time is over */
	ERR_REVOKED = -13,     /* taken back by the admin */
	ERR_USED = -14,        /* no uses left */
	ERR_BUSY = -15,        /* locked by somebody else, try again */
	ERR_FULL = -16,        /* no space left on the device */
	ERR_READONLY = -17,    /* the file or file system cannot be written */
	ERR_CORRUPT = -18,     /* stored data fails its checksum or does not parse */
	ERR_VERSION = -19,     /* made by a version that we do not understand */
	ERR_IO = -20,          /* a read, write or network call failed */
	ERR_SYSTEM = -21,      /* another system call failed; errno says which way */
	ERR_AGAIN = -22,       /* would block; come back on the next event */
	ERR_CLOSED = -23,      /* the other side is gone */
	ERR_TIMEOUT = -24,     /* no answer in time */
	ERR_CRYPTO = -25,      /* a primitive of the crypto library failed */
	ERR_UNSUPPORTED = -26, /* the kernel or the other side cannot do this */
	ERR_STALE = -27,       /* changed by somebody else since it was read */
};

#define must_check __attribute__((warn_unused_result))

/* A lower-case English phrase for `e`, never NULL; static storage. */
const char *err_str(enum err e);

/* Maps an errno value to the nearest enum err (ENOSPC -> ERR_FULL, EROFS -> ERR_READONLY, ...). */
enum err err_from_errno(int errnum);

/* Ends the process when `cond` holds: only for our own mistakes, never for anything that came from
 * outside. */
#define BUG_ON(cond)                                                                               \
	do {                                                                                       \
		if (__builtin_expect(!!(cond), 0)) {                                               \
			fprintf(stderr, "BUG: %s at %s:%d\n", #cond, __FILE__, __LINE__);          \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
