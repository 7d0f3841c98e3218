/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes while the database is locked, full or read-only: each fails as a whole, with a code and a
 * plain sentence. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "hub/store/store_internal.h"
#include "tests/lib/change_fixture.h"

static sqlite3 *db_of(struct network *w) { return w->f.s->db[DB_DIRECTORY].db; }

/* Every kind of change, tried while nothing can be written. */
static void assert_all_fail(struct network *w, uint32_t spoke, uint32_t subnet, enum err err,
			    const char *code)
{
	struct node_subnet sub = fixture_subnet("10.50.0.0/24", 10);
	struct change_node_add add = { .name = "late", .kind = NODE_SPOKE };
	struct change_node_edit edit = { .name = "renamed", .keepalive_s = -1, .compression = -1 };
	uint8_t secret[JOIN_SECRET_BYTES];
	struct store_subnet row;
	struct store_token t;
	struct node n;

	assert_code(&w->c, change_node_add(&w->c, &add, &n), err, code);
	assert_true(strlen(w->c.detail) > 20);
	assert_code(&w->c, change_node_edit(&w->c, spoke, &edit, &n), err, code);
	assert_code(&w->c, change_node_revoke(&w->c, spoke, "x"), err, code);
	assert_code(&w->c, change_node_delete(&w->c, spoke), err, code);
	assert_code(&w->c, change_subnet_add(&w->c, spoke, &sub, false, &row), err, code);
	assert_code(&w->c, change_subnet_remove(&w->c, subnet), err, code);
	assert_code(&w->c, change_token_create(&w->c, spoke, 0, 1, secret, &t), err, code);
	assert_code(&w->c, change_node_hello(&w->c, spoke, false, NULL, NULL), err, code);
}

static void locked(void **state)
{
	struct store *other;
	struct keys k;
	struct network w;
	uint32_t oslo;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", "10.20.0.0/24");
	network_join(&w, oslo, &k);
	sqlite3_busy_timeout(db_of(&w), 5);
	assert_ok(store_open(w.f.dir, &other));
	assert_ok(store_begin(other));
	assert_all_fail(&w, oslo, 1, ERR_BUSY, "store_busy");
	store_rollback(other);
	store_close(other);
	assert_code(&w.c, change_node_revoke(&w.c, oslo, "x"), ERR_OK, "");
	network_close(&w);
}

static void read_only(void **state)
{
	struct keys k;
	struct network w;
	uint32_t oslo;
	uint64_t before;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", "10.20.0.0/24");
	network_join(&w, oslo, &k);
	before = network_revision(&w);
	sqlite3_exec(db_of(&w), "PRAGMA query_only = ON", NULL, NULL, NULL);
	assert_all_fail(&w, oslo, 1, ERR_READONLY, "store_readonly");
	sqlite3_exec(db_of(&w), "PRAGMA query_only = OFF", NULL, NULL, NULL);
	assert_int_equal(network_revision(&w), before);
	assert_int_equal(network_status(&w, oslo), NODE_ACTIVE);
	network_close(&w);
}

/* Fills the file system under `dir`. */
static void fill_disk(const char *dir)
{
	char path[PATHS_FILE_SIZE], block[4096] = { 0 };
	int fd = open(paths_join(path, dir, "ballast"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		_exit(10);
	while (write(fd, block, sizeof(block)) == sizeof(block))
		;
	while (write(fd, block, 1) == 1)
		;
	close(fd);
}

/* A change that needs room; counts how many there was room for. */
static enum err grow(struct store *s, const char *name)
{
	struct change c = { .store = s, .actor = "test" };
	struct change_node_add add = { .name = name, .kind = NODE_SPOKE };
	struct node n;
	enum err e = change_node_add(&c, &add, &n);

	if (!e)
		node_fini(&n);
	else if (e != ERR_FULL || strcmp(c.code, "store_full") != 0)
		_exit(11);
	return e;
}

/* In a child with its own mounts: a database on a small tmpfs that is full. Exit codes say which
 * step failed. */
static void on_full_disk(const char *dir)
{
	char path[PATHS_FILE_SIZE], name[16];
	struct store *s;
	uint32_t before = 0, after = 0;
	uint64_t bad;
	enum err e = ERR_OK;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=1m"))
		_exit(errno == EPERM ? 77 : 2);
	if (store_create(dir) || store_open(dir, &s) || store_setting_put(s, "pool4", "10.0.0.0/8"))
		_exit(3);
	fill_disk(dir);
	for (int i = 0; i < 2000 && !e; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		e = grow(s, name);
		before += !e;
	}
	if (e != ERR_FULL)
		_exit(4);
	/* Reading goes on, and what was acknowledged is there. */
	if (store_nodes_count(s, &after) || after != before)
		_exit(5);
	if (unlink(paths_join(path, dir, "ballast")) || grow(s, "after"))
		_exit(6);
	store_close(s);
	if (store_open(dir, &s) || store_nodes_count(s, &after) || after != before + 1 ||
	    store_check(s) || store_audit_verify(s, &bad))
		_exit(7);
	store_close(s);
	_exit(0);
}

static void full_disk(void **state)
{
	struct fixture f;
	int status;
	pid_t child;

	(void)state;
	fixture_dir(&f);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		on_full_disk(f.dir);
	assert_int_equal(waitpid(child, &status, 0), child);
	fixture_close(&f);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(locked), cmocka_unit_test(read_only),
					    cmocka_unit_test(full_disk) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
