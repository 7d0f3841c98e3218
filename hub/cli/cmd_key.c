/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/show.h"

static void add_row(struct columns *t, const json_t *key, int64_t now_ms)
{
	show_int(t, key, "id");
	columns_add(t, call_str(key, "node"));
	columns_add(t, call_str(key, "kind"));
	columns_add(t, call_str(key, "status"));
	show_ago(t, key, "created_at", now_ms);
	columns_add(t, call_str(key, "due"));
	columns_add(t, call_bool(key, "unbroken") ? "unbroken" : "broken");
	columns_add(t, call_str(key, "fingerprint"));
}

static void add_held_row(struct columns *t, const json_t *x, int64_t now_ms)
{
	columns_add(t, call_str(x, "node"));
	columns_add(t, call_str(x, "peer"));
	show_ago(t, x, "told_at", now_ms);
	columns_add(t, call_bool(x, "unbroken") ? "unbroken" : "broken");
	columns_add(t, call_str(x, "identity_fingerprint"));
}

int cmd_key_held(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "BRANCH", "HOLDS BACK", "SINCE", "CONTINUITY",
					     "FINGERPRINT" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 2, add_held_row };

	return show_list_of(cli, a, "/api/v1/held-keys", "?node=", &table);
}

int cmd_key_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID",  "NODE", "KIND",       "STATUS",
					     "AGE", "DUE",  "CONTINUITY", "FINGERPRINT" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 0, add_row };

	return show_list_of(cli, a, "/api/v1/keys", "?node=", &table);
}
