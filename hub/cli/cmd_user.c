/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/call.h"
#include "shared/base/columns.h"
#include "shared/base/units.h"
#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/secret.h"

#define PASSWORD_MAX_BYTES 256u

/* Puts the password into the body: from --password-file, or a new one, which is then the caller's
 * to print. */
static int put_password(struct args *a, json_t *body, char made[32])
{
	const char *path = args_get(a, "--password-file");
	uint8_t random[15];
	struct buf file;
	enum err e;

	made[0] = '\0';
	if (!path) {
		secret_random(random, sizeof(random));
		base64url_encode(random, sizeof(random), made);
		secret_zero(random, sizeof(random));
		json_object_set_new(body, "password", json_string(made));
		return CLI_DONE;
	}
	buf_init(&file, PASSWORD_MAX_BYTES + 2);
	e = file_read_secret(path, &file);
	if (e || !buf_cstr(&file))
		fprintf(stderr, "branchline-hub: %s: %s\n", path,
			e == ERR_DENIED ? "must be a file that only you can read (mode 0600)"
					: err_str(e));
	else
		json_object_set_new(
			body, "password",
			json_stringn(buf_cstr(&file), strcspn(buf_cstr(&file), "\r\n")));
	buf_fini(&file);
	return json_object_get(body, "password") ? CLI_DONE : CLI_FAILED;
}

/* Zeroes what was sent. */
static void wipe(json_t *body)
{
	const char *s = call_str_or_null(body, "password");

	if (s)
		secret_zero((char *)(uintptr_t)s, strlen(s));
	json_decref(body);
}

/* Prints the answer of a change; a new password goes alone to standard output. */
static int say(struct cli *cli, json_t *answer, const char *name, const char *done, char made[32])
{
	int code = CLI_DONE;

	if (cli->json && made[0] && !cli->dry_run)
		json_object_set_new(answer, "password", json_string(made));
	if (cli->json) {
		code = call_print_json(answer);
	} else if (cli->dry_run) {
		fprintf(stderr, "%s could be %s. Nothing was changed.\n", name, done);
	} else if (made[0]) {
		fprintf(stderr, "%s is %s. The password, shown only now:\n", name, done);
		printf("%s\n", made);
	} else {
		printf("%s is %s\n", name, done);
	}
	secret_zero(made, 32);
	json_decref(answer);
	return code;
}

int cmd_user_add(struct cli *cli, struct args *a)
{
	const char *role = args_get(a, "--role");
	json_t *body, *answer = NULL;
	char made[32];
	int code;

	if (!role)
		return call_usage("say what the user may do: --role auditor, operator or admin");
	body = json_pack("{s:s, s:s}", "name", a->words[0], "role", role);
	code = put_password(a, body, made);
	if (!code)
		code = call_api(cli, "POST", "/api/v1/users", body, 0, &answer);
	wipe(body);
	return code ? code : say(cli, answer, a->words[0], "added", made);
}

int cmd_user_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = {
		"ID", "NAME", "ROLE", "STATE", "TOTP", "LAST SIGN-IN"
	};
	char text[UNITS_STR_SIZE];
	int64_t now = clock_wall_ms();
	struct columns table;
	json_t *list, *u;
	size_t i;
	int code;

	(void)a;
	code = call_list(cli, "/api/v1/users", "items", &list);
	if (code)
		return code;
	if (cli->json) {
		code = call_print_json(list);
		json_decref(list);
		return code;
	}
	columns_init(&table, 1, ARRAY_LEN(heads), heads);
	json_array_foreach(json_object_get(list, "items"), i, u)
	{
		columns_addf(&table, "%lld", (long long)call_int(u, "id"));
		columns_add(&table, call_str(u, "name"));
		columns_add(&table, call_str(u, "role"));
		columns_add(&table, call_bool(u, "disabled") ? "disabled" : "active");
		columns_add(&table, call_bool(u, "totp") ? "yes" : "no");
		columns_add(&table, units_ago(call_str_or_null(u, "signed_in_at"), now, text));
	}
	code = columns_print(&table, stdout) ? CLI_FAILED : CLI_DONE;
	columns_fini(&table);
	json_decref(list);
	return code;
}

int cmd_user_edit(struct cli *cli, struct args *a)
{
	json_t *body = json_object(), *answer = NULL;
	char path[CALL_PATH_SIZE], none[32] = "";
	int code = CLI_DONE;

	if (args_has(a, "--role"))
		json_object_set_new(body, "role", json_string(args_get(a, "--role")));
	if (args_has(a, "--enable") && args_has(a, "--disable"))
		code = call_usage("--enable or --disable, not both");
	else if (args_has(a, "--enable") || args_has(a, "--disable"))
		json_object_set_new(body, "disabled", json_boolean(args_has(a, "--disable")));
	if (args_has(a, "--forget-totp"))
		json_object_set_new(body, "forget_totp", json_true());
	if (!code && !json_object_size(body))
		code = call_usage("nothing to change was given");
	if (!code)
		code = call_api(cli, "PATCH", call_path(path, "/api/v1/users/", a->words[0], ""),
				body, 0, &answer);
	json_decref(body);
	return code ? code : say(cli, answer, a->words[0], "changed", none);
}

int cmd_user_passwd(struct cli *cli, struct args *a)
{
	json_t *body = json_object(), *answer = NULL;
	char path[CALL_PATH_SIZE], made[32];
	int code = put_password(a, body, made);

	if (!code)
		code = call_api(cli, "PATCH", call_path(path, "/api/v1/users/", a->words[0], ""),
				body, 0, &answer);
	wipe(body);
	return code ? code : say(cli, answer, a->words[0], "changed", made);
}

int cmd_user_delete(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE], question[128], none[32] = "";
	json_t *answer;
	int code;

	snprintf(question, sizeof(question), "Delete user %.63s?", a->words[0]);
	if (!call_confirm(a, question))
		return CLI_USAGE;
	code = call_api(cli, "DELETE", call_path(path, "/api/v1/users/", a->words[0], ""), NULL, 0,
			&answer);
	return code ? code : say(cli, answer, a->words[0], "deleted", none);
}
