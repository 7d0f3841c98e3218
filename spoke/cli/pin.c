/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * branchline-spoke pin: by which identity key this branch knows its hub; and, when the hub has
 * replaced it while this branch was away, another one by hand.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/keys/keys.h"
#include "shared/monitor/key_files.h"
#include "shared/wire/token.h"
#include "spoke/cli/cli.h"
#include "spoke/cli/request.h"
#include "spoke/config.h"

#define PIN_TIMEOUT_MS 5000u

static int fail(const struct cli *cli, int code, const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", cli->launch->program, what, why);
	return code;
}

/* One question to the daemon; false, and nothing said, when it does not run. */
static bool ask_quietly(const struct cli *cli, const char *cmd, json_t **out)
{
	struct spoke_config c;
	struct request r;
	enum err e;

	spoke_config_init(&c, cli->paths);
	e = request_open(&r, c.status_socket, PIN_TIMEOUT_MS);
	if (!e)
		e = request_send(&r, json_pack("{s:s}", "cmd", cmd));
	if (!e)
		e = request_read(&r, PIN_TIMEOUT_MS, out);
	request_close(&r);
	spoke_config_fini(&c);
	return e == ERR_OK;
}

/* --- show --- */

static void print_one(const json_t *hub, const char *member, const char *what)
{
	const char *s = json_string_value(json_object_get(hub, member));

	if (s)
		printf("%-22s %s\n", what, s);
}

static int show(const struct cli *cli)
{
	json_t *keys, *hub;
	int code = cli_ask(cli, json_pack("{s:s}", "cmd", "keys"), PIN_TIMEOUT_MS, &keys);

	if (code)
		return code;
	hub = json_object_get(keys, "hub");
	if (cli->json) {
		cli_print_json(json_incref(hub));
	} else {
		print_one(hub, "fingerprint", "the hub's fingerprint");
		print_one(hub, "next_fingerprint", "the next one");
		print_one(hub, "refused_fingerprint", "refused");
		if (json_is_string(json_object_get(hub, "refused_fingerprint")))
			puts("A machine with the last one answers in the place of the hub. If "
			     "\"branchline-hub identity show\" at headquarters shows it, say "
			     "\"branchline-spoke pin\" and the fingerprint.");
	}
	json_decref(keys);
	return LAUNCH_DONE;
}

/* --- the key that is meant --- */

/* The token's secret does not stay in the process list. */
static int take_token(const struct cli *cli, char *text, struct public_key *out)
{
	struct join_token t;
	enum err e = token_decode(text, &t);
	int code = LAUNCH_DONE;

	secret_zero(text, strlen(text));
	if (e)
		code = fail(cli, LAUNCH_REFUSED, "the join line", err_str(e));
	else if (strcmp(t.network, cli->paths->net) != 0)
		code = fail(cli, LAUNCH_REFUSED, "the join line is for another network", t.network);
	else
		*out = t.hub_key;
	secret_zero(&t, sizeof(t));
	return code;
}

/* Is `member`, a key that the daemon has seen, the one with this fingerprint? */
static bool matches(const json_t *hub, const char *member, const char *fingerprint,
		    struct public_key *out)
{
	const char *s = json_string_value(json_object_get(hub, member));
	char text[KEYS_FINGERPRINT_SIZE];

	return s && base64_decode_key(s, out->b) == ERR_OK &&
	       strcasecmp(keys_fingerprint(out, text), fingerprint) == 0;
}

/* A fingerprint says which of the keys that were seen is meant: one cannot be made from it. */
static int take_fingerprint(const struct cli *cli, const char *text, struct public_key *out)
{
	static const char *const members[] = { "refused_key", "next_key", "key" };
	json_t *keys;
	int code = cli_ask(cli, json_pack("{s:s}", "cmd", "keys"), PIN_TIMEOUT_MS, &keys);

	if (code)
		return code;
	code = LAUNCH_REFUSED;
	for (size_t i = 0; i < ARRAY_LEN(members) && code; i++)
		if (matches(json_object_get(keys, "hub"), members[i], text, out))
			code = LAUNCH_DONE;
	json_decref(keys);
	return code ? fail(cli, code, text,
			   "no machine with this fingerprint has answered in the place of the hub; "
			   "give the public key or a join line instead")
		    : code;
}

static int take_key(const struct cli *cli, char *text, struct public_key *out)
{
	uint8_t digest[KEY_BYTES];
	size_t n;

	if (strncmp(text, "bl", 2) == 0 && strchr(text, '_'))
		return take_token(cli, text, out);
	if (strlen(text) == KEYS_FINGERPRINT_SIZE - 1 &&
	    hex_decode(text, digest, sizeof(digest), &n) == ERR_OK)
		return take_fingerprint(cli, text, out);
	if (base64_decode_key(text, out->b) == ERR_OK)
		return LAUNCH_DONE;
	return cli_usage("%s: neither a fingerprint, nor a public key, nor a join line", text);
}

/* --- put --- */

/* hub.pin as a whole, then the announced key goes: it was of the hub of before. */
static int put(const struct cli *cli, const struct public_key *key)
{
	char path[PATHS_FILE_SIZE], next[PATHS_FILE_SIZE + sizeof(KEY_FILES_NEXT)];
	char text[KEY_BASE64_SIZE + 1];
	enum err e;

	paths_join(path, cli->paths->etc, "hub.pin");
	snprintf(next, sizeof(next), "%s" KEY_FILES_NEXT, path);
	base64_encode(key->b, KEY_BYTES, text);
	strncat(text, "\n", 2);
	e = file_write_atomic(path, text, strlen(text), 0644);
	if (e)
		return fail(cli, e == ERR_DENIED ? LAUNCH_REFUSED : LAUNCH_FAILED, path,
			    err_str(e));
	if (unlink(next) < 0 && errno != ENOENT)
		return fail(cli, LAUNCH_FAILED, next, strerror(errno));
	return LAUNCH_DONE;
}

int cmd_pin(struct cli *cli, struct args *a)
{
	char fingerprint[KEYS_FINGERPRINT_SIZE];
	struct public_key key;
	json_t *keys = NULL;
	bool running;
	int code;

	if (!a->n_words)
		return show(cli);
	/* It points into argv. */
	code = take_key(cli, (char *)(uintptr_t)a->words[0], &key);
	if (!code)
		code = put(cli, &key);
	if (code)
		return code;
	running = ask_quietly(cli, "repin", &keys);
	keys_fingerprint(&key, fingerprint);
	if (cli->json)
		cli_print_json(json_pack("{s:s, s:b}", "fingerprint", fingerprint, "running",
					 (int)running));
	else
		printf("The hub is the one with the fingerprint %s%s.\n", fingerprint,
		       running ? "; it is dialled now"
			       : "; the daemon, which does not run, will dial it");
	json_decref(keys);
	return LAUNCH_DONE;
}
