/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hub/backup/recipient.h"

#define SALT "AAECAwQFBgcICQoLDA0ODw=="
#define KEY  "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="

static void test_parse(void **state)
{
	static const struct {
		const char *line;
		enum err err;
	} rows[] = {
		{ "blb1 17 " SALT " " KEY " " KEY, ERR_OK },
		{ "blb1 17 " SALT " " KEY " " KEY "\n", ERR_OK },
		{ "blb1 17 " SALT " " KEY " " KEY " \r\n", ERR_OK },
		{ "blb1 17 " SALT " " KEY " " KEY "\nmore", ERR_INVALID },
		{ "", ERR_INVALID },
		{ "blb1", ERR_INVALID },
		{ "blb2 17 " SALT " " KEY " " KEY, ERR_VERSION },
		{ "blx1 17 " SALT " " KEY " " KEY, ERR_INVALID },
		{ "blb1 9 " SALT " " KEY " " KEY, ERR_INVALID },
		{ "blb1 09 " SALT " " KEY " " KEY, ERR_INVALID },
		{ "blb1 21 " SALT " " KEY " " KEY, ERR_INVALID },
		{ "blb1 1x " SALT " " KEY " " KEY, ERR_INVALID },
		{ "blb1 17 AAEC " KEY " " KEY, ERR_INVALID },
		{ "blb1 17 " SALT " " SALT " " KEY, ERR_INVALID },
		{ "blb1 17 " SALT " " KEY, ERR_INVALID },
		{ "blb1 17 " SALT " " KEY " " KEY " x", ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct recipient r;

		if (recipient_parse(rows[i].line, &r) != rows[i].err)
			fail_msg("\"%s\"", rows[i].line);
	}
}

static void test_format(void **state)
{
	struct recipient r, back;
	char line[RECIPIENT_LINE_SIZE];

	(void)state;
	assert_int_equal(recipient_make(&r, "0123456789", RECIPIENT_LOG_N_MAX - 5), ERR_OK);
	recipient_format(&r, line);
	assert_int_equal(recipient_parse(line, &back), ERR_OK);
	assert_memory_equal(&r, &back, sizeof(r));
}

/* The passphrase gives both secrets again; another one none. */
static void test_unlock(void **state)
{
	struct recipient r, known;
	struct secret_key a, b;

	(void)state;
	assert_int_equal(recipient_make(&r, "0123456789", RECIPIENT_LOG_N_MIN), ERR_OK);
	known = r;
	memset(&known.origin, 0, sizeof(known.origin));
	assert_int_equal(recipient_unlock(&known, "0123456789", &a), ERR_OK);
	assert_memory_equal(&known.origin, &r.origin, KEY_BYTES);
	assert_false(secret_is_zero(&a, sizeof(a)));
	assert_memory_not_equal(&a, &r.origin, KEY_BYTES);
	assert_int_equal(recipient_unlock(&known, "0123456780", &b), ERR_AUTH);
	assert_true(secret_is_zero(&b, sizeof(b)));
	assert_true(secret_is_zero(&known.origin, sizeof(known.origin)));
}

static void test_make(void **state)
{
	char longest[RECIPIENT_PASSPHRASE_MAX + 2];
	struct recipient a, b;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[RECIPIENT_PASSPHRASE_MAX + 1] = '\0';
	assert_int_equal(recipient_make(&a, "012345678", RECIPIENT_LOG_N_MIN), ERR_INVALID);
	assert_int_equal(recipient_make(&a, longest, RECIPIENT_LOG_N_MIN), ERR_INVALID);
	/* The same passphrase twice: nobody can see that. */
	assert_int_equal(recipient_make(&a, "0123456789", RECIPIENT_LOG_N_MIN), ERR_OK);
	assert_int_equal(recipient_make(&b, "0123456789", RECIPIENT_LOG_N_MIN), ERR_OK);
	assert_memory_not_equal(&a.public, &b.public, KEY_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_unlock),
		cmocka_unit_test(test_make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
