/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branchline-spoke rotate-key: this branch replaces its own keys, while it is connected. */
#include <string.h>
#include <time.h>

#include "shared/base/clock.h"
#include "spoke/cli/cli.h"

#define ROTATE_TIMEOUT_MS 5000u  /* of one question to the daemon */
#define ROTATE_WAIT_MS    15000u /* for the hub to take the keys */
#define ROTATE_AGAIN_MS   200u

static const char *phase_of(const json_t *keys)
{
	const char *s = json_string_value(json_object_get(keys, "phase"));

	return s ? s : "";
}

/* Asks again until the hub has taken the keys, an admin has to approve them, or it takes too long.
 */
static int wait_taken(const struct cli *cli, json_t **keys)
{
	const struct timespec pause = { .tv_nsec = ROTATE_AGAIN_MS * 1000000l };
	uint64_t until = clock_now_ms() + ROTATE_WAIT_MS;
	int code;

	for (;;) {
		code = cli_ask(cli, json_pack("{s:s}", "cmd", "keys"), ROTATE_TIMEOUT_MS, keys);
		if (code || strcmp(phase_of(*keys), "overlap") == 0 ||
		    strcmp(phase_of(*keys), "stable") == 0 ||
		    json_is_true(json_object_get(*keys, "waits")) || clock_now_ms() >= until)
			return code;
		json_decref(*keys);
		nanosleep(&pause, NULL);
	}
}

static void print_outcome(const json_t *keys)
{
	const json_t *left = json_object_get(keys, "overlap_s");

	if (strcmp(phase_of(keys), "overlap") == 0)
		printf("The hub has taken the new keys; those of before are retired in %lld s.\n",
		       (long long)json_integer_value(left));
	else if (strcmp(phase_of(keys), "stable") == 0)
		printf("The hub did not take the new keys; the log says why. The present ones "
		       "stay.\n");
	else if (json_is_true(json_object_get(keys, "waits")))
		printf("The new keys wait for an admin of the hub: branchline-hub key approve.\n");
	else
		printf("The new keys are made, and are proposed to the hub when the link is up.\n");
}

int cmd_rotate_key(struct cli *cli, struct args *a)
{
	bool identity = args_has(a, "--identity"), tunnel = args_has(a, "--tunnel") || !identity;
	json_t *keys = NULL;
	int code = cli_ask(cli,
			   json_pack("{s:s, s:b, s:b}", "cmd", "rotate-key", "tunnel", (int)tunnel,
				     "identity", (int)identity),
			   ROTATE_TIMEOUT_MS, &keys);

	if (code)
		return code;
	json_decref(keys);
	code = wait_taken(cli, &keys);
	if (code)
		return code;
	if (strcmp(phase_of(keys), "stable") == 0)
		code = LAUNCH_REFUSED;
	if (cli->json)
		cli_print_json(json_incref(keys));
	else
		print_outcome(keys);
	json_decref(keys);
	return code;
}
