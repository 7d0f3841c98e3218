/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's own identity key and its replacement. */
#include <inttypes.h>
#include <stdio.h>

#include "hub/cli/show.h"
#include "shared/base/args.h"

#define PATH          "/api/v1/hub/identity"
#define MISSING_SHOWN 20u

static void print_missing(const json_t *x)
{
	const json_t *list = json_object_get(x, "missing"), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		if (i == MISSING_SHOWN) {
			printf("  ... (all of them: --json)\n");
			return;
		}
		printf("  %s%s\n", call_str(row, "name"),
		       call_bool(row, "online") ? "" : " (away)");
	}
}

static void print_identity(const json_t *x)
{
	const bool overlap = call_str_or_null(x, "next_fingerprint") != NULL;
	char text[96];

	show_line("fingerprint", call_str(x, "fingerprint"));
	show_line("public key", call_str(x, "public_key"));
	show_line("made at", call_str(x, "created_at"));
	show_line("state", call_str(x, "state"));
	if (overlap) {
		show_line("next fingerprint", call_str(x, "next_fingerprint"));
		show_line("next public key", call_str(x, "next_public_key"));
		show_line("in force at", call_str(x, "overlap_until"));
	}
	snprintf(text, sizeof(text), "%" PRId64 " of %" PRId64 " branches", call_int(x, "known_by"),
		 call_int(x, "spokes"));
	show_line(overlap ? "next known by" : "known by", text);
	if (!json_array_size(json_object_get(x, "missing")))
		return;
	printf("%s:\n", overlap ? "not yet confirmed by"
				: "has not been back with the present key (branchline-spoke pin)");
	print_missing(x);
}

int cmd_identity_show(struct cli *cli, struct args *a)
{
	(void)a;
	return show_item(cli, PATH, print_identity);
}

/* One change, and a sentence for people. */
static int change(struct cli *cli, const char *method, const char *path, json_t *body,
		  const char *done, const char *could)
{
	json_t *answer;
	int code = call_api(cli, method, path, body, 0, &answer);

	json_decref(body);
	return code ? code : show_change(cli, answer, "The hub's identity key", done, could);
}

int cmd_identity_rotate(struct cli *cli, struct args *a)
{
	json_t *body = json_object();
	uint64_t overlap_s;

	if (args_has(a, "--overlap")) {
		if (args_uint(a, "--overlap", 1, UINT32_MAX, 0, &overlap_s)) {
			json_decref(body);
			return call_usage("%s", a->error);
		}
		json_object_set_new(body, "overlap_s", json_integer((json_int_t)overlap_s));
	}
	return change(cli, "POST", PATH "/rotate", body,
		      "is being replaced; who knows the next one: branchline-hub identity show",
		      "could be replaced");
}

int cmd_identity_finish(struct cli *cli, struct args *a)
{
	json_t *body = json_pack("{s:b}", "force", (int)args_has(a, "--force"));

	return change(cli, "POST", PATH "/finish", body, "is the next one now",
		      "could be the next one now");
}

int cmd_identity_cancel(struct cli *cli, struct args *a)
{
	(void)a;
	return change(cli, "DELETE", PATH, NULL, "stays as it is", "could stay as it is");
}
