/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branchline-spoke netcheck: what of the network in front of this branch works, and what to do
 * about what does not. Asks the daemon, whose sockets and session are what counts. */
#include <string.h>

#include "shared/base/units.h"
#include "spoke/cli/cli.h"

#define NETCHECK_TIMEOUT_MS 15000u /* the daemon has its own, shorter limit */

static const char *string_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "-";
}

static void print_udp(const json_t *udp)
{
	char text[UNITS_STR_SIZE];
	json_int_t pmtu = json_integer_value(json_object_get(udp, "pmtu"));

	if (json_is_true(json_object_get(udp, "ok")))
		printf("hub, UDP     works: %s, round trip %s\n", string_of(udp, "address"),
		       units_rtt((uint64_t)json_integer_value(json_object_get(udp, "rtt_us")),
				 text));
	else
		printf("hub, UDP     does not work: %s (path: %s)\n", string_of(udp, "reason"),
		       string_of(udp, "path"));
	if (pmtu)
		printf("path MTU     %lld bytes inside the tunnel, to the hub\n", (long long)pmtu);
	else
		printf("path MTU     not measured\n");
}

static void print_tcp(const json_t *tcp)
{
	char text[UNITS_STR_SIZE];
	size_t i;
	json_t *p;

	if (json_array_size(tcp) == 0)
		printf("hub, TCP     no address of the hub is known yet\n");
	json_array_foreach(tcp, i, p)
	{
		if (json_is_true(json_object_get(p, "ok")))
			printf("hub, TCP     works: %s, round trip %s\n", string_of(p, "address"),
			       units_rtt((uint64_t)json_integer_value(json_object_get(p, "rtt_us")),
					 text));
		else
			printf("hub, TCP     does not work: %s: %s\n", string_of(p, "address"),
			       string_of(p, "error"));
	}
}

static void print_addresses(const json_t *j)
{
	size_t i;
	json_t *a;

	printf("seen as      %s by UDP, %s by TCP\n", string_of(j, "observed_udp"),
	       string_of(j, "observed_tcp"));
	printf("local        ");
	json_array_foreach(json_object_get(j, "local"), i, a)
		printf("%s%s", i ? ", " : "", json_string_value(a));
	printf("%s\n",
	       json_array_size(json_object_get(j, "local")) ? "" : "none is told to others");
}

static void print_clock(const json_t *j)
{
	const json_t *skew = json_object_get(j, "clock_skew_ms");
	double s = (double)json_integer_value(skew) / 1000;

	if (!json_is_integer(skew))
		printf("clock        not compared: the hub has not been reached yet\n");
	else if (s > -1 && s < 1)
		printf("clock        agrees with the hub's\n");
	else
		printf("clock        %.1f s %s the hub's\n", s < 0 ? -s : s,
		       s < 0 ? "ahead of" : "behind");
}

static void print_report(const json_t *j)
{
	const json_t *advice = json_object_get(j, "advice");
	size_t i;
	json_t *a;

	printf("network      %s, hub %s\n", string_of(j, "network"), string_of(j, "hub"));
	if (json_is_true(json_object_get(j, "link_up")))
		printf("link         up\n");
	else
		printf("link         down: %s\n", string_of(j, "link_why"));
	print_udp(json_object_get(j, "udp"));
	print_tcp(json_object_get(j, "tcp"));
	print_addresses(j);
	printf("NAT          %s\n", string_of(j, "nat_text"));
	print_clock(j);
	putchar('\n');
	if (json_array_size(advice) == 0)
		printf("Nothing is wrong.\n");
	json_array_foreach(advice, i, a) printf("%s\n", json_string_value(a));
}

int cmd_netcheck(struct cli *cli, struct args *a)
{
	json_t *j;
	int code = cli_ask(cli, json_pack("{s:s}", "cmd", "netcheck"), NETCHECK_TIMEOUT_MS, &j);

	(void)a;
	if (code)
		return code;
	if (json_array_size(json_object_get(j, "advice")))
		code = LAUNCH_FAILED;
	if (cli->json)
		cli_print_json(json_incref(j));
	else
		print_report(j);
	json_decref(j);
	return code;
}
