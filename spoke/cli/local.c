/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands for the files of this branch (get, set, add, del, edit, fsck) and its process (pid,
 * reload, stop).
 */
#include <signal.h>

#include "shared/base/file.h"
#include "shared/cli/networks.h"
#include "shared/conf/change.h"
#include "shared/conf/fsck.h"
#include "shared/keys/keys.h"
#include "spoke/cli/cli.h"
#include "spoke/config.h"
#include "spoke/control/cache.h"

#define REQUEST_TIMEOUT_MS 10000u

static enum err check(const struct paths *paths, char why[512])
{
	struct spoke_config c;
	enum err e = spoke_config_load(&c, paths, NULL);

	if (e)
		snprintf(why, 512, "%s", c.raw.error[0] ? c.raw.error : err_str(e));
	spoke_config_fini(&c);
	return e;
}

static struct conf_files files_of(const struct cli *cli, const struct args *a)
{
	return (struct conf_files){ .program = "branchline-spoke",
				    .kind = CONF_SPOKE,
				    .paths = cli->paths,
				    .main = "spoke.conf",
				    .check = check,
				    .json = cli->json,
				    .dry_run = args_has(a, "--dry-run") };
}

int cmd_get(struct cli *cli, struct args *a)
{
	struct conf_files f = files_of(cli, a);

	return conf_get(&f, a);
}

int cmd_set(struct cli *cli, struct args *a)
{
	struct conf_files f = files_of(cli, a);

	return conf_change(&f, a, CONF_EDIT_SET);
}

int cmd_add(struct cli *cli, struct args *a)
{
	struct conf_files f = files_of(cli, a);

	return conf_change(&f, a, CONF_EDIT_ADD);
}

int cmd_del(struct cli *cli, struct args *a)
{
	struct conf_files f = files_of(cli, a);

	return conf_change(&f, a, CONF_EDIT_DEL);
}

int cmd_edit(struct cli *cli, struct args *a)
{
	struct conf_files f = files_of(cli, a);

	return conf_editor(&f, a);
}

/* --- fsck --- */

/* False when there are no keys to go on with. */
static bool check_keys(struct fsck *f, const struct spoke_config *c, struct keys *k)
{
	struct public_key pin;
	bool there = fsck_secret(f, c->identity_key_file);
	enum err e;

	there = fsck_secret(f, c->tunnel_key_file) && there;
	e = there ? keys_read(k, c->identity_key_file, c->tunnel_key_file) : ERR_OK;
	there = there && !e;
	if (e)
		fsck_error(f, f->paths->etc, "the keys cannot be used: %s; join again", err_str(e));
	else if (there)
		keys_forget_secrets(k);
	e = keys_read_public(c->hub_pin_file, &pin);
	if (e)
		fsck_error(f, c->hub_pin_file, "no hub is believed without it: %s; join again",
			   err_str(e));
	return there;
}

/* Are the keys those that the hub last said are this node's? Not while they are being replaced:
 * then the directory may name either. */
static void check_own(struct fsck *f, const struct spoke_config *c, const struct cache *cache,
		      const struct keys *own)
{
	const struct node *n = directory_find(&cache->dir, cache->welcome.id);
	char next[2][PATHS_FILE_SIZE + 8];

	snprintf(next[0], sizeof(next[0]), "%s.next", c->identity_key_file);
	snprintf(next[1], sizeof(next[1]), "%s.next", c->tunnel_key_file);
	if (!n || file_exists(next[0]) || file_exists(next[1]))
		return;
	if (n->has_identity && !public_key_equal(&n->identity_key, &own->identity_public))
		fsck_error(f, c->identity_key_file,
			   "it is not the key that the hub knows %s by: put the right one back, or "
			   "join again with --force",
			   n->name);
	if (n->has_tunnel && !public_key_equal(&n->tunnel_key, &own->tunnel_public))
		fsck_error(f, c->tunnel_key_file,
			   "it is not the key that the directory has for %s: put the right one "
			   "back, or join again with --force",
			   n->name);
}

/* Without a cache the hub is asked; with a bad one, too. */
static void check_cache(struct fsck *f, const struct spoke_config *c, const struct keys *own)
{
	struct cache cache;
	struct buf b;
	enum err e;

	cache_init(&cache);
	buf_init(&b, 64u << 20);
	e = file_read(c->cache_file, &b);
	if (!e)
		e = cache_decode(&cache, buf_data(&b), buf_len(&b));
	if (e == ERR_NOTFOUND)
		fsck_warn(f, c->cache_file,
			  "there is none: the daemon needs the hub at its next start");
	else if (e)
		fsck_error(f, c->cache_file,
			   "it cannot be used: %s; remove it, and the hub is asked", err_str(e));
	else if (own)
		check_own(f, c, &cache, own);
	buf_fini(&b);
	cache_fini(&cache);
}

/* The hub must be dialled somewhere. */
static void check_hubs(struct fsck *f, const struct spoke_config *c)
{
	for (unsigned i = 0; i < c->n_hubs; i++)
		if (c->hubs[i].n_addresses)
			return;
	fsck_error(f, f->paths->etc,
		   "no ConnectTo line names a node whose file in hosts has an Address: the hub "
		   "cannot be dialled");
}

int cmd_fsck(struct cli *cli, struct args *a)
{
	struct fsck f = { .program = "branchline-spoke",
			  .kind = CONF_SPOKE,
			  .paths = cli->paths,
			  .json = cli->json,
			  .fix = args_has(a, "--fix") };
	static struct spoke_config c;
	struct keys own;
	bool there;
	enum err e;

	fsck_begin(&f);
	fsck_config(&f, "spoke.conf");
	fsck_folders(&f);
	fsck_scripts(&f);
	e = spoke_config_load(&c, cli->paths, NULL);
	/* What the table finds is told already. */
	if (e && f.errors == 0)
		fsck_error(&f, cli->paths->etc, "%s", c.raw.error);
	if (c.host_warning[0] && f.errors == 0)
		fsck_warn(&f, cli->paths->etc, "%s", c.host_warning);
	if (!e)
		check_hubs(&f, &c);
	there = check_keys(&f, &c, &own);
	check_cache(&f, &c, there ? &own : NULL);
	spoke_config_fini(&c);
	return fsck_end(&f);
}

/* --- the process --- */

static const char *pid_file(const struct cli *cli, char out[PATHS_FILE_SIZE])
{
	return cli->launch->pid_file ? cli->launch->pid_file
				     : paths_join(out, cli->paths->run, "spoke.pid");
}

static int send_signal(const struct cli *cli, int signo)
{
	struct launch l = *cli->launch;
	char path[PATHS_FILE_SIZE];

	l.kill_signal = signo;
	return launch_signal(&l, pid_file(cli, path));
}

int cmd_network(struct cli *cli, struct args *a)
{
	const struct networks x = { cli->launch->program, "spoke.conf", "spoke.pid",
				    launch_running };

	(void)a;
	return networks_show(&x, cli->json);
}

int cmd_pid(struct cli *cli, struct args *a)
{
	char path[PATHS_FILE_SIZE];

	(void)a;
	return launch_print_pid(cli->launch->program, pid_file(cli, path));
}

int cmd_reload(struct cli *cli, struct args *a)
{
	(void)a;
	return send_signal(cli, SIGHUP);
}

int cmd_stop(struct cli *cli, struct args *a)
{
	(void)a;
	return send_signal(cli, SIGTERM);
}

int cmd_restart(struct cli *cli, struct args *a)
{
	char path[PATHS_FILE_SIZE];

	(void)a;
	return launch_restart(cli->launch->program, cli->paths->net, cli->paths->etc,
			      pid_file(cli, path));
}

int cmd_debug(struct cli *cli, struct args *a)
{
	json_t *answer;
	uint64_t level;
	int code;

	if (args_number(a, "the level", a->words[0], 0, 5, &level))
		return cli_usage("%s", a->error);
	code = cli_ask(cli, json_pack("{s:s, s:I}", "cmd", "debug", "level", (json_int_t)level),
		       REQUEST_TIMEOUT_MS, &answer);
	if (code)
		return code;
	if (!cli->json)
		printf("the log level is now %d, it was %lld\n", (int)level,
		       (long long)json_integer_value(json_object_get(answer, "before")));
	else
		cli_print_json(json_incref(answer));
	json_decref(answer);
	return code;
}

int cmd_retry(struct cli *cli, struct args *a)
{
	json_t *answer;
	int code = cli_ask(cli, json_pack("{s:s}", "cmd", "retry"), REQUEST_TIMEOUT_MS, &answer);

	(void)a;
	if (code)
		return code;
	if (!cli->json)
		printf("link: %s\n", json_string_value(json_object_get(answer, "link")));
	else
		cli_print_json(json_incref(answer));
	json_decref(answer);
	return code;
}

int cmd_disconnect(struct cli *cli, struct args *a)
{
	json_t *answer;
	int code = cli_ask(cli, json_pack("{s:s, s:s}", "cmd", "disconnect", "node", a->words[0]),
			   REQUEST_TIMEOUT_MS, &answer);

	if (code)
		return code;
	if (cli->json)
		cli_print_json(json_incref(answer));
	else if (json_integer_value(json_object_get(answer, "forgotten")))
		printf("%s: disconnected, until there is traffic\n", a->words[0]);
	else
		printf("%s: the data plane does not have it\n", a->words[0]);
	if (json_integer_value(json_object_get(answer, "forgotten")) == 0)
		code = LAUNCH_FAILED;
	json_decref(answer);
	return code;
}

int cmd_purge(struct cli *cli, struct args *a)
{
	json_t *answer;
	int code = cli_ask(cli, json_pack("{s:s}", "cmd", "purge"), REQUEST_TIMEOUT_MS, &answer);
	json_int_t n;

	(void)a;
	if (code)
		return code;
	n = json_integer_value(json_object_get(answer, "forgotten"));
	if (cli->json)
		cli_print_json(json_incref(answer));
	else if (!n)
		printf("no node is without an answer: nothing is forgotten\n");
	else
		printf("%lld %s not answer: what was learnt of %s is forgotten\n", (long long)n,
		       n == 1 ? "node does" : "nodes do", n == 1 ? "it" : "them");
	json_decref(answer);
	return code;
}
