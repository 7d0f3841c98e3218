/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/show.h"
#include "shared/base/clock.h"

#define WAIT_DEFAULT_S 10u
#define WAIT_ONCE_MS   30000u /* the API's longest wait */

/* Asks until all have applied the revision, or the time is over. `*out` is the last answer. */
static int wait_applied(struct cli *cli, int64_t revision, int64_t except, uint64_t timeout_ms,
			json_t **out)
{
	uint64_t deadline = clock_now_ms() + timeout_ms;
	char path[CALL_PATH_SIZE];
	uint64_t left = timeout_ms;
	int code;

	*out = NULL;
	for (;;) {
		json_decref(*out);
		snprintf(path, sizeof(path),
			 "/api/v1/revisions/%lld?wait_ms=%llu&except=%lld&receipts=1",
			 (long long)revision,
			 (unsigned long long)(left > WAIT_ONCE_MS ? WAIT_ONCE_MS : left),
			 (long long)except);
		code = call_api(cli, "GET", path, NULL, (long)(WAIT_ONCE_MS / 1000), out);
		if (code || call_int(*out, "applied") >= call_int(*out, "online"))
			return code;
		left = clock_now_ms() < deadline ? deadline - clock_now_ms() : 0;
		if (left == 0)
			return CLI_DONE;
	}
}

/* The receipt that came last, or NULL. */
static const json_t *slowest(const json_t *applied)
{
	const json_t *r, *last = NULL;
	size_t i;

	json_array_foreach(json_object_get(applied, "receipts"), i, r)
	{
		if (strcmp(call_str(r, "state"), "applied") == 0 &&
		    (!last || call_int(r, "elapsed_ms") > call_int(last, "elapsed_ms")))
			last = r;
	}
	return last;
}

/* Prints who has applied it. Returns CLI_FAILED when somebody has not. */
static int report(const json_t *applied)
{
	char names[2048];
	bool all = call_int(applied, "applied") >= call_int(applied, "online");
	const json_t *last = slowest(applied);

	printf("applied on %lld of %lld in %lld ms\n", (long long)call_int(applied, "applied"),
	       (long long)call_int(applied, "online"), (long long)call_int(applied, "elapsed_ms"));
	if (last)
		printf("the last to confirm was %s, after %lld ms\n", call_str(last, "node"),
		       (long long)call_int(last, "elapsed_ms"));
	fflush(stdout);
	if (!all)
		fprintf(stderr, "not confirmed: %s\n",
			call_join(json_object_get(applied, "missing"), names, sizeof(names)));
	if (json_array_size(json_object_get(applied, "offline")))
		fprintf(stderr, "offline, will learn it when they connect: %s\n",
			call_join(json_object_get(applied, "offline"), names, sizeof(names)));
	return all ? CLI_DONE : CLI_FAILED;
}

/* Revokes by the API at `path`, then waits for the others. `member` is where the answer names the
 * node's id. */
static int revoke(struct cli *cli, struct args *a, const char *path, const char *member,
		  const char *id_member)
{
	json_t *body = json_object(), *answer = NULL, *applied = NULL;
	uint64_t timeout_s;
	int64_t node_id;
	int code = CLI_DONE;

	if (args_uint(a, "--timeout", 0, 3600, WAIT_DEFAULT_S, &timeout_s))
		code = call_usage("%s", a->error);
	if (args_has(a, "--reason"))
		json_object_set_new(body, "reason", json_string(args_get(a, "--reason")));
	if (!code)
		code = call_api(cli, "POST", path, body, 0, &answer);
	json_decref(body);
	if (code)
		return code;
	node_id = call_int(json_object_get(answer, member), id_member);
	if (!cli->dry_run)
		code = wait_applied(cli, call_int(answer, "revision"), node_id, timeout_s * 1000,
				    &applied);
	if (!code && cli->json) {
		json_object_set(answer, "applied", applied ? applied : json_null());
		code = call_print_json(answer);
		if (!code && applied && call_int(applied, "applied") < call_int(applied, "online"))
			code = CLI_FAILED;
	} else if (!code && applied) {
		code = report(applied);
	} else if (!code) {
		fprintf(stderr, "It could be revoked. Nothing was changed.\n");
	}
	json_decref(applied);
	json_decref(answer);
	return code;
}

/* Asks first. `what` is a node or a key, `name` which one. */
static bool confirm(struct args *a, const char *what, const char *name)
{
	char question[192];

	snprintf(question, sizeof(question),
		 "Revoke %s %.63s? That cannot be taken back: it has to be joined anew.", what,
		 name);
	return call_confirm_on_terminal(a, question);
}

static int revoke_key(struct cli *cli, struct args *a, const char *id)
{
	char path[CALL_PATH_SIZE];

	if (!confirm(a, "the node of key", id))
		return CLI_USAGE;
	return revoke(cli, a, call_path(path, "/api/v1/keys/", id, "/revoke"), "key", "node_id");
}

int cmd_node_revoke(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];

	if (args_has(a, "--key"))
		return revoke_key(cli, a, args_get(a, "--key"));
	if (a->n_words == 0)
		return call_usage("name the node to revoke, or a key with --key");
	if (!confirm(a, "node", a->words[0]))
		return CLI_USAGE;
	return revoke(cli, a, call_path(path, "/api/v1/nodes/", a->words[0], "/revoke"), "node",
		      "id");
}

int cmd_key_revoke(struct cli *cli, struct args *a) { return revoke_key(cli, a, a->words[0]); }
