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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/api/auth.h"
#include "hub/change.h"
#include "hub/config.h"
#include "hub/https_cert.h"
#include "hub/init_report.h"
#include "shared/keys/keys.h"
#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/base/hostport.h"
#include "shared/base/log.h"
#include "shared/monitor/launch.h"
#include "shared/monitor/sandbox.h"

#define PEM_MAX_BYTES 16384u
#define KEEPALIVE_S   25u /* spokes towards the hub: mappings of NAT boxes live 30 s and more */

struct init {
	const struct paths *paths;
	struct init_options o;
	struct sandbox_user user;
	char etc_parent[PATHS_DIR_SIZE], state_parent[PATHS_DIR_SIZE];
	bool made_etc_parent, made_state_parent;
	char etc[PATHS_FILE_SIZE], state[PATHS_FILE_SIZE]; /* the temporary folders; empty: none */
	bool state_in_place;
	struct keys keys;
	struct node hub;
	char token[AUTH_TOKEN_MAX_CHARS];
	int code; /* exit code of a failure */
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

/* The folder that a path stands in, slashes at its end left aside. */
static void parent_of(const char *path, char out[PATHS_DIR_SIZE])
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	while (n > 1 && path[n - 1] == '/')
		n--;
	snprintf(out, PATHS_DIR_SIZE, "%.*s", n ? (int)n : 1, n ? path : ".");
}

/* True when the folder is not there, or nothing is in it: then a rename can put ours in its place.
 */
static bool is_free(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	bool empty = true;

	if (!d)
		return errno == ENOENT;
	while (empty && (entry = readdir(d)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(d);
	return empty;
}

/* Step 1. */
static enum err refuse_existing(struct init *in)
{
	char path[PATHS_FILE_SIZE];

	if (file_exists(paths_join(path, in->paths->etc, "hub.conf")))
		return fail(in, LAUNCH_REFUSED, "network %s exists already: %s", in->paths->net,
			    path);
	if (file_exists(paths_join(path, in->paths->state, "directory.db")))
		return fail(in, LAUNCH_REFUSED,
			    "there is a database of a network %s already, without its "
			    "configuration: %s. Move it "
			    "away if it is no longer needed.",
			    in->paths->net, path);
	if (!is_free(in->paths->etc))
		return fail(in, LAUNCH_REFUSED,
			    "%s is there already and not empty; move its contents away, and back "
			    "after init",
			    in->paths->etc);
	if (!is_free(in->paths->state))
		return fail(in, LAUNCH_REFUSED,
			    "%s is there already and not empty; move its contents away",
			    in->paths->state);
	return ERR_OK;
}

static enum err find_user(struct init *in)
{
	enum err e;

	if (geteuid() !=
	    0) { /* somebody's own experiment: everything belongs to the one who runs it */
		in->user = (struct sandbox_user){ geteuid(), getegid() };
		return ERR_OK;
	}
	e = sandbox_find_user(in->o.user, &in->user);
	if (e == ERR_NOTFOUND)
		return fail(in, LAUNCH_FAILED,
			    "there is no user %s; make it with: useradd --system --no-create-home "
			    "--shell "
			    "/usr/sbin/nologin %s",
			    in->o.user, in->o.user);
	return e ? fail(in, LAUNCH_FAILED, "user %s: %s", in->o.user, err_str(e)) : ERR_OK;
}

/* A temporary folder beside `target`, so that a rename puts it there. */
static enum err make_beside(struct init *in, const char *target, char parent[PATHS_DIR_SIZE],
			    bool *made_parent, char out[PATHS_FILE_SIZE])
{
	char template[PATHS_FILE_SIZE];
	enum err e;

	parent_of(target, parent);
	*made_parent = !file_exists(parent);
	e = file_make_dir(parent, 0755);
	if (e)
		return fail_file(in, parent, e);
	paths_join(template, parent, ".branchline-init-XXXXXX");
	if (!mkdtemp(template))
		return fail(in, LAUNCH_FAILED, "%s: %s", parent, strerror(errno));
	memcpy(out, template, PATHS_FILE_SIZE);
	return ERR_OK;
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
	struct store_audit entry = { "init", "api-token.create", "api-token:admin",
				     "{\"role\":\"admin\"}" };
	enum err e;

	auth_token_new(in->token);
	auth_token_hash(in->token, t.hash);
	e = store_api_token_put(s, &t);
	return e ? e : store_audit_add(s, &entry);
}

/* Everything in the store. A failure that has said nothing yet is told by the caller. */
static enum err fill_store(struct init *in, struct store *s)
{
	enum err e = put_settings(in, s);

	if (!e)
		e = add_hub(in, s);
	return e ? e : add_api_token(in, s);
}

/* The state folder belongs to the user of the workers. */
static enum err give_away(struct init *in)
{
	static const char *const names[] = { "directory.db", "presence.db" };
	char path[PATHS_FILE_SIZE];

	if (geteuid() != 0)
		return ERR_OK;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (chown(paths_join(path, in->state, names[i]), in->user.uid, in->user.gid))
			return fail(in, LAUNCH_FAILED, "%s: %s", path, strerror(errno));
	if (chown(in->state, in->user.uid, in->user.gid))
		return fail(in, LAUNCH_FAILED, "%s: %s", in->state, strerror(errno));
	return ERR_OK;
}

/* Step 2. */
static enum err make_state(struct init *in)
{
	struct store *s = NULL;
	enum err e = make_beside(in, in->paths->state, in->state_parent, &in->made_state_parent,
				 in->state);

	if (e)
		return e;
	e = store_create(in->state);
	if (!e)
		e = store_open(in->state, &s);
	if (!e)
		e = fill_store(in, s);
	if (e && !in->code)
		fail(in, LAUNCH_FAILED, "database: %s%s%s", err_str(e), s ? ": " : "",
		     s ? store_error(s) : "");
	store_close(s);
	return e ? e : give_away(in);
}

/* One private key as base64 on a line. */
static enum err write_key(struct init *in, const char *name, const struct secret_key *key)
{
	char text[KEY_BASE64_SIZE + 1], path[PATHS_FILE_SIZE];
	enum err e;

	base64_encode(key->b, KEY_BYTES, text);
	text[KEY_BASE64_SIZE - 1] = '\n';
	e = file_write_atomic(paths_join(path, in->etc, name), text, KEY_BASE64_SIZE, 0600);
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
	else if ((e = file_write_atomic(paths_join(path, in->etc, "https.key"), buf_data(&key),
					buf_len(&key), 0600)) ||
		 (e = file_write_atomic(paths_join(path, in->etc, "https.crt"), buf_data(&cert),
					buf_len(&cert), 0644)))
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
	paths_join(path, in->etc, "hub.conf");
	if (!e)
		e = file_write_atomic(path, buf_data(&b), buf_len(&b), 0644);
	buf_fini(&b);
	return e ? fail_file(in, path, e) : ERR_OK;
}

/* Step 3. */
static enum err make_etc(struct init *in)
{
	char path[PATHS_FILE_SIZE];
	enum err e = make_beside(in, in->paths->etc, in->etc_parent, &in->made_etc_parent, in->etc);

	if (!e)
		e = write_key(in, "identity.key", &in->keys.identity);
	if (!e)
		e = write_key(in, "tunnel.key", &in->keys.tunnel);
	if (!e)
		e = write_https(in);
	if (!e)
		e = write_conf(in);
	if (!e && mkdir(paths_join(path, in->etc, "hosts"), 0755))
		return fail(in, LAUNCH_FAILED, "%s: %s", path, strerror(errno));
	if (!e && chmod(in->etc, 0755))
		return fail(in, LAUNCH_FAILED, "%s: %s", in->etc, strerror(errno));
	return e;
}

/* A rename is on the disk when its folder is. */
static void sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fsync(fd))
		log_warn("%s: %s", path, strerror(errno));
	close(fd);
}

/* Step 4. */
static enum err put_in_place(struct init *in)
{
	if (rename(in->state, in->paths->state))
		return fail(in, LAUNCH_FAILED, "%s: %s", in->paths->state, strerror(errno));
	in->state_in_place = true;
	sync_dir(in->state_parent);
	if (rename(in->etc, in->paths->etc))
		return fail(in, LAUNCH_FAILED, "%s: %s", in->paths->etc, strerror(errno));
	sync_dir(in->etc_parent);
	return ERR_OK;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* After a failure: nothing of it stays, not even a folder that was made for it. */
static void clean_up(struct init *in)
{
	const char *state = in->state_in_place ? in->paths->state : in->state;

	if (state[0] && nftw(state, remove_entry, 8, FTW_DEPTH | FTW_PHYS))
		log_warn("%s: %s", state, strerror(errno));
	if (in->etc[0] && nftw(in->etc, remove_entry, 8, FTW_DEPTH | FTW_PHYS))
		log_warn("%s: %s", in->etc, strerror(errno));
	if (in->made_state_parent)
		rmdir(in->state_parent);
	if (in->made_etc_parent)
		rmdir(in->etc_parent);
}

static enum err make_all(struct init *in)
{
	enum err e = refuse_existing(in);

	if (!e)
		e = find_user(in);
	if (e)
		return e;
	if (keys_generate(&in->keys))
		return fail(in, LAUNCH_FAILED, "the crypto library failed to make keys");
	e = make_state(in);
	if (!e)
		e = make_etc(in);
	return e ? e : put_in_place(in);
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
		clean_up(in);
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
		struct init_report report = { paths, &in->o, &in->hub, &in->keys.identity_public,
					      in->token };

		e = init_report_print(&report);
		code = e ? LAUNCH_FAILED : LAUNCH_DONE;
	}
	node_fini(&in->hub);
	secret_zero(in, sizeof(*in));
	free(in);
	return code;
}
