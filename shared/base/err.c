/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/err.h"

#include <errno.h>

const char *err_str(enum err e)
{
	switch (e) {
	case ERR_OK:
		return "no error";
	case ERR_NOMEM:
		return "out of memory";
	case ERR_INVALID:
		return "invalid";
	case ERR_TRUNCATED:
		return "cut short";
	case ERR_TOOBIG:
		return "too large";
	case ERR_LIMIT:
		return "limit reached";
	case ERR_NOTFOUND:
		return "not found";
	case ERR_EXISTS:
		return "exists already";
	case ERR_CONFLICT:
		return "in conflict with something else";
	case ERR_DENIED:
		return "not allowed";
	case ERR_AUTH:
		return "not authentic";
	case ERR_REPLAY:
		return "seen before or too old";
	case ERR_EXPIRED:
		return "expired";
	case ERR_REVOKED:
		return "revoked";
	case ERR_USED:
		return "used up";
	case ERR_BUSY:
		return "busy";
	case ERR_FULL:
		return "no space left";
	case ERR_READONLY:
		return "read-only";
	case ERR_CORRUPT:
		return "corrupt";
	case ERR_VERSION:
		return "of an unknown version";
	case ERR_IO:
		return "input/output error";
	case ERR_SYSTEM:
		return "system call failed";
	case ERR_AGAIN:
		return "not ready yet";
	case ERR_CLOSED:
		return "closed by the other side";
	case ERR_TIMEOUT:
		return "timed out";
	case ERR_CRYPTO:
		return "cryptographic operation failed";
	case ERR_UNSUPPORTED:
		return "not supported";
	case ERR_STALE:
		return "changed by somebody else";
	}
	return "unknown error";
}

/* One row an errno value that means something more than "a system call failed". */
static const struct {
	int errnum;
	enum err e;
} errno_map[] = {
	{ 0, ERR_OK },
	{ ENOMEM, ERR_NOMEM },
	{ EINVAL, ERR_INVALID },
	{ ENAMETOOLONG, ERR_TOOBIG },
	{ E2BIG, ERR_TOOBIG },
	{ EFBIG, ERR_TOOBIG },
	{ EMSGSIZE, ERR_TOOBIG },
	{ EMFILE, ERR_LIMIT },
	{ ENFILE, ERR_LIMIT },
	{ ENOBUFS, ERR_LIMIT },
	{ ENOENT, ERR_NOTFOUND },
	{ ENODEV, ERR_NOTFOUND },
	{ ENXIO, ERR_NOTFOUND },
	{ ESRCH, ERR_NOTFOUND },
	{ EEXIST, ERR_EXISTS },
	{ EADDRINUSE, ERR_CONFLICT },
	{ ENOTEMPTY, ERR_CONFLICT },
	{ EACCES, ERR_DENIED },
	{ EPERM, ERR_DENIED },
	{ ELOOP, ERR_DENIED },
	{ EBUSY, ERR_BUSY },
	{ ETXTBSY, ERR_BUSY },
	{ ENOSPC, ERR_FULL },
	{ EDQUOT, ERR_FULL },
	{ EROFS, ERR_READONLY },
	{ EIO, ERR_IO },
	{ EISDIR, ERR_IO },
	{ ENOTDIR, ERR_IO },
	{ ECONNREFUSED, ERR_IO },
	{ ENETDOWN, ERR_IO },
	{ ENETUNREACH, ERR_IO },
	{ EHOSTDOWN, ERR_IO },
	{ EHOSTUNREACH, ERR_IO },
	{ EADDRNOTAVAIL, ERR_IO },
	{ EAGAIN, ERR_AGAIN },
	{ EINPROGRESS, ERR_AGAIN },
	{ EINTR, ERR_AGAIN },
	{ EPIPE, ERR_CLOSED },
	{ ECONNRESET, ERR_CLOSED },
	{ ECONNABORTED, ERR_CLOSED },
	{ ENOTCONN, ERR_CLOSED },
	{ ETIMEDOUT, ERR_TIMEOUT },
	{ ENOSYS, ERR_UNSUPPORTED },
	{ EOPNOTSUPP, ERR_UNSUPPORTED },
	{ EPROTONOSUPPORT, ERR_UNSUPPORTED },
	{ EAFNOSUPPORT, ERR_UNSUPPORTED },
	{ ENOPROTOOPT, ERR_UNSUPPORTED },
};

enum err err_from_errno(int errnum)
{
	for (size_t i = 0; i < ARRAY_LEN(errno_map); i++)
		if (errno_map[i].errnum == errnum)
			return errno_map[i].e;
	return ERR_SYSTEM;
}
