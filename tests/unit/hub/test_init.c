/* SPDX-License-Identifier: GPL-3.0-or-later */
/* init makes everything or nothing. Files go to a folder of the test; the workers' user is
 * "nobody", who is everywhere. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "hub/api/auth.h"
#include "hub/config.h"
#include "hub/init.h"
#include "shared/keys/keys.h"
#include "shared/base/file.h"
#include "shared/monitor/launch.h"
#include "tests/lib/store_fixture.h"

#define ARGS_MAX 24

static struct paths paths_in(const struct fixture *f)
{
	struct paths p = { .net = "demo" };

	snprintf(p.etc, sizeof(p.etc), "%s/etc/demo", f->dir);
	snprintf(p.state, sizeof(p.state), "%s/state/demo", f->dir);
	snprintf(p.run, sizeof(p.run), "%s/run/demo", f->dir);
	return p;
}

/* Runs init with the words of `line`; what it prints is appended to `out`. */
static int run_init(const struct fixture *f, const char *line, struct buf *out)
{
	struct paths paths = paths_in(f);
	char words[512], *argv[ARGS_MAX + 1] = { (char[]){ "init" } }, *save = NULL, chunk[512];
	int argc = 1, kept[2] = { dup(1), dup(2) }, code;
	FILE *file = tmpfile();
	ssize_t n;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w && argc < ARGS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	assert_non_null(file);
	fflush(NULL);
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	code = init_main(&paths, argc, argv);
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(kept[i], i + 1);
		close(kept[i]);
	}
	lseek(fileno(file), 0, SEEK_SET);
	while ((n = read(fileno(file), chunk, sizeof(chunk))) > 0)
		assert_ok(buf_put(out, chunk, (size_t)n));
	fclose(file);
	return code;
}

static int entries;
static int count_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path, (void)st, (void)type;
	entries += ftw->level > 0;
	return 0;
}

/* Files and folders under `dir`. */
static int count_files(const char *dir)
{
	entries = 0;
	nftw(dir, count_entry, 8, FTW_PHYS);
	return entries;
}

static void assert_mode(const char *dir, const char *name, mode_t mode)
{
	char path[PATHS_FILE_SIZE];
	struct stat st;

	assert_int_equal(stat(paths_join(path, dir, name), &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

/* The token as printed opens the API: its hash is in the store, the token is not. */
static void assert_token(struct store *s, const char *text)
{
	const char *at = strstr(text, AUTH_TOKEN_PREFIX);
	char token[AUTH_TOKEN_MAX_CHARS];
	struct store_api_token row;
	uint8_t hash[32];

	assert_non_null(at);
	snprintf(token, sizeof(token), "%.47s", at);
	auth_token_hash(token, hash);
	assert_ok(store_api_token_find(s, hash, &row));
	assert_string_equal(row.name, "admin");
	assert_string_equal(row.role, "admin");
}

static void makes_a_network(void **state)
{
	struct secret_key identity, tunnel;
	struct hub_config c;
	struct paths paths;
	struct fixture f;
	struct buf out;
	struct node n;
	uint64_t bad = 0;

	(void)state;
	fixture_dir(&f);
	paths = paths_in(&f);
	buf_init(&out, 65536);
	assert_int_equal(run_init(&f,
				  "--name hq --address hq.example.com --address [2001:db8::1]:443 "
				  "--subnet 10.1.0.0/24#5 --port 7000 "
				  "--pool 10.50.0.0/24 --pool6 fd50::/64 --user nobody",
				  &out),
			 LAUNCH_DONE);
	assert_int_equal(count_files(f.dir),
			 12); /* four folders, hosts/, five files of configuration, two databases */
	assert_mode(paths.etc, "", 0755);
	assert_mode(paths.etc, "identity.key", 0600);
	assert_mode(paths.etc, "tunnel.key", 0600);
	assert_mode(paths.etc, "https.key", 0600);
	assert_mode(paths.etc, "https.crt", 0644);
	assert_mode(paths.state, "", 0700);
	assert_mode(paths.state, "directory.db", 0600);

	assert_ok(hub_config_load(&c, &paths, NULL));
	assert_string_equal(c.name, "hq");
	assert_int_equal(c.port, 7000);
	assert_string_equal(c.user, "nobody");
	assert_ok(keys_read_secret(c.identity_key_file, &identity));
	assert_ok(keys_read_secret(c.tunnel_key_file, &tunnel));
	hub_config_fini(&c);

	assert_ok(store_open(paths.state, &f.s));
	assert_ok(store_node_find(f.s, "hq", &n, NULL));
	assert_int_equal(n.kind, NODE_HUB);
	assert_int_equal(n.status, NODE_ACTIVE);
	assert_true(keys_tunnel_is_signed(&n.identity_key, &n.tunnel_key, n.tunnel_sig));
	assert_int_equal(n.addresses[0].b[3], 1);
	assert_int_equal(n.n_subnets, 1);
	assert_int_equal(n.subnets[0].weight, 5);
	assert_string_equal(n.endpoints[0], "hq.example.com 7000");
	assert_string_equal(n.endpoints[1], "2001:db8::1 443");
	node_fini(&n);
	assert_token(f.s, buf_cstr(&out));
	assert_ok(store_check(f.s));
	assert_ok(store_audit_verify(f.s, &bad));
	store_close(f.s);
	f.s = NULL;

	/* Once only, and the second time touches nothing. */
	buf_clear(&out);
	assert_int_equal(run_init(&f, "--name hq --address h --user nobody", &out), LAUNCH_REFUSED);
	assert_non_null(strstr(buf_cstr(&out), "exists already"));
	assert_int_equal(count_files(f.dir), 12);
	buf_fini(&out);
	fixture_close(&f);
}

static void json_output(void **state)
{
	struct fixture f;
	struct buf out;
	json_t *j;

	(void)state;
	fixture_dir(&f);
	buf_init(&out, 65536);
	assert_int_equal(
		run_init(&f, "hq --address 192.0.2.1 --pool6 none --json --user nobody", &out),
		LAUNCH_DONE);
	j = json_loads(buf_cstr(&out), 0, NULL);
	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "network")), "demo");
	assert_string_equal(json_string_value(json_object_get(j, "address4")), "10.91.0.1");
	assert_true(json_is_null(json_object_get(j, "pool6")));
	assert_string_equal(json_string_value(json_object_get(j, "admin_url")),
			    "https://192.0.2.1:8655/");
	assert_int_equal(strlen(json_string_value(json_object_get(j, "fingerprint"))), 64);
	json_decref(j);
	buf_fini(&out);
	fixture_close(&f);
}

/* Whatever is refused leaves nothing, not even an empty folder. */
static void refusals(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *says;
	} cases[] = {
		{ "", LAUNCH_USAGE, "--name" },
		{ "--name hq", LAUNCH_USAGE, "--address" },
		{ "--name a/b --address h", LAUNCH_USAGE, "--name" },
		{ "--name hq --address h:0", LAUNCH_USAGE, "--address" },
		{ "--name hq --address a,b", LAUNCH_USAGE, "--address" },
		{ "--name hq --address h --port 0", LAUNCH_USAGE, "--port" },
		{ "--name hq --address h --port 65536", LAUNCH_USAGE, "--port" },
		{ "--name hq --address h --port 6x", LAUNCH_USAGE, "--port" },
		{ "--name hq --address h --pool 10.0.0.1/8", LAUNCH_USAGE,
		  "10.0.0.0/8 may be meant" },
		{ "--name hq --address h --pool 10.0.0.0/31", LAUNCH_USAGE, "--pool" },
		{ "--name hq --address h --pool 169.254.0.0/16", LAUNCH_USAGE, "link-local" },
		{ "--name hq --address h --pool fd00::/64", LAUNCH_USAGE, "IPv4" },
		{ "--name hq --address h --pool6 10.0.0.0/8", LAUNCH_USAGE, "IPv6" },
		{ "--name hq --address h --pool none --pool6 none", LAUNCH_USAGE, "one family" },
		{ "--name hq --address h --subnet 10.1.0.0", LAUNCH_DONE, NULL },
		{ "--name hq --address h --subnet 10.1.0.1/24", LAUNCH_USAGE,
		  "10.1.0.0/24 may be meant" },
		{ "--name hq --address h --subnet 10.1.0.0/24#x", LAUNCH_USAGE, "weight" },
		{ "--name hq --address h --subnet 10.1.0.0/24#70000", LAUNCH_USAGE, "weight" },
		{ "--name hq --address h --api-name a:1", LAUNCH_USAGE, "--api-name" },
		{ "--name hq --address h --frobnicate", LAUNCH_USAGE, "--frobnicate" },
		{ "--name hq --address h more", LAUNCH_USAGE, "more" },
		{ "--name hq --address", LAUNCH_USAGE, "--address" },
		{ "--name hq --address h --subnet 10.91.3.0/24", LAUNCH_REFUSED, "10.91.0.0/16" },
		{ "--name hq --address h --subnet 10.1.0.0/24 --subnet 10.1.0.0/24", LAUNCH_REFUSED,
		  "twice" },
		{ "--name hq --address h --subnet 224.0.0.0/4", LAUNCH_REFUSED, "prefix" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char line[512];
		struct fixture f;
		struct buf out;
		int code;

		fixture_dir(&f);
		buf_init(&out, 65536);
		snprintf(line, sizeof(line), "--user nobody %s", cases[i].line);
		code = run_init(&f, line, &out);
		if (code != cases[i].code ||
		    (cases[i].says && !strstr(buf_cstr(&out), cases[i].says)))
			fail_msg("%s: %d: %s", cases[i].line, code, buf_cstr(&out));
		if (code)
			assert_int_equal(count_files(f.dir), 0);
		buf_fini(&out);
		fixture_close(&f);
	}
}

static void touch(const char *dir, const char *name)
{
	char path[PATHS_FILE_SIZE];
	int fd;

	assert_ok(file_make_dir(dir, 0755));
	fd = open(paths_join(path, dir, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* Somebody's files are never put aside or mixed with ours. */
static void folders_in_use(void **state)
{
	static const struct {
		bool etc;
		const char *name;
	} cases[] = {
		{ true, "hub.conf" },
		{ true, "tinc-up" },
		{ false, "directory.db" },
		{ false, "other" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;
		struct paths paths;
		struct buf out;
		int before;

		fixture_dir(&f);
		paths = paths_in(&f);
		buf_init(&out, 65536);
		touch(cases[i].etc ? paths.etc : paths.state, cases[i].name);
		before = count_files(f.dir);
		assert_int_equal(run_init(&f, "hq --address h --user nobody", &out),
				 LAUNCH_REFUSED);
		assert_int_equal(count_files(f.dir), before);
		buf_fini(&out);
		fixture_close(&f);
	}
}

/* Empty folders, as an admin or a package makes them, are taken over. */
static void empty_folders(void **state)
{
	struct paths paths;
	struct fixture f;
	struct buf out;

	(void)state;
	fixture_dir(&f);
	paths = paths_in(&f);
	buf_init(&out, 65536);
	assert_ok(file_make_dir(paths.etc, 0700));
	assert_ok(file_make_dir(paths.state, 0755));
	assert_int_equal(run_init(&f, "hq --address h --user nobody", &out), LAUNCH_DONE);
	assert_mode(paths.state, "", 0700);
	buf_fini(&out);
	fixture_close(&f);
}

/* The very last step fails (a mount point cannot be replaced): the database that was in place
 * already goes away again. */
static void last_step_fails(void **state)
{
	struct fixture f;
	int status;
	pid_t child;

	(void)state;
	fixture_dir(&f);
	child = fork();
	if (child == 0) {
		struct paths paths = paths_in(&f);
		struct buf out;

		buf_init(&out, 65536);
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(errno == EPERM ? 77 : 2);
		if (file_make_dir(paths.etc, 0755) ||
		    mount("none", paths.etc, "tmpfs", 0, "size=1m"))
			_exit(3);
		if (run_init(&f, "hq --address h --user nobody", &out) != LAUNCH_FAILED)
			_exit(4);
		_exit(count_files(f.dir) == 2 ? 0 : 5); /* etc/ and etc/demo, which were there */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	fixture_close(&f);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_network), cmocka_unit_test(json_output),
		cmocka_unit_test(refusals),        cmocka_unit_test(folders_in_use),
		cmocka_unit_test(empty_folders),   cmocka_unit_test(last_step_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
