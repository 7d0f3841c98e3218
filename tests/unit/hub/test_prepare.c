/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Before the workers start: a new port is published, the name is checked, old files are upgraded.
 */
#include "hub/prepare.h"

#include "hub/init.h"
#include "hub/store/store_internal.h"
#include "tests/lib/store_fixture.h"

/* A network made by init, its folders open to the workers' user. */
static void make_network(struct fixture *f, struct paths *paths)
{
	char *argv[] = { (char[]){ "init" }, (char[]){ "hq" },     (char[]){ "--address" },
			 (char[]){ "h" },    (char[]){ "--user" }, (char[]){ "nobody" } };
	int kept = dup(1), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	fixture_dir(f);
	assert_int_equal(chmod(f->dir, 0755), 0);
	*paths = (struct paths){ .net = "demo" };
	snprintf(paths->etc, sizeof(paths->etc), "%s/etc", f->dir);
	snprintf(paths->state, sizeof(paths->state), "%s/state", f->dir);
	snprintf(paths->run, sizeof(paths->run), "%s/run", f->dir);
	fflush(NULL);
	dup2(null, 1);
	assert_int_equal(init_main(paths, (int)ARRAY_LEN(argv), argv), 0);
	fflush(NULL);
	dup2(kept, 1);
	close(kept);
	close(null);
}

static enum err prepare_with(const struct paths *paths, const char *override)
{
	const char *const overrides[] = { override, NULL };
	struct hub_config c;
	enum err e;

	assert_ok(hub_config_load(&c, paths, overrides));
	e = prepare_state(&c);
	hub_config_fini(&c);
	return e;
}

static void assert_port(const struct paths *paths, const char *port)
{
	struct store *s;
	struct buf b;

	buf_init(&b, 16);
	assert_ok(store_open(paths->state, &s));
	assert_ok(store_setting_get(s, "udp_port", &b));
	assert_string_equal(buf_cstr(&b), port);
	buf_fini(&b);
	store_close(s);
}

static void port_and_name(void **state)
{
	struct paths paths;
	struct fixture f;

	(void)state;
	make_network(&f, &paths);
	assert_ok(prepare_with(&paths, "LogLevel=0"));
	assert_port(&paths, "6655");
	assert_ok(prepare_with(&paths, "Port=443"));
	assert_port(&paths, "443");
	assert_int_equal(prepare_with(&paths, "Name=other"), ERR_SYSTEM);
	assert_int_equal(prepare_with(&paths, "User=no-such-user"),
			 geteuid() == 0 ? ERR_NOTFOUND : ERR_OK);
	fixture_close(&f);
}

/* A database of the first version, as its upgrade leaves it: of the present one, and still the
 * user's own. */
static void upgrade(void **state)
{
	struct embedded_sql first[2] = { embedded_directory_sql[0], { 0 } };
	char path[PATHS_FILE_SIZE], copy[64];
	struct stat folder, file;
	struct paths paths;
	struct fixture f;
	struct store *s;

	(void)state;
	make_network(&f, &paths);
	assert_int_equal(unlink(paths_join(path, paths.state, "directory.db")), 0);
	assert_ok(store_create_from(paths.state, first, embedded_presence_sql));
	assert_int_equal(stat(paths.state, &folder), 0);
	assert_int_equal(chown(path, folder.st_uid, folder.st_gid), 0);
	/* It has no hub in it, which is told after the upgrade. */
	assert_int_equal(prepare_with(&paths, "LogLevel=0"), ERR_SYSTEM);
	assert_ok(store_open(paths.state, &s));
	store_close(s);
	snprintf(copy, sizeof(copy), "directory.db.before-v%u",
		 migrate_latest(embedded_directory_sql));
	assert_int_equal(stat(paths_join(path, paths.state, copy), &file), 0);
	assert_int_equal(file.st_uid, folder.st_uid);
	assert_int_equal(stat(paths_join(path, paths.state, "directory.db"), &file), 0);
	assert_int_equal(file.st_uid, folder.st_uid);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(port_and_name),
					    cmocka_unit_test(upgrade) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
