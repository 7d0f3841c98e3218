/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <strings.h>

#include "shared/base/config_value.h"
#include "shared/conf/value.h"

/* Each program sees its own rows and no others, each name once, with a default that it takes. */
static void the_table_is_sound(void **unused)
{
	static const unsigned flags[] = { [CONF_HUB] = CONFIG_HUB, [CONF_SPOKE] = CONFIG_SPOKE };

	(void)unused;
	for (enum conf_program p = CONF_HUB; p <= CONF_SPOKE; p++) {
		size_t n;
		const struct config_var *vars = conf_vars(p, &n);

		assert_true(n > 20);
		for (size_t i = 0; i < n; i++) {
			char why[192];

			assert_true(vars[i].flags & flags[p]);
			assert_true(vars[i].flags & (CONFIG_SERVER | CONFIG_HOST));
			assert_true(vars[i].help && strlen(vars[i].help) > 10);
			if (vars[i].def)
				assert_int_equal(
					config_value_check(&vars[i], vars[i].def, why, sizeof(why)),
					ERR_OK);
			for (size_t k = 0; k < i; k++)
				assert_int_not_equal(strcasecmp(vars[i].name, vars[k].name), 0);
		}
	}
}

/* A row: a Subnet as it is typed, what it is taken for, and the verdict. */
static const struct {
	const char *text;
	enum conf_subnet_fault want;
	const char *prefix;
	unsigned weight;
} subnets[] = {
	{ "10.20.0.0/24", CONF_SUBNET_OK, "10.20.0.0/24", 10 },
	{ "10.20.0.0/24#5", CONF_SUBNET_OK, "10.20.0.0/24", 5 },
	{ "10.20.0.0/24 #65535", CONF_SUBNET_OK, "10.20.0.0/24", 65535 },
	{ "2001:db8::/48#0", CONF_SUBNET_OK, "2001:db8::/48", 0 },
	{ "192.168.100.209", CONF_SUBNET_OK, "192.168.100.209/32", 10 },
	{ "10.20.0.7/24#5", CONF_SUBNET_HOST_BITS, "10.20.0.0/24", 5 },
	{ "10.20.0.0/24#", CONF_SUBNET_WEIGHT, "10.20.0.0/24", 10 },
	{ "10.20.0.0/24#-1", CONF_SUBNET_WEIGHT, "10.20.0.0/24", 10 },
	{ "10.20.0.0/24#65536", CONF_SUBNET_WEIGHT, "10.20.0.0/24", 10 },
	{ "10.20.0.0/24#5x", CONF_SUBNET_WEIGHT, "10.20.0.0/24", 10 },
	{ "10.20.0.0/33", CONF_SUBNET_BAD, NULL, 0 },
	{ "10.20.0.0/-1", CONF_SUBNET_BAD, NULL, 0 },
	{ "10.20.0/24", CONF_SUBNET_BAD, NULL, 0 },
	{ "1.2.3.4.5/8", CONF_SUBNET_BAD, NULL, 0 },
	{ "00:11:22:33:44:55", CONF_SUBNET_BAD, NULL, 0 },
	{ ":::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::", CONF_SUBNET_BAD,
	  NULL, 0 },
	{ "#5", CONF_SUBNET_BAD, NULL, 0 },
	{ "", CONF_SUBNET_BAD, NULL, 0 },
};

static void subnets_are_read(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(subnets); i++) {
		struct node_subnet s;
		char text[PREFIX_STR_SIZE];

		assert_int_equal(conf_subnet_parse(subnets[i].text, &s), subnets[i].want);
		if (!subnets[i].prefix)
			continue;
		assert_string_equal(prefix_format(&s.prefix, text), subnets[i].prefix);
		assert_int_equal(s.weight, subnets[i].weight);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(subnets_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
