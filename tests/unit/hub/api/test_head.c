/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/head.h"
#include "shared/base/err.h"

#define FIELDS_MAX 4

/* A row: a head, and the answer to it; status 0: it is fine. */
static const struct {
	const char *version;
	size_t bytes, target_bytes;
	const char *fields[FIELDS_MAX][2];
	unsigned status;
	const char *code;
} rows[] = {
	{ "HTTP/1.1", 100, 10, { { "Host", "hub" } }, 0, NULL },
	{ "HTTP/1.1", 100, 10, { { "host", "" } }, 0, NULL },
	{ "HTTP/1.0", 100, 10, { { "Accept", "*/*" } }, 0, NULL },
	{ "HTTP/1.1", 100, 10, { { "Host", "hub" }, { "Content-Length", "3" } }, 0, NULL },
	{ "HTTP/1.1", 100, 10, { { "Host", "hub" }, { "Transfer-Encoding", "Chunked" } }, 0, NULL },
	{ "HTTP/1.1", 100, 10, { { "Host", "hub" }, { "X-Tab", "a\tb" } }, 0, NULL },
	{ "HTTP/1.1", HEAD_MAX_BYTES, HEAD_TARGET_MAX_BYTES, { { "Host", "hub" } }, 0, NULL },
	{ "HTTP/1.1", 100, 10, { { "Accept", "*/*" } }, 400, "host_invalid" },
	{ "HTTP/1.1", 100, 10, { { "Host", "a" }, { "HOST", "b" } }, 400, "host_invalid" },
	{ "HTTP/1.0", 100, 10, { { "Host", "a" }, { "Host", "a" } }, 400, "host_invalid" },
	{ "HTTP/1.1",
	  100,
	  10,
	  { { "Host", "hub" }, { "Content-Length", "3" }, { "Content-Length", "3" } },
	  400,
	  "length_ambiguous" },
	{ "HTTP/1.1",
	  100,
	  10,
	  { { "Host", "hub" }, { "Content-Length", "3" }, { "Transfer-Encoding", "chunked" } },
	  400,
	  "length_ambiguous" },
	{ "HTTP/1.1",
	  100,
	  10,
	  { { "Host", "hub" },
	    { "Transfer-Encoding", "gzip" },
	    { "Transfer-Encoding", "chunked" } },
	  400,
	  "length_ambiguous" },
	{ "HTTP/1.1",
	  100,
	  10,
	  { { "Host", "hub" }, { "Transfer-Encoding", "gzip, chunked" } },
	  501,
	  "encoding_unknown" },
	{ "HTTP/1.1",
	  100,
	  10,
	  { { "Host", "hub" }, { "Transfer-Encoding", NULL } },
	  501,
	  "encoding_unknown" },
	{ "HTTP/1.1",
	  100,
	  10,
	  { { "Host", "hub" }, { "Content-Length ", "3" } },
	  400,
	  "field_invalid" },
	{ "HTTP/1.1", 100, 10, { { "Host", "hub" }, { "X\x80", "3" } }, 400, "field_invalid" },
	{ "HTTP/1.1", 100, 10, { { "Host", "hub" }, { "", "3" } }, 400, "field_invalid" },
	{ "HTTP/1.1", 100, 10, { { "Host", "hub" }, { "X", "a\rb" } }, 400, "field_invalid" },
	{ "HTTP/1.1", HEAD_MAX_BYTES + 1, 10, { { "Host", "hub" } }, 431, "head_too_long" },
	{ "HTTP/1.1",
	  9000,
	  HEAD_TARGET_MAX_BYTES + 1,
	  { { "Host", "hub" } },
	  414,
	  "target_too_long" },
};

static void heads_mean_one_thing(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct head h = { .version = rows[i].version,
				  .bytes = rows[i].bytes,
				  .target_bytes = rows[i].target_bytes };
		struct problem p = { 0 };

		for (unsigned k = 0; k < FIELDS_MAX && rows[i].fields[k][0]; k++)
			head_take(&h, rows[i].fields[k][0], rows[i].fields[k][1]);
		assert_int_equal(head_check(&h, &p), rows[i].status ? ERR_INVALID : ERR_OK);
		if (p.status != rows[i].status ||
		    (rows[i].code && strcmp(p.code, rows[i].code) != 0))
			fail_msg("row %zu: %u %s", i, p.status, p.code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_mean_one_thing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
