/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path list: how nodes reach each other, a line a pair, and two where the two ends do not agree. */
#include <stdlib.h>
#include <string.h>

#include "hub/cli/call.h"
#include "shared/base/clock.h"
#include "shared/base/columns.h"
#include "shared/base/units.h"

static const char *const heads[] = { "NODE", "PEER", "PATH", "SINCE", "RTT",
				     "LOSS", "MTU",  "TO",   "WHY" };

/* The two ends of a pair next to each other: by the lesser name, the greater, then who tells. */
static int by_pair(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	const char *xn = call_str(*x, "node"), *xp = call_str(*x, "peer");
	const char *yn = call_str(*y, "node"), *yp = call_str(*y, "peer");
	bool x_first = strcmp(xn, xp) < 0, y_first = strcmp(yn, yp) < 0;
	int order = strcmp(x_first ? xn : xp, y_first ? yn : yp);

	if (!order)
		order = strcmp(x_first ? xp : xn, y_first ? yp : yn);
	return order ? order : strcmp(xn, yn);
}

/* Is `b` the other end of `a`, and does it say the same? */
static bool is_told_already(const json_t *a, const json_t *b)
{
	return a && call_int(a, "node_id") == call_int(b, "peer_id") &&
	       call_int(a, "peer_id") == call_int(b, "node_id") &&
	       strcmp(call_str(a, "path"), call_str(b, "path")) == 0 &&
	       strcmp(call_str(a, "reason_id"), call_str(b, "reason_id")) == 0;
}

static void add_row(struct columns *t, const json_t *p)
{
	char text[UNITS_STR_SIZE];
	int64_t rtt = call_int(p, "rtt_us"), mtu = call_int(p, "pmtu");

	columns_add(t, call_str(p, "node"));
	columns_add(t, call_str(p, "peer"));
	columns_add(t, call_str(p, "path"));
	columns_add(t, units_ago(call_str_or_null(p, "since"), clock_wall_ms(), text));
	columns_add(t, rtt ? units_rtt((uint64_t)rtt, text) : "");
	columns_addf(t, "%.1f %%", (double)call_int(p, "loss_permille") / 10);
	if (mtu)
		columns_addf(t, "%lld", (long long)mtu);
	else
		columns_add(t, "");
	columns_add(t, call_str(p, "endpoint"));
	columns_add(t, call_str(p, "reason"));
}

/* The items of `list` in the order in which they are shown. NULL: memory is out. */
static const json_t **sorted(const json_t *list, size_t n)
{
	const json_t **items = calloc(n + 1, sizeof(*items));

	for (size_t i = 0; items && i < n; i++)
		items[i] = json_array_get(list, i);
	if (items)
		qsort(items, n, sizeof(*items), by_pair);
	return items;
}

static int print_table(const json_t *list)
{
	size_t n = json_array_size(list);
	const json_t **items = sorted(list, n), *shown = NULL;
	struct columns table;
	int code;

	if (!items)
		return CLI_FAILED;
	columns_init(&table, 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6, ARRAY_LEN(heads), heads);
	for (size_t i = 0; i < n; i++) {
		if (!is_told_already(shown, items[i]))
			add_row(&table, items[i]);
		shown = items[i];
	}
	code = columns_print(&table, stdout) ? CLI_FAILED : CLI_DONE;
	columns_fini(&table);
	free(items);
	return code;
}

int cmd_path_list(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *list;
	int code;

	code = call_list(cli,
			 call_path(path, a->n_words ? "/api/v1/paths?node=" : "/api/v1/paths",
				   a->n_words ? a->words[0] : "", ""),
			 "items", &list);
	if (code)
		return code;
	code = cli->json ? call_print_json(list) : print_table(json_object_get(list, "items"));
	json_decref(list);
	return code;
}
