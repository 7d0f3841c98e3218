/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * init, step by step. Nothing has its final name before step 4, and a failure anywhere removes what
 * was made.
 *
 *   1. refuse when there is something already
 *   2. the state folder in a temporary place: databases, settings, the hub's node, an API token
 *   3. the configuration folder likewise: keys, certificate, hub.conf, hosts/
 *   4. rename the state folder, then the configuration folder: its hub.conf makes the network be
 */
#include "hub/init.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/api/auth.h"
#include "hub/api/password.h"
#include "hub/change.h"
#include "hub/config.h"
#include "hub/https_cert.h"
#include "hub/init_report.h"
#include "hub/place.h"
#include "shared/keys/keys.h"
#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/base/hostport.h"
#include "shared/base/log.h"
#include "shared/monitor/launch.h"

#define PEM_MAX_BYTES 16384u
#define KEEPALIVE_S   25u /* spokes towards the hub: mappings of NAT boxes live 30 s and more */

struct init {
	const struct paths *paths;
	struct init_options o;
	struct sandbox_user user;
	struct place place;
	struct keys keys;
	struct node hub;
	char token[AUTH_TOKEN_MAX_CHARS];
	char password[PASSWORD_NEW_SIZE]; /* of the user "admin" */
	int code;                         /* exit code of a failure */
};

/* Says what is wrong; `code` becomes the exit code. Returns an error for the caller to pass on. */
static enum err fail(struct init *in, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum err fail(struct init *in, int code, const char *fmt, ...)
{
	va_list ap;

	in->code = code;
	fputs("branchline-hub: init: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return ERR_INVALID;
}

static enum err fail_file(struct init *in, const char *path, enum err e)
{
	return fail(in, LAUNCH_FAILED, "%s: %s", path, err_str(e));
}

/* The same for what the place says. */
static enum err fail_place(struct init *in, int code)
{
	return fail(in, code, "%s", in->place.error);
}

/* Puts a setting; the value is made by the caller. */
static enum err put_setting(struct store *s, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum err put_setting(struct store *s, const char *key, const char *fmt, ...)
{
	char value[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	return store_setting_put(s, key, value);
}

/* What must be known before the first node is added, and what only control needs. */
static enum err put_settings(struct init *in, struct store *s)
{
	static const char *const keys[2] = { "pool4", "pool6" };
	char lines[NODE_ENDPOINTS_MAX * (ENDPOINT_NAME_SIZE + 1) + 1] = "", text[PREFIX_STR_SIZE];
	size_t at = 0;
	enum err e = put_setting(s, "network", "%s", in->paths->net);

	for (int i = 0; i < 2 && !e; i++)
		if (in->o.pools[i].addr.family)
			e = put_setting(s, keys[i], "%s", prefix_format(&in->o.pools[i], text));
	for (size_t i = 0; i < in->o.n_addresses; i++)
		at += (size_t)snprintf(lines + at, sizeof(lines) - at, "%s\n", in->o.addresses[i]);
	if (!e)
		e = put_setting(s, "hub_addresses", "%s", lines);
	if (!e)
		e = put_setting(s, "mtu", "%u", TUN_MTU_DEFAULT);
	if (!e)
		e = put_setting(s, "keepalive", "%u", KEEPALIVE_S);
	return e ? e : put_setting(s, "udp_port", "%u", in->o.port);
}

/* The hub is the first node; in->hub is it. */
static enum err add_hub(struct init *in, struct store *s)
{
	const char *endpoints[NODE_ENDPOINTS_MAX];
	struct change c = { .store = s, .actor = "init" };
	struct change_node_add add = {
		.name = in->o.name,
		.kind = NODE_HUB,
		.subnets = in->o.subnets,
		.n_subnets = in->o.n_subnets,
		.endpoints = endpoints,
		.n_endpoints = in->o.n_addresses,
		.tunnel_key = &in->keys.tunnel_public,
		.identity_key = &in->keys.identity_public,
		.tunnel_sig = in->keys.tunnel_sig,
		.aes = keys_cpu_has_aes(),
	};

	for (size_t i = 0; i < in->o.n_addresses; i++)
		endpoints[i] = in->o.addresses[i];
	if (change_node_add(&c, &add, &in->hub))
		return fail(in, strncmp(c.code, "store_", 6) == 0 ? LAUNCH_FAILED : LAUNCH_REFUSED,
			    "%s", c.detail);
	return put_setting(s, "hub_id", "%u", in->hub.id);
}

/* The admin's bearer token, of which the store keeps the hash. */
static enum err add_api_token(struct init *in, struct store *s)
{
	struct store_api_token t = { .name = "admin", .role = "admin" };
	struct change c = { .store = s, .actor = "init" };

	auth_token_new(in->token);
	auth_token_hash(in->token, t.hash);
	if (change_api_token_create(&c, &t))
		return fail(in, LAUNCH_FAILED, "%s", c.detail);
	return ERR_OK;
}

/* The first user of the page. */
static enum err add_user(struct init *in, struct store *s)
{
	struct store_user u = { .name = "admin", .role = "admin" };
	struct change c = { .store = s, .actor = "init" };
	enum err e;

	password_new(in->password);
	e = password_hash(in->password, u.password_hash);
	if (e)
		return e;
	if (change_user_add(&c, &u))
		return fail(in, LAUNCH_FAILED, "%s", c.detail);
	return ERR_OK;
}

/* Everything in the store. A failure that has said nothing yet is told by the caller. */
static enum err fill_store(struct init *in, struct store *s)
{
	enum err e = put_settings(in, s);

	if (!e)
		e = add_hub(in, s);
	if (!e)
		e = add_api_token(in, s);
	return e ? e : add_user(in, s);
}

/* Step 2. */
static enum err make_state(struct init *in)
{
	struct store *s = NULL;
	enum err e = place_make_state(&in->place);

	if (e)
		return fail_place(in, LAUNCH_FAILED);
	e = store_create(in->place.state);
	if (!e)
		e = store_open(in->place.state, &s);
	if (!e)
		e = fill_store(in, s);
	if (e && !in->code)
		fail(in, LAUNCH_FAILED, "database: %s%s%s", err_str(e), s ? ": " : "",
		     s ? store_error(s) : "");
	store_close(s);
	if (!e && place_give_state(&in->place, &in->user))
		e = fail_place(in, LAUNCH_FAILED);
	return e;
}

/* One private key as base64 on a line. */
static enum err write_key(struct init *in, const char *name, const struct secret_key *key)
{
	char text[KEY_BASE64_SIZE + 1], path[PATHS_FILE_SIZE];
	enum err e;

	base64_encode(key->b, KEY_BYTES, text);
	text[KEY_BASE64_SIZE - 1] = '\n';
	e = file_write_atomic(paths_join(path, in->place.etc, name), text, KEY_BASE64_SIZE, 0600);
	secret_zero(text, sizeof(text));
	return e ? fail_file(in, path, e) : ERR_OK;
}

/* Adds a name to the list, unless it is there. `list` has room. */
static void add_name(const char **list, size_t *n, const char *name)
{
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;

	if (*n == HTTPS_CERT_NAMES_MAX || hostport_split(name, 1, host, &port) ||
	    strcmp(host, name) != 0)
		return;
	for (size_t i = 0; i < *n; i++)
		if (strcmp(list[i], name) == 0)
			return;
	list[(*n)++] = name;
}

/* Every name under which an admin may open the page. */
static enum err write_https(struct init *in)
{
	const char *names[HTTPS_CERT_NAMES_MAX];
	char hostname[256] = "", path[PATHS_FILE_SIZE];
	struct buf key, cert;
	size_t n = 0;
	enum err e;

	if (gethostname(hostname, sizeof(hostname) - 1))
		hostname[0] = '\0';
	for (size_t i = 0; i < in->o.n_api_names; i++)
		add_name(names, &n, in->o.api_names[i]);
	for (size_t i = 0; i < in->o.n_addresses; i++)
		add_name(names, &n, in->o.hosts[i]);
	add_name(names, &n, hostname);
	add_name(names, &n, "localhost");
	add_name(names, &n, "127.0.0.1");
	add_name(names, &n, "::1");
	buf_init(&key, PEM_MAX_BYTES);
	buf_init(&cert, PEM_MAX_BYTES);
	e = https_cert_make(names, n, &key, &cert);
	if (e)
		fail(in, LAUNCH_FAILED, "HTTPS certificate: %s", err_str(e));
	else if ((e = file_write_atomic(paths_join(path, in->place.etc, "https.key"),
					buf_data(&key), buf_len(&key), 0600)) ||
		 (e = file_write_atomic(paths_join(path, in->place.etc, "https.crt"),
					buf_data(&cert), buf_len(&cert), 0644)))
		fail_file(in, path, e);
	buf_fini(&key);
	buf_fini(&cert);
	return e;
}

static enum err write_conf(struct init *in)
{
	char path[PATHS_FILE_SIZE];
	struct buf b;
	enum err e;

	buf_init(&b, 4096);
	e = buf_printf(&b,
		       "# Branchline hub of the network %s. What nodes, keys and subnets there are "
		       "is in the database, not here.\n"
		       "Name = %s\nPort = %u\n",
		       in->paths->net, in->o.name, (unsigned)in->o.port);
	if (!e && strcmp(in->o.user, "branchline") != 0)
		e = buf_printf(&b, "User = %s\n", in->o.user);
	paths_join(path, in->place.etc, "hub.conf");
	if (!e)
		e = file_write_atomic(path, buf_data(&b), buf_len(&b), 0644);
	buf_fini(&b);
	return e ? fail_file(in, path, e) : ERR_OK;
}

/* Step 3. */
static enum err make_etc(struct init *in)
{
	char path[PATHS_FILE_SIZE];
	enum err e = place_make_etc(&in->place);

	if (e)
		return fail_place(in, LAUNCH_FAILED);
	e = write_key(in, "identity.key", &in->keys.identity);
	if (!e)
		e = write_key(in, "tunnel.key", &in->keys.tunnel);
	if (!e)
		e = write_https(in);
	if (!e)
		e = write_conf(in);
	if (!e && mkdir(paths_join(path, in->place.etc, "hosts"), 0755))
		return fail(in, LAUNCH_FAILED, "%s: %s", path, strerror(errno));
	return e;
}

static enum err make_all(struct init *in)
{
	enum err e;

	if (place_refuse_existing(&in->place))
		return fail_place(in, LAUNCH_REFUSED);
	if (place_find_user(&in->place, in->o.user, &in->user))
		return fail_place(in, LAUNCH_FAILED);
	if (keys_generate(&in->keys))
		return fail(in, LAUNCH_FAILED, "the crypto library failed to make keys");
	e = make_state(in);
	if (!e)
		e = make_etc(in);
	if (!e && place_commit(&in->place))
		e = fail_place(in, LAUNCH_FAILED);
	return e;
}

/* A signal in the middle would leave a half-made folder: they wait until we are through. */
static enum err make_undisturbed(struct init *in)
{
	sigset_t blocked, before;
	enum err e;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	umask(022);
	e = make_all(in);
	if (e)
		place_discard(&in->place);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return e;
}

int init_main(const struct paths *paths, int argc, char **argv)
{
	struct init *in = calloc(1, sizeof(*in));
	int code = LAUNCH_FAILED;
	enum err e;

	if (!in)
		return LAUNCH_FAILED;
	in->paths = paths;
	place_init(&in->place, paths);
	node_init(&in->hub);
	if (init_options_parse(&in->o, argc, argv)) {
		fprintf(stderr, "branchline-hub: init: %s\n", in->o.error);
		code = LAUNCH_USAGE;
	} else if (in->o.help) {
		fputs(init_options_help, stdout);
		code = LAUNCH_DONE;
	} else if (make_undisturbed(in)) {
		code = in->code ? in->code : LAUNCH_FAILED;
	} else {
		struct init_report report = { paths,     &in->o,
					      &in->hub,  &in->keys.identity_public,
					      in->token, in->password };

		e = init_report_print(&report);
		code = e ? LAUNCH_FAILED : LAUNCH_DONE;
	}
	node_fini(&in->hub);
	secret_zero(in, sizeof(*in));
	free(in);
	return code;
}
