/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/ipc/engine_msg.h"

/* Programs go by these, and links carry the numbers: neither ever changes its meaning. */
static const char *const ids[PATH_REASON_COUNT] = {
	"none",          "no-session",  "handshake",   "no-answer", "no-endpoint",   "hub-down",
	"validated",     "relayed",     "policy",      "probing",   "no-candidates", "silent",
	"nat-both-hard", "udp-blocked", "tcp-only",    "idle",      "limit",         "direct-lost",
	"direct-slower", "peer-tcp",    "direct-only",
};

static void identifiers_stay(void **unused)
{
	(void)unused;
	for (unsigned r = 0; r < PATH_REASON_COUNT; r++)
		assert_string_equal(path_reason_id((enum path_reason)r), ids[r]);
	assert_string_equal(path_reason_id(PATH_REASON_COUNT), "unknown");
	assert_string_equal(path_reason_id((enum path_reason)255), "unknown");
}

/* A sentence fits a line, has no full stop, and needs no escape in a label or shell. */
static void check_words(const char *s)
{
	assert_non_null(s);
	assert_in_range(strlen(s), 1, 120);
	assert_int_not_equal(s[strlen(s) - 1], '.');
	for (; *s; s++) {
		assert_in_range(*s, 0x20, 0x7e);
		assert_null(strchr("\"\\\n", *s));
	}
}

static void words_are_sentences(void **unused)
{
	(void)unused;
	for (unsigned r = 0; r < PATH_REASON_COUNT; r++) {
		const char *advice = path_reason_advice((enum path_reason)r);

		check_words(path_reason_str((enum path_reason)r));
		assert_true(strlen(path_reason_str((enum path_reason)r)) <= 64);
		if (*advice)
			check_words(advice);
	}
	assert_string_equal(path_reason_str((enum path_reason)255), "unknown");
	assert_string_equal(path_reason_advice((enum path_reason)255), "");
}

/* Whoever has no working path, or not the best, is told what helps. */
static void trouble_has_advice(void **unused)
{
	static const enum path_reason trouble[] = {
		PATH_REASON_NO_ANSWER,     PATH_REASON_NO_ENDPOINT, PATH_REASON_HUB_DOWN,
		PATH_REASON_NO_CANDIDATES, PATH_REASON_SILENT,      PATH_REASON_NAT_BOTH_HARD,
		PATH_REASON_UDP_BLOCKED,   PATH_REASON_TCP_ONLY,    PATH_REASON_LIMIT,
		PATH_REASON_PEER_TCP,      PATH_REASON_DIRECT_ONLY,
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(trouble); i++)
		assert_string_not_equal(path_reason_advice(trouble[i]), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifiers_stay),
		cmocka_unit_test(words_are_sentences),
		cmocka_unit_test(trouble_has_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
