/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys that are replaced by their own nodes. */
#include <string.h>
#include <time.h>

#include "hub/cli/show.h"
#include "shared/base/clock.h"

#define TIMEOUT_DEFAULT_S 10u
#define ASK_EVERY_MS      200u

static void nap(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* Until the request is gone (the keys are there) or waits for an admin. `*rotation` is its last
 * state, NULL when it is done. */
static int wait_done(struct cli *cli, const char *node, uint64_t timeout_ms, json_t **rotation)
{
	uint64_t deadline = clock_now_ms() + timeout_ms;
	json_t *list, *row;
	size_t i;
	int code;

	for (;;) {
		*rotation = NULL;
		code = call_list(cli, "/api/v1/key-rotations", "items", &list);
		if (code)
			return code;
		json_array_foreach(json_object_get(list, "items"), i,
				   row) if (strcmp(call_str(row, "node"), node) == 0) *rotation =
			json_incref(row);
		json_decref(list);
		if (!*rotation || clock_now_ms() >= deadline ||
		    strcmp(call_str(*rotation, "state"), "requested") != 0)
			return CLI_DONE;
		json_decref(*rotation);
		nap(ASK_EVERY_MS);
	}
}

static int report(struct cli *cli, const char *node, const json_t *answer, const json_t *rotation)
{
	if (cli->json) {
		json_t *out = json_copy((json_t *)answer);
		int code;

		json_object_set_new(out, "done", json_boolean(!rotation));
		code = call_print_json(out);
		json_decref(out);
		return code;
	}
	if (!rotation)
		printf("%s has new keys; those of before are taken until the overlap ends\n", node);
	else
		printf("%s is asked for new keys, and has not made them yet; it will as soon as it "
		       "is connected\n",
		       node);
	return CLI_DONE;
}

int cmd_node_rotate(struct cli *cli, struct args *a)
{
	json_t *keys = json_array(), *body = json_object(), *answer = NULL, *rotation = NULL;
	char path[CALL_PATH_SIZE], node[256];
	uint64_t timeout_s;
	int code = CLI_DONE;

	if (args_uint(a, "--timeout", 0, 3600, TIMEOUT_DEFAULT_S, &timeout_s))
		code = call_usage("%s", a->error);
	if (args_has(a, "--tunnel") || !args_has(a, "--identity"))
		json_array_append_new(keys, json_string("tunnel"));
	if (args_has(a, "--identity"))
		json_array_append_new(keys, json_string("identity"));
	json_object_set_new(body, "keys", keys);
	if (!code)
		code = call_api(cli, "POST",
				call_path(path, "/api/v1/nodes/", a->words[0], "/rotate-keys"),
				body, 0, &answer);
	json_decref(body);
	if (code)
		return code;
	if (cli->dry_run)
		return show_change(cli, answer, a->words[0], "", "could be asked for new keys");
	snprintf(node, sizeof(node), "%s", call_str(json_object_get(answer, "rotation"), "node"));
	code = wait_done(cli, node, timeout_s * 1000, &rotation);
	if (!code)
		code = report(cli, node, answer, rotation);
	json_decref(rotation);
	json_decref(answer);
	return code;
}

static void add_row(struct columns *t, const json_t *r, int64_t now_ms)
{
	char keys[64];

	columns_add(t, call_str(r, "node"));
	columns_add(t, call_join(json_object_get(r, "keys"), keys, sizeof(keys)));
	columns_add(t, call_str(r, "state"));
	columns_add(t, call_str(r, "requested_by"));
	show_ago(t, r, "requested_at", now_ms);
}

int cmd_key_rotations(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "NODE", "KEYS", "STATE", "ASKED BY", "AGO" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 0, add_row };

	(void)a;
	return show_list(cli, "/api/v1/key-rotations", &table);
}

int cmd_key_approve(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *body = json_object(), *answer;
	int code = call_api(cli, "POST",
			    call_path(path, "/api/v1/key-rotations/", a->words[0], "/approve"),
			    body, 0, &answer);

	json_decref(body);
	return code ? code
		    : show_change(cli, answer, a->words[0], "has its new keys",
				  "could get its new keys");
}

int cmd_key_refuse(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer;
	int code =
		call_api(cli, "DELETE", call_path(path, "/api/v1/key-rotations/", a->words[0], ""),
			 NULL, 0, &answer);

	return code ? code
		    : show_change(cli, answer, a->words[0], "keeps its keys",
				  "could keep its keys");
}

/* --- settings --- */

static void print_settings(const json_t *k)
{
	char text[64];

	show_line("approval", call_str(k, "approval"));
	snprintf(text, sizeof(text), "%lld s", (long long)call_int(k, "overlap_s"));
	show_line("overlap", text);
	if (call_int(k, "max_age_s"))
		snprintf(text, sizeof(text), "%lld s", (long long)call_int(k, "max_age_s"));
	else
		snprintf(text, sizeof(text), "none");
	show_line("maximum age", text);
	snprintf(text, sizeof(text), "%lld s before", (long long)call_int(k, "warn_s"));
	show_line("warning", text);
	show_line("then", call_bool(k, "rotate_at_max_age") ? "branches are asked for new keys"
							    : "an admin asks for new keys");
}

/* One number of the command line into the body. */
static int take_number(struct args *a, const char *option, const char *member, json_t *body)
{
	uint64_t v;

	if (!args_has(a, option))
		return CLI_DONE;
	if (args_uint(a, option, 0, UINT32_MAX, 0, &v))
		return call_usage("%s", a->error);
	json_object_set_new(body, member, json_integer((json_int_t)v));
	return CLI_DONE;
}

static int take_settings(struct args *a, json_t *body)
{
	const char *rotate = args_get(a, "--auto-rotate");
	int code;

	if (args_has(a, "--approval"))
		json_object_set_new(body, "approval", json_string(args_get(a, "--approval")));
	if (rotate && strcmp(rotate, "yes") != 0 && strcmp(rotate, "no") != 0)
		return call_usage("--auto-rotate is yes or no");
	if (rotate)
		json_object_set_new(body, "rotate_at_max_age",
				    json_boolean(strcmp(rotate, "yes") == 0));
	code = take_number(a, "--overlap", "overlap_s", body);
	if (!code)
		code = take_number(a, "--max-age", "max_age_s", body);
	return code ? code : take_number(a, "--warn", "warn_s", body);
}

int cmd_key_settings(struct cli *cli, struct args *a)
{
	json_t *body = json_object(), *answer = NULL;
	int code = take_settings(a, body);

	if (!code && !json_object_size(body)) {
		json_decref(body);
		return show_item(cli, "/api/v1/key-settings", print_settings);
	}
	if (!code)
		code = call_api(cli, "PATCH", "/api/v1/key-settings", body, 0, &answer);
	json_decref(body);
	if (code)
		return code;
	if (cli->json || cli->dry_run)
		return show_change(cli, answer, "The settings of keys", "are changed",
				   "could be changed");
	print_settings(json_object_get(answer, "key_settings"));
	json_decref(answer);
	return CLI_DONE;
}
