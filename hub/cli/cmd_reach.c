/* SPDX-License-Identifier: GPL-3.0-or-later */
/* node reach: is a branch reached through its tunnel, and where do packets for its networks go? */
#include "hub/cli/show.h"

#define WAIT_S 10 /* the hub gives an echo up after eight seconds */

static void add_subnet(struct columns *t, const json_t *s, int64_t now_ms)
{
	(void)now_ms;
	columns_add(t, call_str(s, "prefix"));
	show_int(t, s, "weight");
	columns_add(t, call_str(s, "via"));
	columns_add(t, call_str(s, "reason"));
}

/* "0 %" when all echoes came back; nothing when none was sent. */
static void print_loss(const json_t *r)
{
	int64_t sent = call_int(r, "sent"), answered = call_int(r, "answered");
	char text[96];

	if (sent <= 0)
		return;
	snprintf(text, sizeof(text), "%lld %% (%lld of %lld echoes answered)",
		 (long long)((sent - answered) * 100 / sent), (long long)answered, (long long)sent);
	show_line("loss", text);
}

static void print_rtt(const json_t *r)
{
	static const char *const members[] = { "rtt_min_us", "rtt_avg_us", "rtt_max_us" };
	char one[ARRAY_LEN(members)][UNITS_STR_SIZE], text[4 * UNITS_STR_SIZE];

	if (!json_is_integer(json_object_get(r, "rtt_avg_us")))
		return;
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		units_rtt((uint64_t)call_int(r, members[i]), one[i]);
	snprintf(text, sizeof(text), "%s (%s to %s)", one[1], one[0], one[2]);
	show_line("RTT", text);
}

/* One answer for people; the table only when there are networks. */
static void print_reach(const json_t *r)
{
	static const char *const heads[] = { "SUBNET", "WEIGHT", "GOES TO", "WHY" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 1, add_subnet };
	const json_t *subnets = json_object_get(r, "subnets");

	show_line("name", call_str(r, "name"));
	show_line("result", call_str(r, "result"));
	show_line("reason", call_str(r, "reason"));
	show_line("advice", call_str(r, "advice"));
	print_loss(r);
	print_rtt(r);
	show_line("path", call_str_or_null(r, "path"));
	show_line("endpoint", call_str_or_null(r, "endpoint"));
	if (!json_array_size(subnets))
		return;
	putchar('\n');
	(void)show_table(subnets, &table);
}

int cmd_node_reach(struct cli *cli, struct args *a)
{
	json_t *body = json_object(), *answer = NULL;
	char path[CALL_PATH_SIZE];
	int code;

	code = call_api(cli, "POST", call_path(path, "/api/v1/nodes/", a->words[0], "/reach"), body,
			WAIT_S, &answer);
	json_decref(body);
	if (code)
		return code;
	if (cli->json)
		code = call_print_json(answer);
	else
		print_reach(answer);
	if (!code && call_int(answer, "answered") <= 0)
		code = CLI_FAILED;
	json_decref(answer);
	return code;
}
