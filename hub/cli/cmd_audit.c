/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/show.h"

#define LIST_DEFAULT 50u
#define EXPORT_STEP  500u

/* The filters that were given, as a query that begins with `first`. */
static int make_query(const struct args *a, const char *first, char out[CALL_PATH_SIZE])
{
	static const char *const names[] = { "actor", "action", "object", "since", "until" };
	char option[16], value[256];
	int n = snprintf(out, CALL_PATH_SIZE, "%s", first);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(option, sizeof(option), "--%s", names[i]);
		if (!args_has(a, option))
			continue;
		n += snprintf(out + n, CALL_PATH_SIZE - (size_t)n, "&%s=%s", names[i],
			      client_escape(args_get(a, option), value, sizeof(value)));
		if (n >= (int)CALL_PATH_SIZE)
			return call_usage("the filters are too long");
	}
	return CLI_DONE;
}

/* A detail on one line, as it is stored. */
static void add_detail(struct columns *table, const json_t *detail)
{
	char *text = json_dumps(detail, JSON_COMPACT | JSON_ENCODE_ANY);

	columns_add(table, text && strcmp(text, "{}") != 0 ? text : "");
	free(text);
}

int cmd_audit_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID", "TIME", "ACTOR", "ACTION", "OBJECT", "DETAIL" };
	char first[CALL_PATH_SIZE], path[CALL_PATH_SIZE];
	struct columns table;
	json_t *list, *items;
	uint64_t limit;
	int code;

	if (args_uint(a, "--limit", 1, 1000, LIST_DEFAULT, &limit))
		return call_usage("%s", a->error);
	snprintf(first, sizeof(first), "/api/v1/audit?order=desc&limit=%u", (unsigned)limit);
	code = make_query(a, first, path);
	if (!code)
		code = call_api(cli, "GET", path, NULL, 0, &list);
	if (code)
		return code;
	items = json_object_get(list, "items");
	if (cli->json) {
		code = call_print_json(list);
		json_decref(list);
		return code;
	}
	columns_init(&table, 1, ARRAY_LEN(heads), heads);
	for (size_t i = json_array_size(items); i-- > 0;) {
		const json_t *e = json_array_get(items, i);

		columns_addf(&table, "%lld", (long long)call_int(e, "id"));
		columns_addf(&table, "%.19s", call_str(e, "at"));
		columns_add(&table, call_str(e, "actor"));
		columns_add(&table, call_str(e, "action"));
		columns_add(&table, call_str(e, "object"));
		add_detail(&table, json_object_get(e, "detail"));
	}
	code = columns_print(&table, stdout) ? CLI_FAILED : CLI_DONE;
	columns_fini(&table);
	json_decref(list);
	return code;
}

/* Prints the entries of one page, a line each. */
static int print_lines(const json_t *items)
{
	for (size_t i = 0; i < json_array_size(items); i++)
		if (json_dumpf(json_array_get(items, i), stdout, JSON_COMPACT) < 0 ||
		    fputc('\n', stdout) == EOF) {
			fprintf(stderr, "branchline-hub: the output could not be written\n");
			return CLI_FAILED;
		}
	return CLI_DONE;
}

int cmd_audit_export(struct cli *cli, struct args *a)
{
	char first[CALL_PATH_SIZE], path[CALL_PATH_SIZE];
	int64_t after = 0;
	json_t *page;
	int code;

	do {
		snprintf(first, sizeof(first), "/api/v1/audit?limit=%u&after=%lld", EXPORT_STEP,
			 (long long)after);
		code = make_query(a, first, path);
		if (!code)
			code = call_api(cli, "GET", path, NULL, 0, &page);
		if (code)
			return code;
		code = print_lines(json_object_get(page, "items"));
		after = call_int(page, "next_after");
		json_decref(page);
	} while (!code && after > 0);
	return code;
}

int cmd_audit_verify(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer = NULL;
	int64_t after = 0;
	bool ok;
	int code;

	(void)a;
	do {
		json_decref(answer);
		snprintf(path, sizeof(path), "/api/v1/audit/verify?after=%lld", (long long)after);
		code = call_api(cli, "GET", path, NULL, 0, &answer);
		if (code)
			return code;
		after = call_int(answer, "next_after");
	} while (after > 0);
	ok = call_bool(answer, "ok");
	if (cli->json)
		code = call_print_json(answer);
	else if (ok)
		printf("the audit log is unbroken: %lld entries\n",
		       (long long)call_int(answer, "verified_to"));
	else
		printf("the audit log was altered: entry %lld is not what was written, or is "
		       "missing; the %lld before it are in order\n",
		       (long long)call_int(answer, "first_broken"),
		       (long long)call_int(answer, "verified_to"));
	json_decref(answer);
	return code ? code : ok ? CLI_DONE : CLI_FAILED;
}
