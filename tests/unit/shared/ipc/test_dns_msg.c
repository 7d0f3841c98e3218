/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/dns_msg.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/lib/codec_check.h"

CODEC_CHECK_WRAP(dns_self)
CODEC_CHECK_WRAP(dns_node)
CODEC_CHECK_WRAP(dns_subnets)
CODEC_CHECK_WRAP(dns_gone)
CODEC_CHECK_WRAP(dns_ready)

#define V4(a, b_, c, d)                                                                            \
	{                                                                                          \
		.family = AF_INET, .b = { a, b_, c, d }                                            \
	}
#define V6                                                                                         \
	{                                                                                          \
		.family = AF_INET6, .b = { 0xfd, [15] = 7 }                                        \
	}

static const struct dns_self self = {
	.id = 2,
	.addresses = { V4(192, 168, 100, 2), V6 },
	.pools = { { .addr = V4(192, 168, 100, 0), .len = 24 },
		   { .addr = { .family = AF_INET6, .b = { 0xfd } }, .len = 64 } },
};
static const struct dns_node node = {
	.id = 2,
	.name = "oslo",
	.hub = true,
	.groups = 1ull << 63,
	.reach = 3,
	.addresses = { V4(192, 168, 100, 2), V6 },
};
static const struct dns_gone gone = { .id = 9 };
static const struct dns_ready ready = { .revision = 0x8877665544332211ull };

static void test_messages(void **state)
{
	static struct dns_subnets subnets = { .id = 2, .n = DNS_SUBNETS_PART };
	static const struct codec_check rows[] = {
		CODEC_CHECK_ROW(dns_self, &self),       CODEC_CHECK_ROW(dns_node, &node),
		CODEC_CHECK_ROW(dns_gone, &gone),       CODEC_CHECK_ROW(dns_ready, &ready),
		CODEC_CHECK_ROW(dns_subnets, &subnets),
	};

	(void)state;
	for (unsigned i = 0; i < DNS_SUBNETS_PART; i++)
		subnets.list[i] = (struct node_subnet){
			.prefix = { .addr = { .family = AF_INET6,
					      .b = { 0xfd, (uint8_t)(i >> 8), (uint8_t)i } },
				    .len = 24 },
			.weight = i + 1,
		};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		codec_check_run(&rows[i]);
}

/* Which of our own facts make the worker start from the beginning. */
static void test_self_equal(void **state)
{
	struct dns_self other = self;

	(void)state;
	assert_true(dns_self_equal(&self, &other));
	other.id++;
	assert_false(dns_self_equal(&self, &other));
	other = self;
	other.addresses[1].b[15]++;
	assert_false(dns_self_equal(&self, &other));
	other = self;
	other.pools[0].len = 25;
	assert_false(dns_self_equal(&self, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_self_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
