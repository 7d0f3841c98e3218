/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/show.h"
#include "shared/base/clock.h"

#define CHART_ROWS 40u /* of a chart; neighbouring points are put together */
#define BAR_MAX    28u

/* Some points as one row. */
struct row {
	const char *at; /* of the first */
	int64_t rx, tx, rtt_sum, loss_max, up_s, nodes_up;
	unsigned n, n_rtt;
	bool has_loss;
};

/* The query of the command line's options. False: one does not fit. */
static bool put_query(struct args *a, char *out, size_t size)
{
	static const char *const options[][2] = { { "--resolution", "resolution" },
						  { "--from", "from" },
						  { "--to", "to" } };
	char escaped[128];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *value = args_get(a, options[i][0]);

		if (!value)
			continue;
		if (strlen(value) > 40)
			return false;
		client_escape(value, escaped, sizeof(escaped));
		n += (size_t)snprintf(out + n, size - n, "%c%s=%s", n ? '&' : '?', options[i][1],
				      escaped);
	}
	return n < size;
}

static void add_point(struct row *r, const json_t *p)
{
	if (!r->n++)
		r->at = call_str(p, "at");
	r->rx += call_int(p, "rx_bytes");
	r->tx += call_int(p, "tx_bytes");
	r->rtt_sum += call_int(p, "rtt_us");
	r->n_rtt += call_int(p, "rtt_us") != 0;
	r->has_loss |= json_is_integer(json_object_get(p, "loss_permille"));
	if (call_int(p, "loss_permille") > r->loss_max)
		r->loss_max = call_int(p, "loss_permille");
	r->up_s += call_int(p, "up_s");
	if (call_int(p, "nodes_up") > r->nodes_up)
		r->nodes_up = call_int(p, "nodes_up");
}

/* "#####....": received and sent, against the most of any row. */
static const char *bar(const struct row *r, int64_t most, char out[BAR_MAX + 1])
{
	unsigned rx = most ? (unsigned)(r->rx * BAR_MAX / most) : 0;
	unsigned all = most ? (unsigned)((r->rx + r->tx) * BAR_MAX / most) : 0;

	memset(out, '#', rx);
	memset(out + rx, '=', all - rx);
	out[all] = '\0';
	return out;
}

static void print_row(struct columns *t, const struct row *r, int64_t most, bool hub, int64_t span)
{
	char rx[UNITS_STR_SIZE], tx[UNITS_STR_SIZE], chart[BAR_MAX + 1];

	columns_addf(t, "%.19s", r->at);
	columns_add(t, units_bytes((uint64_t)r->rx, rx));
	columns_add(t, units_bytes((uint64_t)r->tx, tx));
	if (hub) {
		columns_addf(t, "%lld", (long long)r->nodes_up);
	} else {
		columns_addf(t, "%lld %%", (long long)(span ? r->up_s * 100 / span : 0));
		if (r->n_rtt)
			columns_addf(t, "%.1f ms", (double)r->rtt_sum / (double)r->n_rtt / 1000.0);
		else
			columns_add(t, "-");
		if (r->has_loss)
			columns_addf(t, "%.1f %%", (double)r->loss_max / 10.0);
		else
			columns_add(t, "-");
	}
	columns_add(t, bar(r, most, chart));
}

/* Groups the points into rows; returns how many. */
static unsigned make_rows(const json_t *points, struct row rows[CHART_ROWS], unsigned *group)
{
	size_t n = json_array_size(points), i;
	const json_t *p;

	*group = (unsigned)((n + CHART_ROWS - 1) / CHART_ROWS);
	json_array_foreach(points, i, p) add_point(&rows[i / *group], p);
	return n ? (unsigned)((n - 1) / *group + 1) : 0;
}

static int print_chart(const json_t *answer, bool hub)
{
	static const char *const of_node[] = { "FROM (UTC)",
					       "RECEIVED",
					       "SENT",
					       "ONLINE",
					       "ROUND TRIP",
					       "LOSS",
					       "TRAFFIC (# received, = sent)" };
	static const char *const of_hub[] = { "FROM (UTC)", "RECEIVED", "SENT", "NODES",
					      "TRAFFIC (# received, = sent)" };
	struct row rows[CHART_ROWS] = { 0 };
	unsigned group, n = make_rows(json_object_get(answer, "points"), rows, &group);
	struct columns t;
	int64_t most = 0;
	int code;

	if (!n) {
		printf("Nothing was recorded in this time.\n");
		return CLI_DONE;
	}
	for (unsigned i = 0; i < n; i++)
		most = rows[i].rx + rows[i].tx > most ? rows[i].rx + rows[i].tx : most;
	if (hub)
		columns_init(&t, 0xe, 5, of_hub);
	else
		columns_init(&t, 0x3e, 7, of_node);
	for (unsigned i = 0; i < n; i++)
		print_row(&t, &rows[i], most, hub, (int64_t)rows[i].n * call_int(answer, "step_s"));
	code = columns_print(&t, stdout) ? CLI_FAILED : CLI_DONE;
	columns_fini(&t);
	return code;
}

int cmd_history(struct cli *cli, struct args *a)
{
	const char *node = a->n_words ? a->words[0] : NULL;
	char path[CALL_PATH_SIZE], query[256], tail[280];
	json_t *answer;
	int code;

	if (!put_query(a, query, sizeof(query)))
		return call_usage("a time looks like 2026-11-22 or 2026-11-22T14:40:00Z");
	snprintf(tail, sizeof(tail), "/history%s", query);
	if (node)
		call_path(path, "/api/v1/nodes/", node, tail);
	else
		snprintf(path, sizeof(path), "/api/v1%s", tail);
	code = call_api(cli, "GET", path, NULL, 0, &answer);
	if (code)
		return code;
	code = cli->json ? call_print_json(answer) : print_chart(answer, !node);
	json_decref(answer);
	return code;
}
