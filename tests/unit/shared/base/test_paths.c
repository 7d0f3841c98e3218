/* SPDX-License-Identifier: GPL-3.0-or-later */
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

#include "shared/base/paths.h"

static int clear_environment(void **unused)
{
	(void)unused;
	unsetenv("BRANCHLINE_ETC");
	unsetenv("BRANCHLINE_STATE");
	unsetenv("BRANCHLINE_RUN");
	return 0;
}

static void built_in(void **unused)
{
	struct paths p;

	(void)unused;
	assert_int_equal(paths_init(&p, "linodeVPN", NULL), ERR_OK);
	assert_string_equal(p.net, "linodeVPN");
	assert_string_equal(p.etc, "/etc/branchline/linodeVPN");
	assert_string_equal(p.state, "/var/lib/branchline/linodeVPN");
	assert_string_equal(p.run, "/run/branchline/linodeVPN");
}

static void moved(void **unused)
{
	struct paths p;

	(void)unused;
	setenv("BRANCHLINE_ETC", "/a", 1);
	setenv("BRANCHLINE_STATE", "/b", 1);
	setenv("BRANCHLINE_RUN", "", 1);
	assert_int_equal(paths_init(&p, "n", NULL), ERR_OK);
	assert_string_equal(p.etc, "/a/n");
	assert_string_equal(p.state, "/b/n");
	assert_string_equal(p.run, "/run/branchline/n");
	/* -c names the folder itself, not a root, and only that one. */
	assert_int_equal(paths_init(&p, "n", "/somewhere"), ERR_OK);
	assert_string_equal(p.etc, "/somewhere");
	assert_string_equal(p.state, "/b/n");
	assert_int_equal(chdir("/tmp"), 0);
	assert_int_equal(paths_init(&p, "n", "here/there"), ERR_OK);
	assert_string_equal(p.etc, "/tmp/here/there");
}

static void refused(void **unused)
{
	char longest[PATHS_DIR_SIZE + 1];
	struct paths p = { .net = "before" };

	(void)unused;
	assert_int_equal(paths_init(&p, "../etc", NULL), ERR_INVALID);
	assert_int_equal(paths_init(&p, "", NULL), ERR_INVALID);
	assert_int_equal(paths_init(&p, "n", ""), ERR_INVALID);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[PATHS_DIR_SIZE] = 0;
	assert_int_equal(paths_init(&p, "n", longest), ERR_TOOBIG);
	setenv("BRANCHLINE_RUN", longest, 1);
	assert_int_equal(paths_init(&p, "n", NULL), ERR_TOOBIG);
	assert_string_equal(p.net, "before");
	unsetenv("BRANCHLINE_RUN");
	longest[PATHS_DIR_SIZE - 1] = 0;
	assert_int_equal(paths_init(&p, "n", longest), ERR_OK);
}

static void joined(void **unused)
{
	char out[PATHS_FILE_SIZE];

	(void)unused;
	assert_string_equal(paths_join(out, "/etc/branchline/n", "hub.conf"),
			    "/etc/branchline/n/hub.conf");
}

static void take(void *arg, const struct paths *p)
{
	char *out = arg;

	snprintf(out + strlen(out), 256 - strlen(out), "%s=%s ", p->net, p->etc);
}

/* A folder with the file, in the order of their names; not one without it, nor a name that no
 * network has. */
static void listed(void **unused)
{
	static const char *const files[] = { "b/spoke.conf", "a/spoke.conf", "c/hub.conf",
					     "d.e f/spoke.conf" };
	static const char *const folders[] = { "a", "b", "c", "d.e f" };
	char root[] = "/tmp/branchline-paths-XXXXXX", text[256] = "", want[256], path[128];

	(void)unused;
	assert_non_null(mkdtemp(root));
	setenv("BRANCHLINE_ETC", root, 1);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, files[i]);
		assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	}
	assert_int_equal(paths_networks("spoke.conf", take, text), ERR_OK);
	snprintf(want, sizeof(want), "a=%s/a b=%s/b ", root, root);
	assert_string_equal(text, want);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, files[i]);
		assert_int_equal(unlink(path), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		assert_int_equal(rmdir(path), 0);
	}
	assert_int_equal(rmdir(root), 0);
	/* Nothing was ever installed here. */
	text[0] = '\0';
	assert_int_equal(paths_networks("spoke.conf", take, text), ERR_OK);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(built_in, clear_environment),
		cmocka_unit_test_setup(moved, clear_environment),
		cmocka_unit_test_setup(refused, clear_environment),
		cmocka_unit_test_setup(joined, clear_environment),
		cmocka_unit_test_setup(listed, clear_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
