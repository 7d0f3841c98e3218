/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/show.h"

#define BASE "/api/v1/webhooks/"

/* What the options say of a webhook. */
static json_t *make_body(struct args *a)
{
	json_t *body = json_object(), *events = args_has(a, "--event") ? json_array() : NULL;

	for (unsigned i = 0; events && args_nth(a, "--event", i); i++)
		json_array_append_new(events, json_string(args_nth(a, "--event", i)));
	if (events)
		json_object_set_new(body, "events", events);
	if (args_has(a, "--url"))
		json_object_set_new(body, "url", json_string(args_get(a, "--url")));
	if (args_has(a, "--comment"))
		json_object_set_new(body, "comment", json_string(args_get(a, "--comment")));
	if (args_has(a, "--enable") || args_has(a, "--disable"))
		json_object_set_new(body, "enabled", json_boolean(args_has(a, "--enable")));
	return body;
}

/* A new secret goes alone to standard output. Takes over `answer`. */
static int say_secret(struct cli *cli, json_t *answer, const char *name)
{
	int code = CLI_DONE;

	if (cli->json) {
		code = call_print_json(answer);
	} else if (cli->dry_run) {
		fprintf(stderr, "This could be done. Nothing was changed.\n");
	} else {
		fprintf(stderr,
			"The secret of webhook %s, shown only now; its receiver checks signatures "
			"with it:\n",
			name);
		printf("%s\n", call_str(answer, "secret"));
	}
	json_decref(answer);
	return code;
}

int cmd_webhook_add(struct cli *cli, struct args *a)
{
	json_t *body = make_body(a), *answer;
	int code;

	json_object_set_new(body, "name", json_string(a->words[0]));
	json_object_set_new(body, "url", json_string(a->words[1]));
	code = call_api(cli, "POST", "/api/v1/webhooks", body, 0, &answer);
	json_decref(body);
	return code ? code : say_secret(cli, answer, a->words[0]);
}

static void add_hook(struct columns *t, const json_t *w, int64_t now_ms)
{
	char events[256];

	(void)now_ms;
	show_int(t, w, "id");
	columns_add(t, call_str(w, "name"));
	columns_add(t, call_bool(w, "enabled") ? "enabled" : "disabled");
	show_int(t, w, "pending");
	show_int(t, w, "failures");
	columns_add(t, call_join(json_object_get(w, "events"), events, sizeof(events)));
	columns_add(t, call_str(w, "url"));
	columns_add(t, call_str(w, "disabled_why"));
}

int cmd_webhook_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID",       "NAME",   "STATE", "WAITING",
					     "FAILURES", "EVENTS", "URL",   "WHY" };
	static const struct show_table table = { heads, ARRAY_LEN(heads),
						 1u << 0 | 1u << 3 | 1u << 4, add_hook };

	(void)a;
	return show_list(cli, "/api/v1/webhooks", &table);
}

int cmd_webhook_edit(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE], name[96];
	json_t *body, *answer;
	int code;

	if (args_has(a, "--enable") && args_has(a, "--disable"))
		return call_usage("--enable and --disable do not go together");
	body = make_body(a);
	code = call_api(cli, "PATCH", call_path(path, BASE, a->words[0], ""), body, 0, &answer);
	json_decref(body);
	snprintf(name, sizeof(name), "webhook %.64s", a->words[0]);
	return code ? code : show_change(cli, answer, name, "is changed", "could be changed");
}

int cmd_webhook_secret(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer;
	int code = call_api(cli, "POST", call_path(path, BASE, a->words[0], "/secret"), NULL, 0,
			    &answer);

	return code ? code : say_secret(cli, answer, a->words[0]);
}

int cmd_webhook_delete(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE], text[128];
	json_t *answer;
	int code;

	snprintf(text, sizeof(text), "Delete webhook %.63s with its deliveries?", a->words[0]);
	if (!call_confirm(a, text))
		return CLI_USAGE;
	code = call_api(cli, "DELETE", call_path(path, BASE, a->words[0], ""), NULL, 0, &answer);
	snprintf(text, sizeof(text), "webhook %.64s", a->words[0]);
	return code ? code : show_change(cli, answer, text, "is deleted", "could be deleted");
}

/* --- deliveries --- */

/* Says which delivery waits now. Takes over `answer`. */
static int say_queued(struct cli *cli, json_t *answer, const char *name)
{
	const json_t *d = json_object_get(answer, "delivery");
	int code = CLI_DONE;

	if (cli->json)
		code = call_print_json(answer);
	else if (cli->dry_run)
		fprintf(stderr, "This could be sent. Nothing was changed.\n");
	else
		printf("%s is on its way as delivery %lld; \"webhook log %s\" says what came of "
		       "it\n",
		       call_str(d, "event"), (long long)call_int(d, "id"), name);
	json_decref(answer);
	return code;
}

int cmd_webhook_test(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer;
	int code = call_api(cli, "POST", call_path(path, BASE, a->words[0], "/test"), NULL, 0,
			    &answer);

	return code ? code : say_queued(cli, answer, a->words[0]);
}

int cmd_webhook_redeliver(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *body, *answer;
	uint64_t id;
	int code;

	if (args_number(a, "the delivery", a->words[1], 1, UINT32_MAX, &id))
		return call_usage("%s", a->error);
	body = json_pack("{s:I}", "delivery", (json_int_t)id);
	code = call_api(cli, "POST", call_path(path, BASE, a->words[0], "/redeliver"), body, 0,
			&answer);
	json_decref(body);
	return code ? code : say_queued(cli, answer, a->words[0]);
}

static void add_delivery(struct columns *t, const json_t *d, int64_t now_ms)
{
	show_int(t, d, "id");
	show_ago(t, d, "created_at", now_ms);
	columns_add(t, call_str(d, "event"));
	columns_add(t, call_str(d, "status"));
	show_int(t, d, "attempts");
	show_ago(t, d, "last_at", now_ms);
	if (json_is_integer(json_object_get(d, "http_status")))
		show_int(t, d, "http_status");
	else
		columns_add(t, "-");
	show_int(t, d, "took_ms");
	show_left(t, d, "next_at", now_ms);
	columns_add(t, call_str(d, "error"));
}

int cmd_webhook_log(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID",   "AGE",    "EVENT", "STATUS",  "TRIES",
					     "LAST", "ANSWER", "MS",    "NEXT IN", "ERROR" };
	static const struct show_table table = { heads, ARRAY_LEN(heads),
						 1u << 0 | 1u << 4 | 1u << 7, add_delivery };
	char path[CALL_PATH_SIZE], tail[48];
	json_t *answer;
	uint64_t limit;
	int code;

	if (args_uint(a, "--limit", 1, 1000, 50, &limit))
		return call_usage("%s", a->error);
	snprintf(tail, sizeof(tail), "/deliveries?limit=%llu", (unsigned long long)limit);
	code = call_api(cli, "GET", call_path(path, BASE, a->words[0], tail), NULL, 0, &answer);
	if (code)
		return code;
	code = cli->json ? call_print_json(answer)
			 : show_table(json_object_get(answer, "items"), &table);
	json_decref(answer);
	return code;
}
