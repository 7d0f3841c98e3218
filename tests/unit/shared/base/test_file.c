/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/file.h"

static char dir[64], path[128];

static int make_dir(void **unused)
{
	(void)unused;
	snprintf(dir, sizeof(dir), "/tmp/test_file.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/f", dir);
	return 0;
}

/* Counts what is in the folder. */
static unsigned entries(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

static int remove_dir(void **unused)
{
	char sub[192];

	(void)unused;
	snprintf(sub, sizeof(sub), "%s/a/b/c", dir);
	rmdir(sub);
	sub[strlen(sub) - 2] = 0;
	rmdir(sub);
	sub[strlen(sub) - 2] = 0;
	rmdir(sub);
	snprintf(sub, sizeof(sub), "%s/link", dir);
	unlink(sub);
	unlink(path);
	return rmdir(dir);
}

static void write_then_read(void **unused)
{
	struct stat st;
	struct buf b;

	(void)unused;
	umask(077);
	assert_int_equal(file_write_atomic(path, "one", 3, 0644), ERR_OK);
	assert_int_equal(file_write_atomic(path, "second", 6, 0640), ERR_OK);
	umask(022);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(entries(), 1);
	buf_init(&b, 100);
	assert_int_equal(buf_put_str(&b, "before "), ERR_OK);
	assert_int_equal(file_read(path, &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), "before second");
	buf_fini(&b);
	assert_true(file_exists(path));
	assert_int_equal(file_write_atomic(path, "", 0, 0600), ERR_OK);
}

/* A buffer that is just large enough, and one that lacks a byte. */
static void reading_is_bounded(void **unused)
{
	static char big[200000];
	struct buf b;

	(void)unused;
	memset(big, 'x', sizeof(big));
	assert_int_equal(file_write_atomic(path, big, sizeof(big), 0600), ERR_OK);
	buf_init(&b, sizeof(big));
	assert_int_equal(file_read(path, &b), ERR_OK);
	assert_int_equal(buf_len(&b), sizeof(big));
	buf_fini(&b);
	buf_init(&b, sizeof(big) - 1);
	assert_int_equal(buf_put_str(&b, "kept"), ERR_OK);
	assert_int_equal(file_read(path, &b), ERR_TOOBIG);
	assert_string_equal(buf_cstr(&b), "kept");
	buf_fini(&b);
}

static void reading_fails(void **unused)
{
	struct buf b;

	(void)unused;
	buf_init(&b, 10);
	assert_int_equal(file_read(path, &b), ERR_NOTFOUND);
	assert_int_equal(file_read(dir, &b), ERR_IO);
	assert_int_equal(buf_len(&b), 0);
	assert_false(file_exists(path));
	buf_fini(&b);
}

static const struct {
	mode_t mode;
	uid_t owner;
	enum err e;
} secrets[] = {
	{ 0600, 0, ERR_OK },     { 0400, 0, ERR_OK },     { 0640, 0, ERR_DENIED },
	{ 0604, 0, ERR_DENIED }, { 0620, 0, ERR_DENIED }, { 0602, 0, ERR_DENIED },
	{ 0610, 0, ERR_DENIED }, { 0644, 0, ERR_DENIED }, { 0600, 4242, ERR_DENIED },
};

static void secret_rows(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		struct buf b;

		/* Only root can give a file away. */
		if (secrets[i].owner && geteuid() != 0)
			continue;
		assert_int_equal(file_write_atomic(path, "key", 3, 0600), ERR_OK);
		if (secrets[i].owner)
			assert_int_equal(chown(path, secrets[i].owner, (gid_t)-1), 0);
		assert_int_equal(chmod(path, secrets[i].mode), 0);
		buf_init(&b, 100);
		assert_int_equal(file_read_secret(path, &b), secrets[i].e);
		assert_int_equal(buf_len(&b), secrets[i].e ? 0 : 3);
		buf_fini(&b);
	}
}

/* Not through a link, not from a FIFO (which must not hang either), not from a folder. */
static void secret_must_be_a_file(void **unused)
{
	char link[128];
	struct buf b;

	(void)unused;
	buf_init(&b, 100);
	assert_int_equal(file_write_atomic(path, "key", 3, 0600), ERR_OK);
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(file_read_secret(link, &b), ERR_DENIED);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(mkfifo(link, 0600), 0);
	assert_int_equal(file_read_secret(link, &b), ERR_DENIED);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(file_read_secret(dir, &b), ERR_DENIED);
	assert_int_equal(buf_len(&b), 0);
	buf_fini(&b);
}

/* The disk is "full" half-way: the old file is as it was, and nothing else is left. */
static void failed_write_changes_nothing(void **unused)
{
	static char big[8192];
	struct rlimit before, small;
	struct buf b;
	enum err e;

	(void)unused;
	assert_int_equal(file_write_atomic(path, "old", 3, 0600), ERR_OK);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	e = file_write_atomic(path, big, sizeof(big), 0600);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(e, ERR_TOOBIG);
	assert_int_equal(entries(), 1);
	buf_init(&b, 100);
	assert_int_equal(file_read(path, &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), "old");
	buf_fini(&b);
}

static void bad_targets(void **unused)
{
	char bad[192];

	(void)unused;
	snprintf(bad, sizeof(bad), "%s/", dir);
	assert_int_equal(file_write_atomic(bad, "x", 1, 0600), ERR_INVALID);
	snprintf(bad, sizeof(bad), "%s/none/f", dir);
	assert_int_equal(file_write_atomic(bad, "x", 1, 0600), ERR_NOTFOUND);
	/* A folder stands where the file should go: the new file is taken away again. */
	snprintf(bad, sizeof(bad), "%s/a", dir);
	assert_int_equal(mkdir(bad, 0700), 0);
	assert_int_not_equal(file_write_atomic(bad, "x", 1, 0600), ERR_OK);
	assert_int_equal(entries(), 1);
}

static void working_folder(void **unused)
{
	(void)unused;
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(file_write_atomic("f", "x", 1, 0600), ERR_OK);
	assert_int_equal(chdir("/"), 0);
	assert_true(file_exists(path));
}

static void folders(void **unused)
{
	char deep[192];
	struct stat st;

	(void)unused;
	snprintf(deep, sizeof(deep), "%s/a//b/c/", dir);
	umask(077);
	assert_int_equal(file_make_dir(deep, 0750), ERR_OK);
	umask(022);
	assert_int_equal(file_make_dir(deep, 0700), ERR_OK);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(file_write_atomic(path, "x", 1, 0600), ERR_OK);
	assert_int_equal(file_make_dir(path, 0700), ERR_EXISTS);
	snprintf(deep, sizeof(deep), "%s/x", path);
	assert_int_equal(file_make_dir(deep, 0700), ERR_EXISTS);
	assert_int_equal(file_make_dir("/", 0755), ERR_OK);
	assert_int_equal(file_make_dir("", 0755), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(write_then_read, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(reading_is_bounded, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(reading_fails, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(secret_rows, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(secret_must_be_a_file, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(failed_write_changes_nothing, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(bad_targets, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(working_folder, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(folders, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
