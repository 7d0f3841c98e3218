/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branchline-spoke key list and key accept: whose identity keys this branch knows, and its admin's
 * word on those that have changed. */
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/columns.h"
#include "shared/base/units.h"
#include "spoke/cli/cli.h"

#define KEY_TIMEOUT_MS 5000u

static const char *text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

/* "held" and "changed" before those that are as they were; both by name. */
static int by_need(const void *pa, const void *pb)
{
	const json_t *a = *(json_t *const *)pa, *b = *(json_t *const *)pb;
	int known = (strcmp(text_of(a, "state"), "known") == 0) -
		    (strcmp(text_of(b, "state"), "known") == 0);

	return known ? known : strcmp(text_of(a, "name"), text_of(b, "name"));
}

static void add_row(struct columns *t, const json_t *x, int64_t now_ms)
{
	char ago[UNITS_STR_SIZE];

	columns_add(t, text_of(x, "name"));
	columns_add(t, text_of(x, "state"));
	columns_add(t, units_ago(json_string_value(json_object_get(x, "since")), now_ms, ago));
	columns_add(t, json_is_true(json_object_get(x, "member")) ? "yes" : "no");
	columns_add(t, text_of(x, "fingerprint"));
	columns_add(t, text_of(x, "offered_fingerprint"));
}

static int print_table(const json_t *list)
{
	static const char *const heads[] = { "NODE",   "STATE",       "SINCE",
					     "MEMBER", "FINGERPRINT", "CHANGED TO" };
	const size_t n = json_array_size(list);
	json_t **rows = calloc(n ? n : 1, sizeof(json_t *));
	const int64_t now_ms = clock_wall_ms();
	struct columns t;
	enum err e;

	if (!rows)
		return LAUNCH_FAILED;
	for (size_t i = 0; i < n; i++)
		rows[i] = json_array_get(list, i);
	qsort(rows, n, sizeof(json_t *), by_need);
	columns_init(&t, 1u << 2, ARRAY_LEN(heads), heads);
	for (size_t i = 0; i < n; i++)
		add_row(&t, rows[i], now_ms);
	e = columns_print(&t, stdout);
	columns_fini(&t);
	free(rows);
	return e ? LAUNCH_FAILED : LAUNCH_DONE;
}

int cmd_key_list(struct cli *cli, struct args *a)
{
	json_t *answer;
	int code = cli_ask(cli, json_pack("{s:s}", "cmd", "known-keys"), KEY_TIMEOUT_MS, &answer);

	(void)a;
	if (code)
		return code;
	if (cli->json)
		cli_print_json(json_incref(answer));
	else
		code = print_table(json_object_get(answer, "known"));
	json_decref(answer);
	return code;
}

int cmd_key_accept(struct cli *cli, struct args *a)
{
	json_t *answer;
	int code = cli_ask(cli, json_pack("{s:s, s:s}", "cmd", "accept-key", "node", a->words[0]),
			   KEY_TIMEOUT_MS, &answer);

	if (code)
		return code;
	if (cli->json)
		cli_print_json(json_incref(answer));
	else
		printf("The identity key that %s has now is the right one.\n", a->words[0]);
	json_decref(answer);
	return LAUNCH_DONE;
}
