/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/conf/fsck.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/config_value.h"
#include "shared/conf/value.h"

static const char *const script_names[] = { "tinc-up",   "tinc-down", "host-up",
					    "host-down", "subnet-up", "subnet-down" };

void fsck_begin(struct fsck *f)
{
	f->errors = f->warnings = f->fixed = 0;
	f->findings = json_array();
}

static void put(struct fsck *f, const char *level, const char *what, const char *text)
{
	json_array_append_new(f->findings, json_pack("{s:s, s:s*, s:s*}", "level", level, "what",
						     what, "text", text));
	if (!f->json)
		printf("%-8s %s: %s\n", level, what, text);
}

void fsck_error(struct fsck *f, const char *what, const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->errors++;
	put(f, "error", what, text);
}

void fsck_warn(struct fsck *f, const char *what, const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->warnings++;
	put(f, "warning", what, text);
}

/* --- permissions --- */

/* Sets the mode when that is wanted; false: it is still to be told. */
static bool fix_mode(struct fsck *f, const char *path, mode_t mode)
{
	char text[64];

	if (!f->fix || chmod(path, mode) != 0)
		return false;
	snprintf(text, sizeof(text), "its mode is now %04o", (unsigned)mode);
	f->fixed++;
	put(f, "fixed", path, text);
	return true;
}

static bool is_ours(const struct stat *st) { return st->st_uid == 0 || st->st_uid == geteuid(); }

static void check_folder(struct fsck *f, const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		if (errno != ENOENT)
			fsck_error(f, path, "%s", strerror(errno));
		return;
	}
	if (!S_ISDIR(st.st_mode))
		fsck_error(f, path, "it is not a folder");
	else if (!is_ours(&st))
		fsck_error(f, path, "it does not belong to root: scripts in it are not run");
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !fix_mode(f, path, st.st_mode & 07755))
		fsck_error(f, path,
			   "others may write there: scripts in it are not run (chmod go-w %s)",
			   path);
}

void fsck_folders(struct fsck *f)
{
	char path[PATHS_FILE_SIZE];

	check_folder(f, f->paths->etc);
	check_folder(f, paths_join(path, f->paths->etc, "hosts"));
}

bool fsck_secret(struct fsck *f, const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		fsck_error(f, path, "%s", errno == ENOENT ? "it is missing" : strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode))
		fsck_error(f, path, "it is not a regular file");
	else if (!is_ours(&st))
		fsck_error(f, path, "it does not belong to root");
	else if ((st.st_mode & 077) && !fix_mode(f, path, 0600))
		fsck_error(f, path, "others may read or write this secret (chmod 600 %s)", path);
	return true;
}

/* --- scripts --- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

static void check_script(struct fsck *f, const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return;
	if (!S_ISREG(st.st_mode))
		fsck_error(f, path, "it is not run: it is not a regular file");
	else if (st.st_uid != 0)
		fsck_error(f, path, "it is not run: it does not belong to root");
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !fix_mode(f, path, 0755))
		fsck_error(f, path, "it is not run: others may write to it (chmod 755 %s)", path);
	else if (!(st.st_mode & S_IXUSR) && !fix_mode(f, path, 0755))
		fsck_error(f, path, "it is not run: it is not executable (chmod 755 %s)", path);
}

/* Is it one that is run in this folder? `hosts`: NAME-up and NAME-down. */
static bool is_script(const char *name, bool hosts)
{
	if (hosts)
		return ends_with(name, "-up") || ends_with(name, "-down");
	for (size_t i = 0; i < ARRAY_LEN(script_names); i++)
		if (strcmp(name, script_names[i]) == 0)
			return true;
	return false;
}

/* "tinc-up.sh", "subnet_up": somebody expects that to be run. */
static bool looks_like_script(const char *name)
{
	return ends_with(name, ".sh") || ends_with(name, "-up") || ends_with(name, "-down") ||
	       ends_with(name, "_up") || ends_with(name, "_down");
}

static void scripts_of(struct fsck *f, const char *dir, bool hosts)
{
	char path[PATHS_FILE_SIZE];
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    strlen(dir) + strlen(entry->d_name) + 2 > sizeof(path))
			continue;
		paths_join(path, dir, entry->d_name);
		if (is_script(entry->d_name, hosts))
			check_script(f, path);
		else if (!hosts && looks_like_script(entry->d_name))
			fsck_warn(f, path,
				  "no script of this name is ever run; known are tinc-up, "
				  "tinc-down, host-up, host-down, subnet-up, subnet-down, and in "
				  "hosts NAME-up, NAME-down");
	}
	if (d)
		closedir(d);
}

void fsck_scripts(struct fsck *f)
{
	char path[PATHS_FILE_SIZE];

	scripts_of(f, f->paths->etc, false);
	scripts_of(f, paths_join(path, f->paths->etc, "hosts"), true);
}

/* --- configuration --- */

static void unknown_key(void *arg, const char *file, unsigned line, const char *key)
{
	struct fsck *f = arg;
	char at[PATHS_FILE_SIZE + 16];
	size_t n;
	const struct config_var *vars = conf_vars(f->kind, &n);

	snprintf(at, sizeof(at), "%.300s:%u", file, line);
	fsck_error(f, at, "unknown key %.64s: did you mean %s?", key,
		   config_value_nearest(vars, n, key)->name);
}

/* Values that the table cannot check. */
static enum err check_values(struct config *c)
{
	char addresses[NODE_ENDPOINTS_MAX][ENDPOINT_NAME_SIZE];
	const struct config_entry *e;
	struct node_subnet s;
	unsigned n = 0;
	enum err err = conf_addresses(c, addresses, &n);

	for (size_t i = 0; !err && (e = config_nth(c, "Subnet", i)) != NULL; i++)
		err = conf_subnet(c, e, &s);
	return err;
}

/* One file; all unknown keys, and the first thing else. */
static void check_file(struct fsck *f, const char *path, unsigned where)
{
	struct config c;
	enum err e;

	conf_init(&c, f->kind);
	config_tolerate(&c, unknown_key, f);
	e = config_read(&c, path, where);
	if (!e && where == CONFIG_HOST)
		e = check_values(&c);
	if (e)
		fsck_error(f, path, "%s", c.error);
	config_fini(&c);
}

void fsck_config(struct fsck *f, const char *main)
{
	char dir[PATHS_FILE_SIZE], path[PATHS_FILE_SIZE];
	const struct dirent *entry;
	DIR *d;

	check_file(f, paths_join(path, f->paths->etc, main), CONFIG_SERVER);
	d = opendir(paths_join(dir, f->paths->etc, "hosts"));
	while (d && (entry = readdir(d)) != NULL) {
		const char *name = entry->d_name;

		if (name[0] == '.' || is_script(name, true) ||
		    strlen(dir) + strlen(name) + 2 > sizeof(path))
			continue;
		paths_join(path, dir, name);
		if (name_is_valid(name))
			check_file(f, path, CONFIG_HOST);
		else
			fsck_warn(f, path, "it is not read: this cannot be a node's name");
	}
	if (d)
		closedir(d);
}

/* --- the end --- */

int fsck_end(struct fsck *f)
{
	int code = f->errors ? 1 : 0;

	if (f->json) {
		json_t *all = json_pack("{s:i, s:i, s:i, s:O}", "errors", (int)f->errors,
					"warnings", (int)f->warnings, "fixed", (int)f->fixed,
					"findings", f->findings);

		if (!all || json_dumpf(all, stdout, JSON_INDENT(2)) || puts("") == EOF)
			code = 1;
		json_decref(all);
	} else if (f->errors + f->warnings + f->fixed == 0) {
		printf("network %s: nothing is wrong\n", f->paths->net);
	} else {
		printf("network %s: %u errors, %u warnings, %u fixed\n", f->paths->net, f->errors,
		       f->warnings, f->fixed);
	}
	json_decref(f->findings);
	f->findings = NULL;
	return code;
}
