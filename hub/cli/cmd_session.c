/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connect, disconnect, purge, retry: run-time control of the hub by hand, as with tinc. */
#include "hub/cli/show.h"

#define WAIT_S 10 /* the hub gives up after eight seconds */

/* POST without a body; the answer is the caller's. */
static int order(struct cli *cli, const char *path, json_t **answer)
{
	json_t *body = json_object();
	int code = call_api(cli, "POST", path, body, WAIT_S, answer);

	json_decref(body);
	return code;
}

/* Has anything of the node ended? */
static bool has_ended(const json_t *r)
{
	return call_bool(r, "link") || call_bool(r, "carrier") || call_bool(r, "session");
}

static void print_ended(const json_t *r)
{
	const char *link = call_bool(r, "link") ? " link" : "";
	const char *carrier = call_bool(r, "carrier") ? " carrier" : "";
	const char *session = call_bool(r, "session") ? " session" : "";

	if (has_ended(r))
		printf("%s: ended:%s%s%s. It comes back by itself\n", call_str(r, "name"), link,
		       carrier, session);
	else
		printf("%s: was not connected\n", call_str(r, "name"));
	if (json_is_null(json_object_get(r, "session")))
		puts("the data plane does not run just now: it has no sessions");
}

int cmd_disconnect(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer = NULL;
	bool any;
	int code =
		order(cli, call_path(path, "/api/v1/nodes/", a->words[0], "/disconnect"), &answer);

	if (code)
		return code;
	any = has_ended(answer);
	if (cli->json)
		code = call_print_json(answer);
	else
		print_ended(answer);
	json_decref(answer);
	return code ? code : any ? CLI_DONE : CLI_FAILED;
}

int cmd_connect(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer = NULL;
	bool connected;
	int code = order(cli, call_path(path, "/api/v1/nodes/", a->words[0], "/connect"), &answer);

	if (code)
		return code;
	connected = call_bool(answer, "connected");
	if (cli->json)
		code = call_print_json(answer);
	else if (connected)
		printf("%s: connected, %s at %s\n", call_str(answer, "name"),
		       call_str(answer, "path"), call_str_or_null(answer, "endpoint"));
	else
		printf("%s: not connected: %s%s%s\n", call_str(answer, "name"),
		       call_str(answer, "reason"), *call_str(answer, "advice") ? "; " : "",
		       call_str(answer, "advice"));
	json_decref(answer);
	return code ? code : connected ? CLI_DONE : CLI_FAILED;
}

int cmd_purge(struct cli *cli, struct args *a)
{
	json_t *answer = NULL;
	int code = order(cli, "/api/v1/hub/purge", &answer);
	int64_t n;

	(void)a;
	if (code)
		return code;
	n = call_int(answer, "forgotten");
	if (cli->json)
		code = call_print_json(answer);
	else if (!n)
		puts("no node is without an answer: nothing is forgotten");
	else
		printf("%lld %s not answer: what was learnt of %s is forgotten\n", (long long)n,
		       n == 1 ? "node does" : "nodes do", n == 1 ? "it" : "them");
	json_decref(answer);
	return code;
}

int cmd_retry(struct cli *cli, struct args *a)
{
	json_t *answer = NULL;
	int code = order(cli, "/api/v1/hub/retry", &answer);
	int64_t n;

	(void)a;
	if (code)
		return code;
	n = call_int(answer, "called");
	if (cli->json)
		code = call_print_json(answer);
	else if (!n)
		puts("all nodes answer: there is nothing to try again");
	else
		printf("%lld %s not answer: called now, where an address is known\n", (long long)n,
		       n == 1 ? "node does" : "nodes do");
	json_decref(answer);
	return code;
}
