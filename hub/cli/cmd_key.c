/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/call.h"
#include "shared/base/clock.h"
#include "shared/base/columns.h"
#include "shared/base/units.h"

int cmd_key_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID",  "NODE",       "KIND",       "STATUS",
					     "AGE", "CONTINUITY", "FINGERPRINT" };
	char path[CALL_PATH_SIZE], ago[UNITS_STR_SIZE];
	int64_t now = clock_wall_ms();
	struct columns table;
	json_t *list, *k;
	size_t i;
	int code;

	code = call_list(cli,
			 call_path(path, a->n_words ? "/api/v1/keys?node=" : "/api/v1/keys",
				   a->n_words ? a->words[0] : "", ""),
			 "items", &list);
	if (code)
		return code;
	if (cli->json) {
		code = call_print_json(list);
		json_decref(list);
		return code;
	}
	columns_init(&table, 1, ARRAY_LEN(heads), heads);
	json_array_foreach(json_object_get(list, "items"), i, k)
	{
		columns_addf(&table, "%lld", (long long)call_int(k, "id"));
		columns_add(&table, call_str(k, "node"));
		columns_add(&table, call_str(k, "kind"));
		columns_add(&table, call_str(k, "status"));
		columns_add(&table, units_ago(call_str_or_null(k, "created_at"), now, ago));
		columns_add(&table, call_bool(k, "unbroken") ? "unbroken" : "broken");
		columns_add(&table, call_str(k, "fingerprint"));
	}
	code = columns_print(&table, stdout) ? CLI_FAILED : CLI_DONE;
	columns_fini(&table);
	json_decref(list);
	return code;
}
