/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branchline-spoke join TOKEN: makes this machine a node of a network. Nothing is written before
 * the hub has said yes. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "spoke/cli/cli.h"
#include "spoke/cli/install.h"
#include "spoke/cli/join_link.h"

#define JOIN_TIMEOUT_S     30
#define JOIN_TIMEOUT_MAX_S 3600

struct join_args {
	char *token; /* "-": from standard input */
	int timeout_s;
	const char *name;  /* --name; NULL: as an older spoke.conf or the machine says */
	const char *proxy; /* --proxy; NULL: as an older spoke.conf says */
	bool force;
	bool as_json;
};

static int read_args(struct cli *cli, struct args *args, struct join_args *a)
{
	uint64_t timeout_s;

	if (args_uint(args, "--timeout", 1, JOIN_TIMEOUT_MAX_S, JOIN_TIMEOUT_S, &timeout_s))
		return cli_usage("%s", args->error);
	if (args_get(args, "--name") && !name_is_valid(args_get(args, "--name")))
		return cli_usage("--name: a name has 1 to %u letters, digits, \"_\", \"-\" and "
				 "\".\", and does not begin with \"-\" or \".\"",
				 NAME_MAX_BYTES);
	/* It points into argv, where it is zeroed later. */
	*a = (struct join_args){ .token = (char *)(uintptr_t)args->words[0],
				 .timeout_s = (int)timeout_s,
				 .name = args_get(args, "--name"),
				 .proxy = args_get(args, "--proxy"),
				 .force = args_has(args, "--force"),
				 .as_json = cli->json };
	return LAUNCH_DONE;
}

/* The token's text, from the argument or the first line of standard input, into `out`. */
static bool read_token(const char *arg, char out[JOIN_TOKEN_MAX_CHARS + 4])
{
	if (strcmp(arg, "-") == 0)
		return fgets(out, JOIN_TOKEN_MAX_CHARS + 4, stdin) != NULL;
	return snprintf(out, JOIN_TOKEN_MAX_CHARS + 4, "%s", arg) < (int)JOIN_TOKEN_MAX_CHARS + 4;
}

/*
 * Decodes the token, and says in its own words for each case what is wrong with it. The argument is
 * overwritten, so that the secret does not stand in the process list while the hub is asked.
 */
static int take_token(const struct launch *l, char *arg, struct join_token *t)
{
	char text[JOIN_TOKEN_MAX_CHARS + 4];
	enum err e = read_token(arg, text) ? token_decode(text, t) : ERR_INVALID;

	secret_zero(text, sizeof(text));
	secret_zero(arg, strlen(arg));
	if (e == ERR_OK && l->net && strcmp(l->net, t->network) != 0) {
		fprintf(stderr, "%s: the token is for network %s, not for %s\n", l->program,
			t->network, l->net);
		return LAUNCH_REFUSED;
	}
	if (e == ERR_OK)
		return LAUNCH_DONE;
	if (e == ERR_TRUNCATED)
		fprintf(stderr, "%s: the token is cut short or mistyped; copy the whole line\n",
			l->program);
	else if (e == ERR_VERSION)
		fprintf(stderr,
			"%s: the token was made by a later version of the hub; this program is "
			"%s\n",
			l->program, BRANCHLINE_VERSION);
	else
		fprintf(stderr,
			"%s: this is not a join token; it begins with bl1_ and is what "
			"\"branchline-hub node add\" prints\n",
			l->program);
	return LAUNCH_REFUSED;
}

/* What must hold on this machine before anybody is asked. An older spoke.conf is read into c->raw:
 * its lines stay in force. */
static int check_machine(const struct launch *l, const struct join_args *a, struct spoke_config *c)
{
	char path[PATHS_FILE_SIZE];
	enum err e;

	if (geteuid() != 0) {
		fprintf(stderr, "%s: join must be run as root\n", l->program);
		return LAUNCH_FAILED;
	}
	if (install_is_joined(c) && !a->force) {
		fprintf(stderr,
			"%s: this machine has joined network %s already (%s); join --force joins "
			"it anew and keeps the old files aside\n",
			l->program, c->paths.net, c->identity_key_file);
		return LAUNCH_REFUSED;
	}
	e = config_read(&c->raw, paths_join(path, c->paths.etc, "spoke.conf"), CONFIG_SERVER);
	if (e && e != ERR_NOTFOUND && file_exists(path)) {
		fprintf(stderr, "%s: %s\n", l->program, c->raw.error);
		return LAUNCH_FAILED;
	}
	return LAUNCH_DONE;
}

/* The proxy to go through: the option's, or the older spoke.conf's. */
static int choose_proxy(const struct launch *l, const struct join_args *a, struct spoke_config *c)
{
	const char *why;

	if (!a->proxy) {
		if (spoke_config_proxy(c) == ERR_OK)
			return LAUNCH_DONE;
		fprintf(stderr, "%s: %s\n", l->program, c->raw.error);
		return LAUNCH_FAILED;
	}
	if (proxy_parse(a->proxy, &c->proxy, &why)) {
		fprintf(stderr, "%s: --proxy: %s\n", l->program, why);
		return LAUNCH_USAGE;
	}
	if (!c->proxy.password[0])
		return LAUNCH_DONE;
	fprintf(stderr,
		"%s: a proxy's password does not belong on the command line, where everybody can "
		"see "
		"it; write the line \"Proxy = ...\" into %s/spoke.conf (mode 0640) before the "
		"join\n",
		l->program, c->paths.etc);
	return LAUNCH_USAGE;
}

static json_t *addresses_json(const struct node *n)
{
	json_t *list = json_array();
	char text[ADDR_STR_SIZE];

	for (int i = 0; i < 2; i++)
		if (n->addresses[i].family)
			json_array_append_new(list,
					      json_string(addr_format(&n->addresses[i], text)));
	return list;
}

static json_t *subnets_json(const struct node *n)
{
	json_t *list = json_array();
	char text[PREFIX_STR_SIZE];

	for (uint32_t i = 0; i < n->n_subnets; i++)
		json_array_append_new(list,
				      json_string(prefix_format(&n->subnets[i].prefix, text)));
	return list;
}

static void print_joined(const struct launch *l, const struct join_args *a,
			 const struct spoke_config *c, const struct cache *cache)
{
	const struct node *self = cache_self(cache);
	char text[ENDPOINT_STR_SIZE];
	const char *hub_at = endpoint_is_set(&cache->last_good)
				     ? endpoint_format(&cache->last_good, text)
				     : "an address that the proxy knows";
	json_t *item;
	size_t i;
	json_t *j = json_pack("{s:s, s:s, s:i, s:o, s:o, s:s, s:s, s:I, s:s}", "network",
			      c->paths.net, "name", self->name, "id", (int)self->id, "addresses",
			      addresses_json(self), "subnets", subnets_json(self), "hub",
			      cache->welcome.hub_name, "hub_address", hub_at, "revision",
			      (json_int_t)cache->dir.revision, "config", c->paths.etc);

	if (a->as_json) {
		cli_print_json(j);
		return;
	}
	printf("joined network %s as %s\n", c->paths.net, self->name);
	if (a->name && strcmp(a->name, self->name) != 0)
		printf("  note     the token is for node %s, so it is not called %s\n", self->name,
		       a->name);
	json_array_foreach(json_object_get(j, "addresses"), i, item)
		printf("  address  %s\n", json_string_value(item));
	json_array_foreach(json_object_get(j, "subnets"), i, item)
		printf("  subnet   %s\n", json_string_value(item));
	printf("  hub      %s at %s\n  files    %s\n", cache->welcome.hub_name, hub_at,
	       c->paths.etc);
	printf("start it with: %s -n %s run\n", l->program, c->paths.net);
	if (a->force)
		printf("a daemon that is running goes on with the old keys until it is started "
		       "again: %s -n %s -k\n",
		       l->program, c->paths.net);
	json_decref(j);
}

/* What this machine would like to be called: the option, Name of an older spoke.conf, or the host
 * name up to its first dot. "": none of them is a name. */
static void choose_name(const struct join_args *a, const struct spoke_config *c,
			char name[NAME_SIZE])
{
	const char *wanted = a->name ? a->name : config_str(&c->raw, "Name");
	char host[NAME_SIZE] = "";

	if (!wanted && gethostname(host, sizeof(host) - 1) == 0) {
		host[strcspn(host, ".")] = '\0';
		wanted = host;
	}
	snprintf(name, NAME_SIZE, "%s", wanted && name_is_valid(wanted) ? wanted : "");
}

/* From the checked token to the files. */
static int join(const struct launch *l, const struct join_args *a, const struct join_token *t,
		struct spoke_config *c)
{
	char name[NAME_SIZE];
	struct keys keys;
	struct cache cache;
	struct join_request rq = { .token = t,
				   .keys = &keys,
				   .name = name,
				   .proxy = &c->proxy,
				   .family = AF_UNSPEC,
				   .timeout_ms = (unsigned)a->timeout_s * 1000 };
	struct install in = { .c = c,
			      .keys = &keys,
			      .token = t,
			      .cache = &cache,
			      .proxy = a->proxy,
			      .user = config_str(&c->raw, "User") };
	char why[512] = "";
	int code = LAUNCH_FAILED;

	choose_name(a, c, name);
	cache_init(&cache);
	if (keys_generate(&keys)) {
		fprintf(stderr, "%s: the keys could not be made\n", l->program);
		goto out;
	}
	code = join_link_run(&rq, &cache, why);
	if (code == LAUNCH_DONE && install_write(&in, why))
		code = LAUNCH_FAILED;
	if (code)
		fprintf(stderr, "%s: %s\n", l->program, why);
	else
		print_joined(l, a, c, &cache);
out:
	keys_forget_secrets(&keys);
	cache_fini(&cache);
	return code;
}

int cmd_join(struct cli *cli, struct args *args)
{
	const struct launch *l = cli->launch;
	struct join_args a = { 0 };
	struct join_token t;
	struct spoke_config c;
	struct paths paths;
	int code = read_args(cli, args, &a);

	if (code)
		return code;
	code = take_token(l, a.token, &t);
	if (code)
		return code;
	if (paths_init(&paths, t.network, l->config_dir)) {
		fprintf(stderr, "%s: the path of the configuration is too long\n", l->program);
		secret_zero(&t, sizeof(t));
		return LAUNCH_FAILED;
	}
	spoke_config_init(&c, &paths);
	code = check_machine(l, &a, &c);
	if (code == LAUNCH_DONE)
		code = choose_proxy(l, &a, &c);
	if (code == LAUNCH_DONE)
		code = join(l, &a, &t, &c);
	spoke_config_fini(&c);
	secret_zero(&t, sizeof(t));
	return code;
}
