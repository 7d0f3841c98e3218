/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of webhooks: where they may point to, what they want, how they sign, when they try
 * again. */
#include "hub/webhook/pattern.h"
#include "hub/webhook/retry.h"
#include "hub/webhook/signature.h"
#include "hub/webhook/target.h"
#include "tests/lib/store_fixture.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void where_they_may_point_to(void **unused)
{
	static const struct {
		const char *url;
		bool ok;
	} rows[] = {
		{ "https://pager.example.com/in?x=1", true },
		{ "http://10.1.2.3:8080/hook", true },
		{ "https://[2001:db8::1]/", true },
		{ "https://[fd00::1]/", true },
		{ "ftp://example.com/", false },
		{ "file:///etc/passwd", false },
		{ "example.com/x", false },
		{ "https://", false },
		{ "", false },
		{ "https://user:secret@example.com/", false },
		{ "https://user@example.com/", false },
		{ "https://example.com/#part", false },
		{ "https://example.com/a b", false },
		{ "https://example.com/\n", false },
		{ "http://127.0.0.1/", false },
		{ "http://127.1/", false }, /* the library reads it as 127.0.0.1 */
		{ "http://2130706433/", false },
		{ "http://0x7f000001/", false },
		{ "http://[::1]:80/", false },
		{ "http://169.254.169.254/latest", false },
		{ "http://[::ffff:169.254.169.254]/", false },
		{ "http://0.0.0.0/", false },
	};
	char why[TARGET_WHY_SIZE];

	(void)unused;
	for (size_t i = 0; i < N(rows); i++)
		if ((target_check_url(rows[i].url, why) == ERR_OK) != rows[i].ok)
			fail_msg("\"%s\"", rows[i].url);
}

static void addresses(void **unused)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "192.168.1.1", true },
		{ "203.0.113.9", true },
		{ "2001:db8::1", true },
		{ "fd12::1", true },
		{ "127.255.0.1", false },
		{ "169.254.0.1", false },
		{ "0.1.2.3", false },
		{ "224.0.0.1", false },
		{ "255.255.255.255", false },
		{ "::", false },
		{ "::1", false },
		{ "fe80::1", false },
		{ "ff02::1", false },
		{ "fd00:ec2::254", false },
		{ "::ffff:127.0.0.1", false },
		{ "::ffff:10.0.0.1", true },
		{ "64:ff9b::7f00:1", false },
		{ "64:ff9b::a00:1", true },
	};

	(void)unused;
	for (size_t i = 0; i < N(rows); i++) {
		struct addr a = fixture_addr(rows[i].text);

		if (target_address_allowed(&a) != rows[i].ok)
			fail_msg("%s", rows[i].text);
	}
	assert_false(target_address_allowed(&(struct addr){ 0 }));
}

static void patterns(void **unused)
{
	static const char *const good[] = { "*", "node.*", "node.revoke", "presence.up",
					    "a-b.c_d" };
	static const char *const bad[] = {
		"",        ".*",
		"node*",   "*.up",
		"node.",   ".x",
		"Node.",   "a b",
		"n.*.x",   "**",
		"node.*x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};

	(void)unused;
	for (size_t i = 0; i < N(good); i++)
		assert_true(pattern_is_valid(good[i]));
	for (size_t i = 0; i < N(bad); i++)
		if (pattern_is_valid(bad[i]))
			fail_msg("\"%s\"", bad[i]);
	assert_true(pattern_list_matches("*", "anything"));
	assert_true(pattern_list_matches("group.add node.*", "node.revoke"));
	assert_true(pattern_list_matches("group.add node.*", "group.add"));
	assert_false(pattern_list_matches("group.add node.*", "group.added"));
	assert_false(pattern_list_matches("group.add node.*", "nodes.x"));
	assert_false(pattern_list_matches("group.add", "group.ad"));
	assert_false(pattern_list_matches("", "group.add"));
	assert_false(pattern_list_matches("group.add", "webhook.test"));
}

/* The sum was made with another implementation: hmac.new(key, b"1795363201.{}", sha256). */
static void signatures(void **unused)
{
	char out[SIGNATURE_SIZE], other[SIGNATURE_SIZE], secret[64], again[64];

	(void)unused;
	assert_ok(signature_make("blw_key", 1795363201, "{}", 2, out));
	assert_string_equal(out,
			    "v1=fd51e1d45590a6215de795f51bbadd0d2b214d145ceef6b765ade8555c1dcc88");
	assert_ok(signature_make("blw_key", 1795363202, "{}", 2, other));
	assert_string_not_equal(out, other);
	signature_secret_new(secret, sizeof(secret));
	signature_secret_new(again, sizeof(again));
	assert_int_equal(strlen(secret), 47);
	assert_memory_equal(secret, "blw_", 4);
	assert_string_not_equal(secret, again);
}

/* One attempt at `at_ms`. */
static bool attempt(struct store_delivery *d, struct store_webhook *w, int64_t at_ms,
		    uint16_t status, const char *error)
{
	return retry_note(d, w, &(struct retry_outcome){ at_ms, status, 7, error });
}

static void tried_again_ever_later(void **unused)
{
	static const int64_t delays[] = { 1, 5, 30, 120, 600, 3600, 21600 };
	struct store_webhook w = { .enabled = true };
	struct store_delivery d = { 0 };
	int64_t now = 1000000;

	(void)unused;
	for (size_t i = 0; i < N(delays); i++) {
		assert_false(attempt(&d, &w, now, i % 2 ? 500 : 0, i % 2 ? NULL : "no route"));
		assert_int_equal(d.status, DELIVERY_PENDING);
		assert_int_equal(d.next_ms, now + delays[i] * 1000);
		now = d.next_ms;
	}
	assert_int_equal(w.failing_ms, 1000000);
	assert_false(attempt(&d, &w, now, 302, NULL));
	assert_int_equal(d.status, DELIVERY_FAILED);
	assert_int_equal(d.attempts, 8);
	assert_string_equal(d.error, "the receiver answered 302");
	assert_int_equal(w.failures, 8);

	d = (struct store_delivery){ 0 };
	assert_false(attempt(&d, &w, now, 204, NULL));
	assert_int_equal(d.status, DELIVERY_DELIVERED);
	assert_int_equal(d.took_ms, 7);
	assert_int_equal(w.failures, 0);
	assert_int_equal(w.failing_ms, 0);
}

static void given_up_after_a_day(void **unused)
{
	struct store_webhook w = { .enabled = true };
	struct store_delivery d;
	int64_t now = 1000;

	(void)unused;
	for (unsigned i = 0; i < 50; i++, now += 60000) {
		d = (struct store_delivery){ 0 };
		assert_false(attempt(&d, &w, now, 0, "timeout"));
	}
	/* Many failures, but in an hour only. */
	d = (struct store_delivery){ 0 };
	assert_false(attempt(&d, &w, 1000 + RETRY_DISABLE_MS - 1, 0, "timeout"));
	d = (struct store_delivery){ 0 };
	assert_true(attempt(&d, &w, 1000 + RETRY_DISABLE_MS, 0, "timeout"));
	assert_non_null(strstr(w.disabled_why, "timeout"));

	/* A day, but few. */
	w = (struct store_webhook){ .enabled = true };
	d = (struct store_delivery){ 0 };
	assert_false(attempt(&d, &w, 1000, 500, NULL));
	d = (struct store_delivery){ 0 };
	assert_false(attempt(&d, &w, 1000 + 2 * RETRY_DISABLE_MS, 500, NULL));

	/* Gone is gone. */
	d = (struct store_delivery){ 0 };
	assert_true(attempt(&d, &w, 5000, 410, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_they_may_point_to),
		cmocka_unit_test(addresses),
		cmocka_unit_test(patterns),
		cmocka_unit_test(signatures),
		cmocka_unit_test(tried_again_ever_later),
		cmocka_unit_test(given_up_after_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
