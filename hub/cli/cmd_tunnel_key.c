/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's own tunnel key and its replacement. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hub/cli/show.h"
#include "shared/base/args.h"
#include "shared/base/clock.h"

#define PATH              "/api/v1/hub/tunnel-key"
#define MISSING_SHOWN     20u
#define TIMEOUT_DEFAULT_S 10u
#define TIMEOUT_MAX_S     3600u
#define LOOK_EVERY_MS     100u

/* Those of one kind that may still need the old key; more than a page is only counted. */
static void print_missing(const json_t *x, bool wireguard, const char *what)
{
	const json_t *list = json_object_get(x, "missing"), *row;
	unsigned n = 0;
	size_t i;

	json_array_foreach(list, i, row)
	{
		if ((strcmp(call_str(row, "kind"), "wireguard") == 0) != wireguard)
			continue;
		if (!n)
			printf("%s:\n", what);
		if (n++ == MISSING_SHOWN) {
			printf("  ... (all of them: --json)\n");
			return;
		}
		printf("  %s%s\n", call_str(row, "name"),
		       call_bool(row, "online") ? "" : " (away)");
	}
}

static void print_devices(const json_t *x)
{
	print_missing(x, true,
		      "WireGuard devices that need the new public key in their configuration, and "
		      "are served with the old one until then");
}

static void print_key(const json_t *x)
{
	const bool overlap = call_str_or_null(x, "old_fingerprint") != NULL;
	char text[96];

	show_line("fingerprint", call_str(x, "fingerprint"));
	show_line("public key", call_str(x, "public_key"));
	show_line("made at", call_str(x, "created_at"));
	show_line("state", call_str(x, "state"));
	if (overlap) {
		show_line("old fingerprint", call_str(x, "old_fingerprint"));
		show_line("old public key", call_str(x, "old_public_key"));
		show_line("kept until", call_str(x, "overlap_until"));
		snprintf(text, sizeof(text), "%" PRId64 " of %" PRId64 " nodes",
			 call_int(x, "changed_over"), call_int(x, "nodes"));
		show_line("changed over", text);
		print_missing(x, false, "branches that have not yet");
	}
	print_devices(x);
}

int cmd_tunnel_key_show(struct cli *cli, struct args *a)
{
	(void)a;
	return show_item(cli, PATH, print_key);
}

/* --- rotate --- */

static bool is_preparing(const json_t *answer)
{
	const char *state = call_str(json_object_get(answer, "tunnel_key"), "state");

	return strcmp(state, "preparing") == 0;
}

/* Until the engine has made the key, which takes a moment: `answer` has its news then. */
static int wait_made(struct cli *cli, json_t *answer, uint64_t timeout_ms)
{
	const struct timespec pause = { .tv_nsec = LOOK_EVERY_MS * 1000000L };
	uint64_t deadline = clock_now_ms() + timeout_ms;
	json_t *now;
	int code = CLI_DONE;

	while (!code && is_preparing(answer) && clock_now_ms() < deadline) {
		nanosleep(&pause, NULL);
		code = call_api(cli, "GET", PATH, NULL, 0, &now);
		if (!code)
			json_object_set_new(answer, "tunnel_key", now);
	}
	return code;
}

static int report(struct cli *cli, const json_t *answer)
{
	if (cli->json)
		return call_print_json(answer);
	if (is_preparing(answer))
		printf("A new tunnel key for the hub is being made, see: branchline-hub tunnel-key "
		       "show\n");
	else
		printf("The hub has a new tunnel key; branches change over by themselves.\n");
	print_devices(json_object_get(answer, "tunnel_key"));
	return CLI_DONE;
}

int cmd_tunnel_key_rotate(struct cli *cli, struct args *a)
{
	uint64_t overlap_s = 0, timeout_s;
	json_t *body, *answer;
	int code;

	if (args_uint(a, "--timeout", 0, TIMEOUT_MAX_S, TIMEOUT_DEFAULT_S, &timeout_s) ||
	    (args_has(a, "--overlap") && args_uint(a, "--overlap", 1, UINT32_MAX, 0, &overlap_s)))
		return call_usage("%s", a->error);
	body = json_object();
	if (overlap_s)
		json_object_set_new(body, "overlap_s", json_integer((json_int_t)overlap_s));
	code = call_api(cli, "POST", PATH "/rotate", body, 0, &answer);
	json_decref(body);
	if (code)
		return code;
	if (cli->dry_run) {
		if (!cli->json)
			print_devices(json_object_get(answer, "tunnel_key"));
		return show_change(cli, answer, "The hub's tunnel key", "", "could be replaced");
	}
	code = wait_made(cli, answer, timeout_s * 1000);
	if (!code)
		code = report(cli, answer);
	json_decref(answer);
	return code;
}

/* --- finish, cancel --- */

/* One change, and a sentence for people. */
static int change(struct cli *cli, const char *method, const char *path, json_t *body,
		  const char *done, const char *could)
{
	json_t *answer;
	int code = call_api(cli, method, path, body, 0, &answer);

	json_decref(body);
	return code ? code : show_change(cli, answer, "The hub's old tunnel key", done, could);
}

int cmd_tunnel_key_finish(struct cli *cli, struct args *a)
{
	json_t *body = json_pack("{s:b}", "force", (int)args_has(a, "--force"));

	return change(cli, "POST", PATH "/finish", body, "is forgotten", "could be forgotten");
}

int cmd_tunnel_key_cancel(struct cli *cli, struct args *a)
{
	(void)a;
	return change(cli, "DELETE", PATH, NULL, "stays", "could stay");
}
