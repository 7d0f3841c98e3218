/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/base/prefix.h"

/* A row: text in; text out, or NULL when refused; then what is proposed instead, if anything. */
static const struct {
	const char *in, *out, *fixed;
} rows[] = {
	{ "10.20.0.0/24", "10.20.0.0/24", NULL },
	{ "0.0.0.0/0", "0.0.0.0/0", NULL },
	{ "10.0.0.5", "10.0.0.5/32", NULL },
	{ "10.0.0.5/32", "10.0.0.5/32", NULL },
	{ "10.0.0.4/31", "10.0.0.4/31", NULL },
	{ "128.0.0.0/1", "128.0.0.0/1", NULL },
	{ "2001:db8::/48", "2001:db8::/48", NULL },
	{ "::/0", "::/0", NULL },
	{ "2001:db8::1", "2001:db8::1/128", NULL },
	{ "10.0.0.5/24", NULL, "10.0.0.0/24" },
	{ "10.0.0.5/31", NULL, "10.0.0.4/31" },
	{ "10.0.0.5/0", NULL, "0.0.0.0/0" },
	{ "2001:db8::1/64", NULL, "2001:db8::/64" },
	{ "2001:db8:ffff::/33", NULL, "2001:db8:8000::/33" },
	{ "10.0.0.0/33", NULL, NULL },
	{ "10.0.0.0/-1", NULL, NULL },
	{ "10.0.0.0/+1", NULL, NULL },
	{ "10.0.0.0/08", NULL, NULL },
	{ "10.0.0.0/00", NULL, NULL },
	{ "10.0.0.0/", NULL, NULL },
	{ "10.0.0.0/ 8", NULL, NULL },
	{ "10.0.0.0/8 ", NULL, NULL },
	{ " 10.0.0.0/8", NULL, NULL },
	{ "10.0.0.0/8/8", NULL, NULL },
	{ "10.0.0.0/255.0.0.0", NULL, NULL },
	{ "10/8", NULL, NULL },
	{ "10.0/16", NULL, NULL },
	{ "::/129", NULL, NULL },
	{ "::/4294967296", NULL, NULL },
	{ "/8", NULL, NULL },
	{ "", NULL, NULL },
};

static void parsing(void **unused)
{
	char text[PREFIX_STR_SIZE];

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p = { 0 }, fixed = { 0 };
		enum err e = prefix_parse(rows[i].in, &p, &fixed);

		if (e != (rows[i].out ? ERR_OK : ERR_INVALID))
			fail_msg("%s", rows[i].in);
		if (rows[i].out)
			assert_string_equal(prefix_format(&p, text), rows[i].out);
		else
			assert_int_equal(p.addr.family, 0);
		assert_string_equal(prefix_format(&fixed, text),
				    rows[i].fixed ? rows[i].fixed : "none");
		assert_int_equal(prefix_parse(rows[i].in, &p, NULL), e);
	}
}

static struct prefix parsed(const char *s)
{
	struct prefix p;

	assert_int_equal(prefix_parse(s, &p, NULL), ERR_OK);
	return p;
}

static const struct {
	const char *prefix, *addr;
	bool contains;
} contained[] = {
	{ "10.0.0.0/8", "10.255.255.255", true },
	{ "10.0.0.0/8", "11.0.0.0", false },
	{ "10.0.0.128/25", "10.0.0.127", false },
	{ "10.0.0.128/25", "10.0.0.128", true },
	{ "0.0.0.0/0", "255.1.2.3", true },
	{ "0.0.0.0/0", "::1", false },
	{ "::/0", "1.2.3.4", false },
	{ "::/0", "ffff::", true },
	{ "10.0.0.1/32", "10.0.0.1", true },
	{ "10.0.0.1/32", "10.0.0.2", false },
	{ "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
};

static void containing(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(contained); i++) {
		struct prefix p = parsed(contained[i].prefix), host = parsed(contained[i].addr);

		assert_int_equal(prefix_contains(&p, &host.addr), contained[i].contains);
		/* A host overlaps just where it is contained, in either order. */
		assert_int_equal(prefix_overlaps(&p, &host), contained[i].contains);
		assert_int_equal(prefix_overlaps(&host, &p), contained[i].contains);
	}
	assert_false(prefix_contains(&(struct prefix){ 0 }, &(struct addr){ 0 }));
}

static void overlapping(void **unused)
{
	struct prefix wide = parsed("10.0.0.0/8"), inside = parsed("10.5.0.0/16"),
		      beside = parsed("10.6.0.0/16");

	(void)unused;
	assert_true(prefix_overlaps(&wide, &inside));
	assert_true(prefix_overlaps(&inside, &wide));
	assert_true(prefix_overlaps(&inside, &inside));
	assert_false(prefix_overlaps(&inside, &beside));
}

/* For every length: the mask agrees with a bit by bit one. */
static void every_length(void **unused)
{
	struct addr a = { .family = AF_INET6 };

	(void)unused;
	memset(a.b, 0xff, sizeof(a.b));
	for (unsigned len = 0; len <= 128; len++) {
		struct prefix p = prefix_of_net(&a, (uint8_t)len);

		for (unsigned bit = 0; bit < 128; bit++)
			assert_int_equal(p.addr.b[bit / 8] >> (7 - bit % 8) & 1, bit < len);
	}
}

static const char *const ascending[] = { "0.0.0.0/0",   "10.0.0.0/8", "10.0.0.0/16",
					 "10.0.1.0/24", "::/0",       "2001::/16" };

static void ordering(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(ascending); i++)
		for (size_t j = 0; j < ARRAY_LEN(ascending); j++) {
			struct prefix a = parsed(ascending[i]), b = parsed(ascending[j]);
			int d = prefix_cmp(&a, &b);

			assert_int_equal((d > 0) - (d < 0), (i > j) - (i < j));
			assert_int_equal(prefix_equal(&a, &b), i == j);
		}
}

static void knows_reserved(void **state)
{
	static const struct {
		const char *prefix;
		bool reserved;
	} cases[] = {
		{ "10.0.0.0/8", false },
		{ "192.168.1.0/24", false },
		{ "100.64.0.0/10", false },
		{ "198.51.100.0/24", false },
		{ "172.16.0.1/32", false },
		{ "0.0.0.0/0", true },
		{ "0.0.0.0/1", true },
		{ "128.0.0.0/1", true },
		{ "127.0.0.0/8", true },
		{ "127.0.0.1/32", true },
		{ "169.254.169.254/32", true },
		{ "224.0.0.0/24", true },
		{ "240.0.0.0/4", true },
		{ "255.255.255.255/32", true },
		{ "0.1.2.3/32", true },
		{ "fd00::/8", false },
		{ "2001:db8::/32", false },
		{ "64:ff9b::/96", false },
		{ "2000::/3", false },
		{ "::/0", true },
		{ "::1/128", true },
		{ "::ffff:0:0/96", true },
		{ "fe80::/64", true },
		{ "ff02::/16", true },
		{ "8000::/1", true },
		{ "::/1", true },
	};
	struct prefix p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(prefix_parse(cases[i].prefix, &p, NULL), ERR_OK);
		if (prefix_is_reserved(&p) != cases[i].reserved)
			fail_msg("%s", cases[i].prefix);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),     cmocka_unit_test(containing),
		cmocka_unit_test(overlapping), cmocka_unit_test(every_length),
		cmocka_unit_test(ordering),    cmocka_unit_test(knows_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
