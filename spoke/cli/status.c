/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branchline-spoke status: asks the daemon, and shows its answer as a table or as it is. */
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/columns.h"
#include "shared/base/units.h"
#include "shared/ipc/engine_text.h"
#include "spoke/cli/cli.h"

#define STATUS_TIMEOUT_MS 10000u /* the daemon gives its data plane GATHER_TIMEOUT_MS */

static const char *text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "-";
}

static long long number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* A list of strings, or of objects with a string `key`. */
static void print_list(const char *label, const json_t *list, const char *key)
{
	size_t i;
	json_t *item;

	if (json_array_size(list) == 0)
		return;
	printf("%s", label);
	json_array_foreach(list, i, item)
		printf("%s%s", i ? ", " : "", key ? text_of(item, key) : json_string_value(item));
	putchar('\n');
}

/* How packets are sealed, and what the kernel takes off us. */
static void print_data_plane(const json_t *engine)
{
	if (!json_is_object(engine))
		return;
	engine_text_sealing(engine, stdout);
	engine_text_compression(json_object_get(engine, "compression"), stdout);
}

/* The TCP connection for tunnel packets, once one was needed. */
static void print_carrier(const json_t *c)
{
	const char *state = text_of(c, "state");

	if (strcmp(state, "up") == 0)
		printf("tcp         tunnel packets can travel by TCP (%s); %lld sent, %lld "
		       "received, %lld dropped\n",
		       text_of(c, "address"), number(c, "tx_packets"), number(c, "rx_packets"),
		       number(c, "tx_dropped") + number(c, "rx_dropped"));
	else if (json_is_object(c) && strcmp(state, "off") != 0)
		printf("tcp         UDP to the hub does not work, TCP is %s: %s\n", state,
		       text_of(c, "why"));
}

/* Nodes whose identity key nobody has vouched for. */
static void print_changed_keys(const json_t *peers)
{
	size_t i;
	json_t *p;

	json_array_foreach(peers, i, p)
	{
		if (json_is_true(json_object_get(p, "key_changed")))
			printf("warning     %s has another identity key than before, which nobody "
			       "has vouched for: branchline-spoke key list\n",
			       text_of(p, "name"));
	}
}

static void print_head(const json_t *j, bool verbose)
{
	const json_t *hub = json_object_get(j, "hub");

	printf("network     %s\n", text_of(j, "network"));
	printf("node        %s\n", text_of(j, "name"));
	print_list("addresses   ", json_object_get(j, "addresses"), NULL);
	print_list("subnets     ", json_object_get(j, "subnets"), "prefix");
	if (json_is_true(json_object_get(hub, "up")))
		printf("hub         %s: link up since %s (%s)\n", text_of(hub, "name"),
		       text_of(hub, "since"), text_of(hub, "address"));
	else
		printf("hub         %s: link down since %s: %s\n", text_of(hub, "name"),
		       text_of(hub, "since"), text_of(hub, "why"));
	print_carrier(json_object_get(hub, "carrier"));
	if (strcmp(text_of(j, "nat"), "unknown") != 0)
		printf("NAT         %s, seen as %s\n", text_of(j, "nat"), text_of(j, "observed"));
	printf("revision    %lld\n", number(j, "revision"));
	if (verbose)
		print_data_plane(json_object_get(j, "engine"));
	if (json_is_string(json_object_get(j, "refused")))
		printf("refused     %s\n", text_of(j, "refused"));
	if (json_is_true(json_object_get(j, "grace_over")))
		printf("warning     the hub has been away for longer than OfflineGrace: tunnels "
		       "are closed\n");
	print_list("warning     not routed, since the hub itself is reached there: ",
		   json_object_get(j, "routes_held"), NULL);
	print_changed_keys(json_object_get(j, "peers"));
	if (json_is_string(json_object_get(j, "engine_error")))
		printf("warning     %s\n", text_of(j, "engine_error"));
}

static void add_row(struct columns *t, const json_t *p, int64_t now_ms)
{
	const char *since = json_string_value(json_object_get(p, "since"));
	char text[UNITS_STR_SIZE];

	columns_add(t, text_of(p, "name"));
	columns_add(t, text_of(p, "path"));
	columns_add(t, units_ago(since, now_ms, text));
	columns_add(t, number(p, "rtt_us") ? units_rtt((uint64_t)number(p, "rtt_us"), text) : "");
	columns_add(t, units_bytes((uint64_t)number(p, "rx_bytes"), text));
	columns_add(t, units_bytes((uint64_t)number(p, "tx_bytes"), text));
	columns_add(t, text_of(p, "endpoint"));
}

/* Why a peer is not reached in the best way, and what helps; nothing about those that are. */
static void print_why(const json_t *p, bool verbose)
{
	const char *advice = json_string_value(json_object_get(p, "advice"));
	bool best = strcmp(text_of(p, "reason_id"), "validated") == 0;

	if (best && !verbose)
		return;
	printf("%s: %s: %s%s%s\n", text_of(p, "name"), text_of(p, "path"), text_of(p, "reason"),
	       advice && *advice ? "; " : "", advice ? advice : "");
}

/* What the table has no room for. */
static void print_details(const json_t *p, int64_t now_ms)
{
	const char *handshake = json_string_value(json_object_get(p, "handshake"));
	char text[UNITS_STR_SIZE];

	if (handshake)
		printf("    handshake %s ago, cipher %s", units_ago(handshake, now_ms, text),
		       text_of(p, "cipher"));
	else
		printf("    no handshake yet");
	printf(", loss %.1f %%", (double)number(p, "loss_permille") / 10);
	if (number(p, "pmtu"))
		printf(", MTU %lld", number(p, "pmtu"));
	if (strcmp(text_of(p, "policy"), "auto") != 0)
		printf(", policy %s", text_of(p, "policy"));
	putchar('\n');
	print_list("    behind it: ", json_object_get(p, "subnets"), "prefix");
	print_list("    looked for at: ", json_object_get(p, "candidates"), NULL);
}

static void print_peers(const json_t *peers, bool verbose)
{
	static const char *const heads[] = { "PEER",     "PATH", "SINCE",   "RTT",
					     "RECEIVED", "SENT", "ENDPOINT" };
	const int64_t now_ms = clock_wall_ms();
	struct columns table;
	size_t i;
	json_t *p;

	columns_init(&table, 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5, ARRAY_LEN(heads), heads);
	json_array_foreach(peers, i, p) add_row(&table, p, now_ms);
	if (columns_print(&table, stdout) != ERR_OK)
		fprintf(stderr, "the table could not be printed\n");
	columns_fini(&table);
	putchar('\n');
	json_array_foreach(peers, i, p)
	{
		print_why(p, verbose);
		if (verbose)
			print_details(p, now_ms);
	}
}

static void print_table(const json_t *j, bool verbose)
{
	const json_t *peers = json_object_get(j, "peers");

	print_head(j, verbose);
	if (json_array_size(peers) == 0)
		return;
	putchar('\n');
	print_peers(peers, verbose);
}

int cmd_status(struct cli *cli, struct args *a)
{
	json_t *answer;
	int code = cli_ask(cli, json_pack("{s:s}", "cmd", "status"), STATUS_TIMEOUT_MS, &answer);

	if (code)
		return code;
	if (cli->json) {
		cli_print_json(answer);
		return LAUNCH_DONE;
	}
	print_table(answer, args_has(a, "--verbose"));
	json_decref(answer);
	return LAUNCH_DONE;
}
