/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/show.h"
#include "shared/base/clock.h"
#include "shared/ipc/engine_text.h"

static void add_row(struct columns *t, const json_t *n, int64_t now, bool verbose)
{
	char text[UNITS_STR_SIZE];
	int64_t rtt = call_int(n, "rtt_us");
	bool agent = strcmp(call_str(n, "kind"), "spoke") == 0;

	columns_add(t, call_str(n, "name"));
	columns_add(t, call_str(n, "kind"));
	columns_add(t, call_str(n, "status"));
	columns_add(t, call_bool(n, "online") ? "yes" : agent ? "no" : "");
	columns_add(t, call_str(n, "path"));
	columns_add(t, call_str(n, "endpoint"));
	columns_add(t, units_ago(call_str_or_null(n, "handshake_at"), now, text));
	columns_add(t, units_bytes((uint64_t)call_int(n, "rx_bytes"), text));
	columns_add(t, units_bytes((uint64_t)call_int(n, "tx_bytes"), text));
	columns_add(t, rtt ? units_rtt((uint64_t)rtt, text) : "");
	columns_addf(t, "%lld", (long long)call_int(n, "acked_revision"));
	if (!verbose)
		return;
	columns_add(t, agent ? call_str(n, "nat") : "");
	columns_add(t, call_str(n, "path_reason"));
}

/* Counters that are not 0, on one line; none without them. */
static void print_counters(const char *head, json_t *counters)
{
	const char *name, *before = head;
	json_t *n;

	json_object_foreach(counters, name, n)
	{
		if (json_integer_value(n) == 0)
			continue;
		printf("%s%s %" JSON_INTEGER_FORMAT, before, name, json_integer_value(n));
		before = ", ";
	}
	if (before != head)
		putchar('\n');
}

/* How packets are sealed, what the kernel takes off us, and what went wrong. */
static void print_data_plane(const json_t *engine)
{
	if (!json_is_object(engine)) {
		printf("data plane  did not answer\n");
		return;
	}
	engine_text_sealing(engine, stdout);
	printf("sessions    %lld of %lld, %lld handshakes, %lld packets relayed\n",
	       (long long)call_int(engine, "sessions"), (long long)call_int(engine, "peers"),
	       (long long)call_int(engine, "handshakes"),
	       (long long)call_int(engine, "relayed_packets"));
	engine_text_compression(json_object_get(engine, "compression"), stdout);
	print_counters("dropped     ", json_object_get(engine, "drops"));
}

/* The branches that hub.conf expects and that are not there. */
static void print_away(const json_t *names)
{
	char text[1024];

	if (json_array_size(names))
		printf("AWAY        %s (expected: ConnectTo in hub.conf)\n",
		       call_join(names, text, sizeof(text)));
}

/* What an admin should look at. */
static void print_attention(const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) printf("ATTENTION   %s\n", call_str(item, "text"));
}

static void print_head(const json_t *s, bool verbose)
{
	const json_t *counts = json_object_get(s, "counts");

	printf("network %s, hub %s, revision %lld; other nodes: %lld, online %lld, invited %lld, "
	       "revoked %lld\n",
	       call_str(s, "network"), call_str(json_object_get(s, "hub"), "name"),
	       (long long)call_int(s, "revision"), (long long)call_int(counts, "nodes") - 1,
	       (long long)call_int(counts, "online"), (long long)call_int(counts, "invited"),
	       (long long)call_int(counts, "revoked"));
	print_away(json_object_get(s, "expected_away"));
	print_attention(json_object_get(s, "attention"));
	if (verbose)
		print_data_plane(json_object_get(s, "engine"));
	putchar('\n');
}

int cmd_status(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "NAME",     "KIND",      "STATUS",   "ONLINE", "PATH",
					     "ENDPOINT", "HANDSHAKE", "RECEIVED", "SENT",   "RTT",
					     "REVISION", "NAT",       "WHY" };
	const bool verbose = args_has(a, "--verbose");
	struct columns table;
	json_t *s, *nodes, *n;
	size_t i;
	int code;

	code = call_list(cli, "/api/v1/status", "nodes", &s);
	if (code)
		return code;
	if (cli->json) {
		code = call_print_json(s);
		json_decref(s);
		return code;
	}
	print_head(s, verbose);
	columns_init(&table, 1u << 6 | 1u << 7 | 1u << 8 | 1u << 9 | 1u << 10,
		     ARRAY_LEN(heads) - (verbose ? 0 : 2), heads);
	nodes = json_object_get(s, "nodes");
	json_array_foreach(nodes, i, n)
	{
		if (strcmp(call_str(n, "kind"), "hub") != 0)
			add_row(&table, n, clock_wall_ms(), verbose);
	}
	code = columns_print(&table, stdout) ? CLI_FAILED : CLI_DONE;
	columns_fini(&table);
	json_decref(s);
	return code;
}

static void print_revision(const json_t *r)
{
	char ago[UNITS_STR_SIZE];

	printf("revision %lld, %s ago by %s: %s\n", (long long)call_int(r, "revision"),
	       units_ago(call_str_or_null(r, "at"), clock_wall_ms(), ago), call_str(r, "actor"),
	       call_str(r, "what"));
	if (json_object_get(r, "online"))
		printf("applied on %lld of %lld\n", (long long)call_int(r, "applied"),
		       (long long)call_int(r, "online"));
}

int cmd_revision(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];

	return show_item(cli,
			 a->n_words ? call_path(path, "/api/v1/revisions/", a->words[0], "")
				    : "/api/v1/revision",
			 print_revision);
}
