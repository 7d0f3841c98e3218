/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmd_node_settings: what the hub sets on a spoke, and how the spoke took it. Also how much the hub
 * itself logs. */
#include <string.h>
#include <time.h>

#include "hub/cli/show.h"
#include "shared/base/clock.h"
#include "shared/wire/node_settings.h"

#define ASK_AGAIN_MS 300u
/* After the spoke's own time is over it has to come back and say so. */
#define GRACE_MS 30000u

/* "KEY=VALUE", or "KEY=" for the default. */
static int take_word(const char *word, json_t *settings, json_t *reset)
{
	const char *equals = strchr(word, '='), *value;
	enum node_setting k;
	char name[64];
	json_t *v;

	if (!equals || equals == word || (size_t)(equals - word) >= sizeof(name))
		return call_usage("\"%s\" is not KEY=VALUE", word);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - word), word);
	if (!node_settings_find(name, &k))
		return call_usage("there is no setting \"%s\"; node settings NODE shows them",
				  name);
	value = equals + 1;
	if (!*value)
		return json_array_append_new(reset, json_string(name)) ? CLI_FAILED : CLI_DONE;
	if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)
		v = json_boolean(strcmp(value, "yes") == 0);
	else
		v = json_loads(value, JSON_DECODE_ANY, NULL);
	if (!v)
		return call_usage("%s: \"%s\" is neither a number nor yes or no", name, value);
	return json_object_set_new(settings, name, v) ? CLI_FAILED : CLI_DONE;
}

static int make_body(struct args *a, json_t **out)
{
	json_t *settings = json_object(), *reset = json_array();
	uint64_t confirm = 0;
	int code = CLI_DONE;

	for (unsigned i = 1; i < a->n_words && !code; i++)
		code = take_word(a->words[i], settings, reset);
	if (!code && args_uint(a, "--confirm-within", SETTINGS_CONFIRM_MIN_S,
			       SETTINGS_CONFIRM_MAX_S, SETTINGS_CONFIRM_DEFAULT_S, &confirm))
		code = call_usage("%s", a->error);
	*out = json_pack("{s:o, s:o, s:I}", "settings", settings, "reset", reset,
			 "confirm_within_s", (json_int_t)confirm);
	return code;
}

/* What has become of a change, in a sentence. */
static int tell(struct cli *cli, const char *name, json_t *answer)
{
	const json_t *change = json_object_get(answer, "change");
	const char *state = call_str(change, "state");
	int code = strcmp(state, "rolled_back") == 0 ? CLI_FAILED : CLI_DONE;

	if (cli->json) {
		(void)!call_print_json(answer);
		return code;
	}
	if (strcmp(state, "pending") == 0)
		printf("%s has not confirmed yet: it is not connected, or still trying; see node "
		       "settings %s\n",
		       name, name);
	else if (code)
		fprintf(stderr, "branchline-hub: %s has taken the change back: %s\n", name,
			call_str(change, "reason"));
	else if (strcmp(state, "confirmed") == 0)
		printf("%s has confirmed the change\n", name);
	else
		printf("%s: the last change was cancelled\n", name);
	return code;
}

/* Until the spoke has settled the change, or cannot any more. */
static int wait_settled(struct cli *cli, const char *name, const char *path, json_t **out)
{
	const struct timespec pause = { .tv_nsec = ASK_AGAIN_MS * 1000000l };
	uint64_t limit = 0;
	int code;

	for (;;) {
		const json_t *change;

		code = call_api(cli, "GET", path, NULL, 0, out);
		if (code)
			return code;
		change = json_object_get(*out, "change");
		if (!limit)
			limit = clock_now_ms() +
				(uint64_t)call_int(change, "confirm_within_s") * 1000u + GRACE_MS;
		if (strcmp(call_str(change, "state"), "pending") != 0 || clock_now_ms() >= limit)
			return tell(cli, name, *out);
		json_decref(*out);
		*out = NULL;
		nanosleep(&pause, NULL);
	}
}

int cmd_node_set(struct cli *cli, struct args *a)
{
	json_t *body = NULL, *answer = NULL;
	char path[CALL_PATH_SIZE];
	int code = make_body(a, &body);

	call_path(path, "/api/v1/nodes/", a->words[0], "/settings");
	if (!code)
		code = call_api(cli, "PATCH", path, body, 0, &answer);
	json_decref(body);
	if (code)
		return code;
	if (cli->dry_run) {
		code = show_change(cli, answer, a->words[0], "", "could be set so");
	} else if (args_has(a, "--no-wait")) {
		code = tell(cli, a->words[0], json_object_get(answer, "node_settings"));
		json_decref(answer);
	} else {
		json_decref(answer);
		answer = NULL;
		code = wait_settled(cli, a->words[0], path, &answer);
		json_decref(answer);
	}
	return code;
}

static void print_settings(const json_t *x)
{
	static const char *const heads[] = { "SETTING", "VALUE", "SOURCE", "SET HERE" };
	const json_t *effective = json_object_get(x, "effective"),
		     *set = json_object_get(x, "settings"), *change = json_object_get(x, "change");
	struct columns table;

	columns_init(&table, 2, ARRAY_LEN(heads), heads);
	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++) {
		const char *name = node_settings_info[k].name;
		const json_t *now = json_object_get(effective, name);
		const json_t *value = json_object_get(now, "value"),
			     *here = json_object_get(set, name);
		char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL,
		     *mine = here ? json_dumps(here, JSON_ENCODE_ANY) : NULL;

		columns_add(&table, name);
		columns_add(&table, text ? text : "-");
		columns_add(&table, now ? call_str(now, "source") : "-");
		columns_add(&table, mine ? mine : "-");
		free(text);
		free(mine);
	}
	if (columns_print(&table, stdout))
		fprintf(stderr, "branchline-hub: out of memory\n");
	columns_fini(&table);
	if (strcmp(call_str(change, "state"), "none") == 0)
		return;
	printf("last change: %s by %s%s%s\n", call_str(change, "state"), call_str(change, "by"),
	       *call_str(change, "reason") ? ": " : "", call_str(change, "reason"));
}

int cmd_node_settings(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer = NULL;
	int code;

	if (!args_has(a, "--cancel"))
		return show_item(cli, call_path(path, "/api/v1/nodes/", a->words[0], "/settings"),
				 print_settings);
	code = call_api(cli, "POST",
			call_path(path, "/api/v1/nodes/", a->words[0], "/settings/cancel"), NULL, 0,
			&answer);
	return code ? code
		    : show_change(cli, answer, a->words[0], "keeps its settings",
				  "would keep its settings");
}

static void print_level(const json_t *x)
{
	printf("log level %lld (LogLevel in hub.conf: %lld)\n", (long long)call_int(x, "level"),
	       (long long)call_int(x, "configured"));
}

int cmd_log_level(struct cli *cli, struct args *a)
{
	json_t *body, *answer = NULL;
	uint64_t level;
	int code;

	if (a->n_words == 0)
		return show_item(cli, "/api/v1/log-level", print_level);
	if (args_number(a, "LEVEL", a->words[0], 0, 5, &level))
		return call_usage("%s", a->error);
	body = json_pack("{s:I}", "level", (json_int_t)level);
	code = call_api(cli, "PATCH", "/api/v1/log-level", body, 0, &answer);
	json_decref(body);
	if (!code && cli->json)
		code = call_print_json(answer);
	else if (!code)
		print_level(answer);
	json_decref(answer);
	return code;
}
