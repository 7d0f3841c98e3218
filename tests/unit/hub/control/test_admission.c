/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hub/control/admission.h"
#include "shared/wire/limits.h"

static void test_bucket(void **state)
{
	struct bucket b;
	unsigned n = 0;

	(void)state;
	bucket_init(&b, 20, 100, 1000);
	while (bucket_take(&b, 1000))
		n++;
	assert_int_equal(n, 100);
	assert_int_equal(bucket_wait_ms(&b, 1000), 50);
	assert_false(bucket_take(&b, 1049));
	assert_true(bucket_take(&b, 1050));
	assert_false(bucket_take(&b, 1050));
	/* Slow dribble is not lost to rounding. */
	for (uint64_t t = 1050; t <= 2050; t++)
		n += bucket_take(&b, t);
	assert_int_equal(n, 120);
	/* After a very long time it is full, not more. */
	n = 0;
	while (bucket_take(&b, UINT64_MAX / 2))
		n++;
	assert_int_equal(n, 100);
	/* A clock that stands does no harm. */
	assert_false(bucket_take(&b, 5));
}

static struct addr addr_of(const char *s)
{
	struct addr a;

	assert_int_equal(addr_parse(s, &a), ERR_OK);
	return a;
}

static void test_sources(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "2001:db8::1", "2001:db8::ffff:1", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "192.0.2.1", "c000:201::", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct admission a;
		struct admission_source *src[LINK_UNAUTHENTICATED_PER_SOURCE + 1];
		struct addr first = addr_of(rows[i].a), second = addr_of(rows[i].b);
		unsigned n = 0;

		assert_int_equal(admission_init(&a, 1), ERR_OK);
		for (; n < LINK_UNAUTHENTICATED_PER_SOURCE; n++)
			assert_int_equal(admission_enter(&a, &first, 1, &src[n]), ERR_OK);
		enum err e = admission_enter(&a, &second, 1, &src[n]);
		assert_int_equal(e, rows[i].same ? ERR_LIMIT : ERR_OK);
		n += e == ERR_OK;
		assert_int_equal(a.n_strangers, n);
		for (unsigned k = 0; k < n; k++) {
			admission_tls_done(&a);
			admission_leave(&a, src[k]);
		}
		assert_int_equal(a.n_strangers, 0);
		assert_int_equal(a.n_tls, 0);
		admission_fini(&a);
	}
}

/* The pace: so many TLS handshakes at once, so many a second. */
static void test_pace(void **state)
{
	struct admission a;
	static struct admission_source *src[LINK_TLS_PER_S];
	struct addr from = { .family = AF_INET };
	unsigned n = 0;

	(void)state;
	assert_int_equal(admission_init(&a, 1000), ERR_OK);
	while (admission_wait_ms(&a, 1000) == 0) {
		from.b[3] = (uint8_t)n;
		from.b[2] = (uint8_t)(n >> 8);
		assert_int_equal(admission_enter(&a, &from, 1000, &src[n]), ERR_OK);
		n++;
	}
	assert_int_equal(n, LINK_TLS_PENDING_MAX);
	assert_true(admission_wait_ms(&a, 1000) == UINT64_MAX);
	for (unsigned i = 0; i < n; i++)
		admission_tls_done(&a);
	while (admission_wait_ms(&a, 1000) == 0) {
		from.b[3] = (uint8_t)n;
		from.b[2] = (uint8_t)(n >> 8);
		assert_int_equal(admission_enter(&a, &from, 1000, &src[n]), ERR_OK);
		admission_tls_done(&a);
		n++;
	}
	assert_int_equal(n, LINK_TLS_PER_S);
	assert_in_range(admission_wait_ms(&a, 1000), 1, 10);
	assert_int_equal(admission_wait_ms(&a, 1010), 0);
	for (unsigned i = 0; i < n; i++)
		admission_leave(&a, src[i]);
	admission_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
