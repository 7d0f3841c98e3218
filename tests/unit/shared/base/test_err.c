/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "shared/base/err.h"

/* Every code has a phrase of its own; a number that is none has one too. */
static void phrases_differ(void **unused)
{
	(void)unused;
	for (int a = ERR_STALE; a <= ERR_OK; a++) {
		assert_string_not_equal(err_str((enum err)a), "unknown error");
		for (int b = a + 1; b <= ERR_OK; b++)
			assert_string_not_equal(err_str((enum err)a), err_str((enum err)b));
	}
	assert_string_equal(err_str((enum err) - 9999), "unknown error");
}

static const struct {
	int errnum;
	enum err e;
} rows[] = {
	{ 0, ERR_OK },
	{ ENOMEM, ERR_NOMEM },
	{ ENOSPC, ERR_FULL },
	{ EDQUOT, ERR_FULL },
	{ EROFS, ERR_READONLY },
	{ EACCES, ERR_DENIED },
	{ EPERM, ERR_DENIED },
	{ ELOOP, ERR_DENIED },
	{ ENOENT, ERR_NOTFOUND },
	{ EEXIST, ERR_EXISTS },
	{ EAGAIN, ERR_AGAIN },
	{ EPIPE, ERR_CLOSED },
	{ ECONNREFUSED, ERR_IO },
	{ ETIMEDOUT, ERR_TIMEOUT },
	{ EADDRINUSE, ERR_CONFLICT },
	{ ENOSYS, ERR_UNSUPPORTED },
	{ ECHILD, ERR_SYSTEM },
};

static void errno_is_mapped(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(err_from_errno(rows[i].errnum), rows[i].e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phrases_differ),
		cmocka_unit_test(errno_is_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
