/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/hashing.h"
#include "hub/api/password.h"

static struct api api;
static struct loop *loop;
static unsigned woken, rounds, stop_after;

static void wake(struct request *r)
{
	assert_false(hashing_waits(r));
	if (++woken == stop_after)
		loop_stop(loop, 0);
}

/* Every round of the loop: what others would be answered in. */
static void another_round(struct loop_later *l)
{
	rounds++;
	loop_later(loop, l, another_round);
}

static int setup(void **unused)
{
	(void)unused;
	woken = rounds = stop_after = 0;
	memset(&api, 0, sizeof(api));
	waits_init(&api.waits, NULL, NULL);
	assert_int_equal(loop_new(&loop), ERR_OK);
	assert_int_equal(hashing_new(loop, wake, &api.hashing), ERR_OK);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	hashing_free(api.hashing);
	loop_free(loop);
	return 0;
}

static void begin(struct request *r)
{
	request_init(r);
	r->api = &api;
}

static void run_until(unsigned n)
{
	stop_after = n;
	assert_int_equal(loop_run(loop), 0);
}

static void results_of_each(void **unused)
{
	char hash[PASSWORD_HASH_SIZE];
	static const struct row {
		const char *tried;
		bool against, make, right, made;
	} rows[] = {
		{ "correct horse", true, false, true, false },
		{ "correct horsf", true, false, false, false },
		{ "correct horse", false, false, false, false }, /* nobody of this name */
		{ "correct horse", true, true, true, true },
		{ "correct horsf", true, true, false, false },
		{ NULL, false, true, false, true },
	};
	struct request r[ARRAY_LEN(rows)];

	(void)unused;
	assert_int_equal(password_hash("correct horse", hash), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(&r[i]);
		assert_false(hashing_asked(&r[i]));
		assert_false(hashing_ready(&r[i], rows[i].tried, rows[i].against ? hash : "",
					   rows[i].make ? "battery staple" : NULL));
		assert_true(hashing_asked(&r[i]) && hashing_waits(&r[i]));
		assert_int_equal(r[i].reply.status, 0);
	}
	run_until(ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *made;

		assert_true(hashing_ready(&r[i], NULL, NULL, NULL));
		made = hashing_made(&r[i]);
		assert_int_equal(hashing_right(&r[i], rows[i].against ? hash : ""), rows[i].right);
		assert_int_equal(made != NULL, rows[i].made);
		if (made)
			assert_true(password_matches("battery staple", made));
		request_fini(&r[i]);
	}
}

static void a_hash_that_was_replaced_meanwhile_is_not_matched(void **unused)
{
	char before[PASSWORD_HASH_SIZE], after[PASSWORD_HASH_SIZE];
	struct request r;

	(void)unused;
	assert_int_equal(password_hash("correct horse", before), ERR_OK);
	assert_int_equal(password_hash("correct horse", after), ERR_OK);
	begin(&r);
	assert_false(hashing_ready(&r, "correct horse", before, NULL));
	run_until(1);
	assert_true(hashing_ready(&r, NULL, NULL, NULL));
	assert_true(hashing_right(&r, before));
	assert_false(hashing_right(&r, after));
	request_fini(&r);
}

static void the_loop_goes_on_meanwhile(void **unused)
{
	struct loop_later later = { 0 };
	struct request r;

	(void)unused;
	begin(&r);
	loop_later(loop, &later, another_round);
	assert_false(hashing_ready(&r, NULL, NULL, "battery staple"));
	run_until(1);
	assert_true(rounds > 1);
	loop_later_cancel(loop, &later);
	request_fini(&r);
}

/* One too many is refused; those that are over are not woken; the end refuses who still waits. */
static void limit_and_end(void **unused)
{
	struct request r[HASHING_WAITING_MAX + 1];
	unsigned refused = 0;

	(void)unused;
	for (unsigned i = 0; i < ARRAY_LEN(r); i++) {
		begin(&r[i]);
		assert_false(hashing_ready(&r[i], "guess", "", NULL));
	}
	assert_int_equal(r[HASHING_WAITING_MAX].reply.status, 503);
	assert_non_null(reply_header_get(&r[HASHING_WAITING_MAX].reply, "Retry-After"));
	assert_false(hashing_asked(&r[HASHING_WAITING_MAX]));
	for (unsigned i = 0; i < HASHING_WAITING_MAX; i += 2)
		request_fini(&r[i]);
	hashing_free(api.hashing);
	api.hashing = NULL;
	assert_int_equal(woken, HASHING_WAITING_MAX / 2);
	for (unsigned i = 1; i < HASHING_WAITING_MAX; i += 2) {
		assert_false(hashing_waits(&r[i]));
		refused += !hashing_ready(&r[i], NULL, NULL, NULL);
		assert_true(!r[i].reply.status || r[i].reply.status == 503);
		request_fini(&r[i]);
	}
	assert_true(refused > 0);
	request_fini(&r[HASHING_WAITING_MAX]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(results_of_each, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hash_that_was_replaced_meanwhile_is_not_matched,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_loop_goes_on_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(limit_and_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
