/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of keys: who may ask for which step, and what each leaves on the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/base64.h"
#include "shared/monitor/key_files.h"

struct folder {
	char dir[32], identity[64], tunnel[64], next[72];
	struct key_files files;
};

static void folder_open(struct folder *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/bl-keyfiles-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->identity, sizeof(f->identity), "%s/identity.key", f->dir);
	snprintf(f->tunnel, sizeof(f->tunnel), "%s/tunnel.key", f->dir);
	snprintf(f->next, sizeof(f->next), "%s" KEY_FILES_NEXT, f->tunnel);
	f->files = (struct key_files){ .identity = f->identity, .tunnel = f->tunnel };
}

static void folder_close(struct folder *f)
{
	unlink(f->identity);
	unlink(f->tunnel);
	unlink(f->next);
	assert_int_equal(rmdir(f->dir), 0); /* nothing else was left */
}

static enum err step(const struct folder *f, enum monitor_key_op op, uint8_t byte)
{
	struct monitor_key m = { .what = MONITOR_KEY_TUNNEL, .op = op };

	memset(m.key.b, byte, KEY_BYTES);
	return key_files_step(&f->files, &m);
}

/* The file holds that key, and nobody but its owner may read it. */
static void assert_holds(const char *path, uint8_t byte)
{
	char want[KEY_BASE64_SIZE + 1], got[sizeof(want)] = "";
	uint8_t key[KEY_BYTES];
	struct stat st;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	memset(key, byte, sizeof(key));
	base64_encode(key, sizeof(key), want);
	strncat(want, "\n", 2);
	assert_int_equal(fread(got, 1, sizeof(got), file), strlen(want));
	fclose(file);
	assert_memory_equal(got, want, strlen(want));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void kept_promoted_and_dropped(void **state)
{
	struct folder f;

	(void)state;
	folder_open(&f);
	assert_int_equal(step(&f, MONITOR_KEY_PROMOTE, 0), ERR_NOTFOUND);
	assert_int_equal(step(&f, MONITOR_KEY_DROP, 0), ERR_OK); /* nothing to be dropped */
	assert_int_equal(step(&f, MONITOR_KEY_KEEP, 1), ERR_OK);
	assert_holds(f.next, 1);
	assert_int_not_equal(access(f.tunnel, F_OK), 0);
	assert_int_equal(step(&f, MONITOR_KEY_PROMOTE, 0), ERR_OK);
	assert_holds(f.tunnel, 1);
	assert_int_not_equal(access(f.next, F_OK), 0);
	assert_int_equal(step(&f, MONITOR_KEY_KEEP, 2), ERR_OK);
	assert_int_equal(step(&f, MONITOR_KEY_KEEP, 3), ERR_OK); /* in its place */
	assert_holds(f.next, 3);
	assert_holds(f.tunnel, 1);
	assert_int_equal(step(&f, MONITOR_KEY_DROP, 0), ERR_OK);
	assert_int_not_equal(access(f.next, F_OK), 0);
	assert_holds(f.tunnel, 1);
	folder_close(&f);
}

/* The hub's key is no secret: who runs without rights reads it, too. */
static void the_pin_can_be_read(void **state)
{
	struct monitor_key m = { .what = MONITOR_KEY_HUB_PIN, .op = MONITOR_KEY_KEEP };
	struct folder f;
	struct stat st;

	(void)state;
	folder_open(&f);
	f.files.hub_pin = f.tunnel;
	assert_int_equal(key_files_step(&f.files, &m), ERR_OK);
	assert_int_equal(stat(f.next, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_not_equal(access(f.tunnel, F_OK), 0);
	m.op = MONITOR_KEY_PROMOTE;
	assert_int_equal(key_files_step(&f.files, &m), ERR_OK);
	assert_int_equal(stat(f.tunnel, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	folder_close(&f);
}

static void each_worker_its_own(void **state)
{
	static const struct {
		enum monitor_key_what what;
		enum monitor_key_op op;
		bool engine, control;
	} rows[] = {
		{ MONITOR_KEY_TUNNEL, MONITOR_KEY_KEEP, true, false },
		{ MONITOR_KEY_TUNNEL, MONITOR_KEY_PROMOTE, false, true },
		{ MONITOR_KEY_TUNNEL, MONITOR_KEY_DROP, false, true },
		{ MONITOR_KEY_IDENTITY, MONITOR_KEY_KEEP, false, true },
		{ MONITOR_KEY_IDENTITY, MONITOR_KEY_PROMOTE, false, true },
		{ MONITOR_KEY_IDENTITY, MONITOR_KEY_DROP, false, true },
		/* This daemon has no such file. */
		{ MONITOR_KEY_HUB_PIN, MONITOR_KEY_KEEP, false, false },
		{ MONITOR_KEY_HUB_PIN, MONITOR_KEY_PROMOTE, false, false },
		{ MONITOR_KEY_HUB_PIN, MONITOR_KEY_DROP, false, false },
	};
	const struct key_files files = { .identity = "i", .tunnel = "t" }, none = { 0 };
	const struct key_files pin = { .hub_pin = "p" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct monitor_key m = { .what = rows[i].what, .op = rows[i].op };

		assert_int_equal(key_files_may(&files, WORKER_ENGINE, &m), rows[i].engine);
		assert_int_equal(key_files_may(&files, WORKER_CONTROL, &m), rows[i].control);
		assert_false(key_files_may(&files, WORKER_API, &m));
		assert_false(key_files_may(&none, WORKER_ENGINE, &m));
		assert_false(key_files_may(&none, WORKER_CONTROL, &m));
		assert_int_equal(key_files_may(&pin, WORKER_CONTROL, &m),
				 rows[i].what == MONITOR_KEY_HUB_PIN);
	}
	const struct monitor_key drop = { .what = MONITOR_KEY_HUB_PIN, .op = MONITOR_KEY_DROP };
	assert_false(key_files_may(&pin, WORKER_ENGINE, &drop));
	assert_int_equal(key_files_step(&none, &drop), ERR_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_promoted_and_dropped),
		cmocka_unit_test(the_pin_can_be_read),
		cmocka_unit_test(each_worker_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
