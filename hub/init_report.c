/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/init_report.h"

#include <jansson.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/base64.h"

/* The page's address: the first API name or public host. */
static void admin_url(const struct init_report *r, char *out, size_t size)
{
	const char *host =
		r->options->n_api_names ? r->options->api_names[0] : r->options->hosts[0];
	bool v6 = strchr(host, ':') != NULL;

	snprintf(out, size, "https://%s%s%s:%u/", v6 ? "[" : "", host, v6 ? "]" : "",
		 HTTPS_PORT_DEFAULT);
}

/* SHA-256 of the identity key, as it is shown everywhere. */
static void fingerprint(const struct init_report *r, char out[65])
{
	uint8_t digest[32];

	SHA256(r->identity->b, KEY_BYTES, digest);
	hex_encode(digest, sizeof(digest), out);
}

static void print_plain(const struct init_report *r)
{
	char text[ADDR_STR_SIZE], pool[PREFIX_STR_SIZE], url[512], hex[65];

	admin_url(r, url, sizeof(url));
	fingerprint(r, hex);
	printf("Network %s is made; %s is its hub.\n\n", r->paths->net, r->options->name);
	printf("  configuration   %s\n", r->paths->etc);
	printf("  database        %s\n", r->paths->state);
	for (size_t i = 0; i < r->options->n_addresses; i++)
		printf("  branches dial   %s\n", r->options->addresses[i]);
	for (int i = 0; i < 2; i++)
		if (r->options->pools[i].addr.family)
			printf("  IPv%c addresses  %s, the hub has %s\n", i ? '6' : '4',
			       prefix_format(&r->options->pools[i], pool),
			       addr_format(&r->hub->addresses[i], text));
	for (uint32_t i = 0; i < r->hub->n_subnets; i++)
		printf("  behind the hub  %s\n", prefix_format(&r->hub->subnets[i].prefix, pool));
	printf("  fingerprint     %s\n", hex);
	printf("  admin page      %s\n", url);
	printf("  user            admin\n");
	printf("  password        %s\n", r->password);
	printf("  API token       %s\n", r->token);
	printf("\nPassword and token are shown only now: keep them. Start the hub:  branchline-hub "
	       "-n %s run\n",
	       r->paths->net);
	printf("Add a branch:  branchline-hub -n %s node add NAME --subnet PREFIX\n",
	       r->paths->net);
}

static json_t *json_strings(const char *text) { return text ? json_string(text) : json_null(); }

/* The same for scripts. */
static enum err print_json(const struct init_report *r)
{
	char url[512], hex[65], key[KEY_BASE64_SIZE], pools[2][PREFIX_STR_SIZE],
		addresses[2][ADDR_STR_SIZE], *text;
	const char *pool[2] = { NULL }, *address[2] = { NULL };
	json_t *j;

	admin_url(r, url, sizeof(url));
	fingerprint(r, hex);
	base64_encode(r->identity->b, KEY_BYTES, key);
	for (int i = 0; i < 2; i++) {
		if (!r->options->pools[i].addr.family)
			continue;
		pool[i] = prefix_format(&r->options->pools[i], pools[i]);
		address[i] = addr_format(&r->hub->addresses[i], addresses[i]);
	}
	j = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s}",
		      "network", r->paths->net, "name", r->options->name, "id",
		      (json_int_t)r->hub->id, "config", r->paths->etc, "state", r->paths->state,
		      "fingerprint", hex, "identity_key", key, "pool4", json_strings(pool[0]),
		      "pool6", json_strings(pool[1]), "address4", json_strings(address[0]),
		      "address6", json_strings(address[1]), "admin_url", url, "admin_user", "admin",
		      "admin_password", r->password, "api_token", r->token);
	text = j ? json_dumps(j, JSON_INDENT(2)) : NULL;
	json_decref(j);
	if (!text)
		return ERR_NOMEM;
	puts(text);
	secret_zero(text, strlen(text));
	free(text);
	return ERR_OK;
}

enum err init_report_print(const struct init_report *r)
{
	if (r->options->json)
		return print_json(r);
	print_plain(r);
	return ERR_OK;
}
