/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/show.h"

#include "shared/base/clock.h"

int show_table(const json_t *items, const struct show_table *table)
{
	int64_t now_ms = clock_wall_ms();
	struct columns t;
	int code;

	columns_init(&t, table->right, table->n, table->heads);
	for (size_t i = 0; i < json_array_size(items); i++)
		table->add_row(&t, json_array_get(items, i), now_ms);
	code = columns_print(&t, stdout) ? CLI_FAILED : CLI_DONE;
	columns_fini(&t);
	return code;
}

int show_list(struct cli *cli, const char *path, const struct show_table *table)
{
	json_t *list;
	int code = call_list(cli, path, "items", &list);

	if (code)
		return code;
	code = cli->json ? call_print_json(list)
			 : show_table(json_object_get(list, "items"), table);
	json_decref(list);
	return code;
}

int show_list_of(struct cli *cli, const struct args *a, const char *path, const char *query,
		 const struct show_table *table)
{
	char before[CALL_PATH_SIZE], whole[CALL_PATH_SIZE];

	if (a->n_words == 0)
		return show_list(cli, path, table);
	snprintf(before, sizeof(before), "%s%s", path, query);
	return show_list(cli, call_path(whole, before, a->words[0], ""), table);
}

int show_item(struct cli *cli, const char *path, void (*print)(const json_t *answer))
{
	json_t *answer;
	int code = call_api(cli, "GET", path, NULL, 0, &answer);

	if (code)
		return code;
	if (cli->json)
		code = call_print_json(answer);
	else
		print(answer);
	json_decref(answer);
	return code;
}

int show_change(struct cli *cli, json_t *answer, const char *name, const char *done,
		const char *could)
{
	int code = CLI_DONE;

	if (cli->json) {
		code = call_print_json(answer);
	} else if (cli->dry_run) {
		printf("%s %s; nothing was changed\n", name, could);
	} else {
		printf("%s %s", name, done);
		if (json_is_integer(json_object_get(answer, "revision")))
			printf(" at revision %lld", (long long)call_int(answer, "revision"));
		putchar('\n');
	}
	json_decref(answer);
	return code;
}

void show_line(const char *name, const char *value)
{
	if (value && *value)
		printf("%-13s%s\n", name, value);
}

void show_int(struct columns *t, const json_t *item, const char *member)
{
	columns_addf(t, "%lld", (long long)call_int(item, member));
}

void show_ago(struct columns *t, const json_t *item, const char *member, int64_t now_ms)
{
	char text[UNITS_STR_SIZE];

	columns_add(t, units_ago(call_str_or_null(item, member), now_ms, text));
}

void show_left(struct columns *t, const json_t *item, const char *member, int64_t now_ms)
{
	char text[UNITS_STR_SIZE];

	columns_add(t, units_left(call_str_or_null(item, member), now_ms, text));
}
