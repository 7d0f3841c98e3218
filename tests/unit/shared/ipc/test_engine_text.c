/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/engine_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct row {
	const char *json, *text;
};

/* Each row's JSON gives its text. */
static void check(const struct row *row, void (*print)(const json_t *j, FILE *out))
{
	json_t *j = json_loads(row->json, 0, NULL);
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(j);
	assert_non_null(out);
	print(j, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, row->text);
	free(text);
	json_decref(j);
}

static void sealing(void **state)
{
	static const struct row rows[] = {
		{ "{\"crypto\":\"aes-256-gcm/openssl\",\"offloads\":[\"tun-tso\",\"tun-uso\","
		  "\"udp-gso\"]}",
		  "data plane  aes-256-gcm/openssl, tun tso+uso, udp gso\n" },
		{ "{\"crypto\":\"x\",\"offloads\":[]}",
		  "data plane  x, tun one by one, udp one by one\n" },
		{ "{\"offloads\":[1,\"tunnel\",\"tun\",\"udp-gro\"]}",
		  "data plane  -, tun one by one, udp gro\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i], engine_text_sealing);
}

static void compression(void **state)
{
	static const struct row rows[] = {
		{ "{\"tried\":10,\"compressed\":4,\"us_per_packet\":2.5,\"before_bytes\":1000,"
		  "\"after_bytes\":400}",
		  "compression 4 of 10 packets tried are smaller, 2.5 us each; all bytes to 40 "
		  "%\n" },
		{ "{\"tried\":0,\"compressed\":0,\"before_bytes\":1000,\"after_bytes\":1000}", "" },
		{ "{\"tried\":1,\"before_bytes\":0}", "" },
		{ "{}", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i], engine_text_compression);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealing),
		cmocka_unit_test(compression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
