/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/show.h"
#include "shared/base/base64.h"
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
	char is[24], could[24];
	int code;

	snprintf(is, sizeof(is), "is %s", done);
	snprintf(could, sizeof(could), "could be %s", done);
	if (!made[0] || cli->dry_run) {
		code = show_change(cli, answer, name, is, could);
	} else if (cli->json) {
		json_object_set_new(answer, "password", json_string(made));
		code = show_change(cli, answer, name, is, could);
	} else {
		fprintf(stderr, "%s %s. The password, shown only now:\n", name, is);
		code = printf("%s\n", made) < 0 ? CLI_FAILED : CLI_DONE;
		json_decref(answer);
	}
	secret_zero(made, 32);
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

static void add_row(struct columns *t, const json_t *user, int64_t now_ms)
{
	show_int(t, user, "id");
	columns_add(t, call_str(user, "name"));
	columns_add(t, call_str(user, "role"));
	columns_add(t, call_bool(user, "disabled") ? "disabled" : "active");
	columns_add(t, call_bool(user, "totp") ? "yes" : "no");
	show_ago(t, user, "signed_in_at", now_ms);
}

int cmd_user_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = {
		"ID", "NAME", "ROLE", "STATE", "TOTP", "LAST SIGN-IN"
	};
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 0, add_row };

	(void)a;
	return show_list(cli, "/api/v1/users", &table);
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
