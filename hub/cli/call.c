/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/call.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_S 30L

int call_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("branchline-hub: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CLI_USAGE;
}

/* Why the UNIX socket does not answer: a file to look at says more than the library. */
static void explain_socket(const struct cli *cli, const char *path)
{
	if (access(path, F_OK) != 0)
		fprintf(stderr,
			"branchline-hub: the hub of network \"%s\" is not running (no %s); start "
			"it with: "
			"branchline-hub -n %s run\n",
			cli->paths->net, path, cli->paths->net);
	else if (access(path, R_OK | W_OK) != 0)
		fprintf(stderr,
			"branchline-hub: you may not use %s: be root or a member of its group\n",
			path);
	else
		fprintf(stderr, "branchline-hub: the hub of network \"%s\" does not answer at %s\n",
			cli->paths->net, path);
}

/* The hub could not be asked at all. */
static int no_answer(const struct cli *cli, enum err e)
{
	if (e == ERR_CLOSED && !cli->target.url)
		explain_socket(cli, cli->target.unix_socket);
	else
		fprintf(stderr, "branchline-hub: no answer from the hub at %s: %s\n",
			cli->target.url ? cli->target.url : cli->target.unix_socket,
			client_error(cli->client));
	return e == ERR_CLOSED || e == ERR_TIMEOUT ? CLI_UNREACHABLE : CLI_FAILED;
}

/* The hub has answered with a problem. */
static int refused(const struct cli *cli, const struct client_answer *a)
{
	const char *detail = call_str(a->json, "detail"), *pointer = call_str(a->json, "pointer");

	if (cli->json && a->json)
		(void)call_print_json(a->json);
	fprintf(stderr, "branchline-hub: %s", *detail ? detail : "the hub has refused this");
	if (*call_str(a->json, "code"))
		fprintf(stderr, " [%s%s%s]", call_str(a->json, "code"), *pointer ? " at " : "",
			pointer);
	else
		fprintf(stderr, " [HTTP status %ld]", a->status);
	fputc('\n', stderr);
	return a->status >= 400 && a->status < 500 ? CLI_REFUSED : CLI_FAILED;
}

int call_api(struct cli *cli, const char *method, const char *path, const json_t *body, long wait_s,
	     json_t **out)
{
	struct client_answer answer = { 0 };
	char full[CALL_PATH_SIZE + 16];
	bool change = strcmp(method, "GET") != 0;
	enum err e;
	int code = CLI_DONE;

	*out = NULL;
	snprintf(full, sizeof(full), "%s%s", path,
		 !change || !cli->dry_run ? ""
		 : strchr(path, '?')      ? "&dry_run=1"
					  : "?dry_run=1");
	e = client_call(cli->client, method, full, body, TIMEOUT_S + wait_s, &answer);
	if (e)
		return no_answer(cli, e);
	if (answer.status < 200 || answer.status > 299 || !answer.json)
		code = refused(cli, &answer);
	else
		*out = json_incref(answer.json);
	client_answer_fini(&answer);
	return code;
}

int call_stream(struct cli *cli, const char *path, const char *last_id, client_take take, void *arg)
{
	struct client_answer answer = { 0 };
	enum err e = client_stream(cli->client, path, last_id, take, arg, &answer);
	int code;

	if (e)
		return no_answer(cli, e);
	code = answer.status ? refused(cli, &answer) : CLI_DONE;
	client_answer_fini(&answer);
	return code;
}

int call_list(struct cli *cli, const char *path, const char *member, json_t **out)
{
	char page_path[CALL_PATH_SIZE];
	json_t *all = NULL, *page;
	long long after = 0;
	int code;

	do {
		snprintf(page_path, sizeof(page_path), "%s%climit=1000&after=%lld", path,
			 strchr(path, '?') ? '&' : '?', after);
		code = call_api(cli, "GET", page_path, NULL, 0, &page);
		if (code) {
			json_decref(all);
			*out = NULL;
			return code;
		}
		after = json_integer_value(json_object_get(page, "next_after"));
		if (all)
			json_array_extend(json_object_get(all, member),
					  json_object_get(page, member));
		else
			all = json_incref(page);
		json_decref(page);
	} while (after > 0);
	json_object_set_new(all, "next_after", json_null());
	*out = all;
	return CLI_DONE;
}

char *call_path(char out[CALL_PATH_SIZE], const char *before, const char *part, const char *after)
{
	char escaped[CALL_PATH_SIZE / 2];

	snprintf(out, CALL_PATH_SIZE, "%s%s%s", before,
		 client_escape(part, escaped, sizeof(escaped)), after);
	return out;
}

int call_print_json(const json_t *j)
{
	if (json_dumpf(j, stdout, JSON_INDENT(2)) < 0 || fputc('\n', stdout) == EOF ||
	    fflush(stdout) == EOF) {
		fprintf(stderr, "branchline-hub: the output could not be written\n");
		return CLI_FAILED;
	}
	return CLI_DONE;
}

bool call_confirm(const struct args *a, const char *question)
{
	char line[16];

	if (args_has(a, "--yes") || args_has(a, "--dry-run"))
		return true;
	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr, "branchline-hub: %s Add --yes to do it without being asked.\n",
			question);
		return false;
	}
	fprintf(stderr, "%s [y/N] ", question);
	if (fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y'))
		return true;
	fprintf(stderr, "Nothing was changed.\n");
	return false;
}

bool call_confirm_on_terminal(const struct args *a, const char *question)
{
	return !isatty(STDIN_FILENO) || call_confirm(a, question);
}

const char *call_str_or_null(const json_t *j, const char *member)
{
	return json_string_value(json_object_get(j, member));
}

const char *call_str(const json_t *j, const char *member)
{
	const char *s = call_str_or_null(j, member);

	return s ? s : "";
}

int64_t call_int(const json_t *j, const char *member)
{
	return json_integer_value(json_object_get(j, member));
}

bool call_bool(const json_t *j, const char *member)
{
	return json_is_true(json_object_get(j, member));
}

char *call_join(const json_t *array, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *s = json_string_value(json_array_get(array, i));
		int added = snprintf(out + n, size - n, "%s%s", i ? ", " : "", s ? s : "?");

		if (added < 0 || (size_t)added >= size - n) {
			snprintf(out + n, size - n, "...");
			break;
		}
		n += (size_t)added;
	}
	return out;
}
