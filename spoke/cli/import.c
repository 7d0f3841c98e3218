/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * import [FILE]: host files as one text become files of hosts/. import-tinc DIR: a branch that
 * moves over from tinc keeps its settings and its scripts. Before or after the join; run again, it
 * adds what is missing.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/file.h"
#include "shared/cli/hostfile.h"
#include "shared/conf/tincnet.h"
#include "shared/conf/vars.h"
#include "spoke/cli/cli.h"

#define CONF_MAX_BYTES   (1u << 20)
#define SCRIPT_MAX_BYTES (1u << 20)

struct import {
	struct cli *cli;
	bool dry_run, force;
	struct tincnet net;
	json_t *written; /* names of files; owned */
	unsigned failed;
};

static void record(struct import *im, const char *name)
{
	json_array_append_new(im->written, json_string(name));
	if (!im->cli->json)
		printf("%-24s %s\n", name, im->dry_run ? "could be written" : "is written");
}

/* Copies a script, unless there is one of this name. */
static void copy_script(struct import *im, const char *dir, const char *name)
{
	char from[PATHS_FILE_SIZE], to[PATHS_FILE_SIZE];
	struct buf b;
	struct stat st;
	enum err e;

	if (strlen(dir) + strlen(name) + 2 > sizeof(from) ||
	    strlen(im->cli->paths->etc) + strlen(name) + 2 > sizeof(to))
		return;
	paths_join(from, dir, name);
	paths_join(to, im->cli->paths->etc, name);
	if (stat(from, &st) != 0 || !S_ISREG(st.st_mode) || file_exists(to))
		return;
	buf_init(&b, SCRIPT_MAX_BYTES);
	e = file_read(from, &b);
	if (!e && !im->dry_run)
		e = file_write_atomic(to, buf_data(&b), buf_len(&b),
				      st.st_mode & S_IXUSR ? 0755 : 0644);
	buf_fini(&b);
	if (!e) {
		record(im, name);
		return;
	}
	fprintf(stderr, "branchline-spoke: %s: %s\n", from, err_str(e));
	im->failed++;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

static void copy_scripts(struct import *im, const char *dir)
{
	static const char *const names[] = { "tinc-up",   "tinc-down", "host-up",
					     "host-down", "subnet-up", "subnet-down" };
	char hosts[PATHS_FILE_SIZE], name[NAME_SIZE + 16];
	const struct dirent *entry;
	DIR *d;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		copy_script(im, dir, names[i]);
	d = opendir(paths_join(hosts, dir, "hosts"));
	while (d && (entry = readdir(d)) != NULL) {
		if (!ends_with(entry->d_name, "-up") && !ends_with(entry->d_name, "-down"))
			continue;
		if (snprintf(name, sizeof(name), "hosts/%s", entry->d_name) < (int)sizeof(name))
			copy_script(im, dir, name);
	}
	if (d)
		closedir(d);
}

/* A proxy's line may hold a password: then the file is root's alone. */
static bool names_proxy(const struct buf *conf)
{
	const char *p = (const char *)buf_data(conf), *end = p + buf_len(conf);

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (end - p > 5 && strncasecmp(p, "Proxy", 5) == 0)
			return true;
		p = eol ? eol + 1 : end;
	}
	return false;
}

/* spoke.conf with the lines of tinc.conf that it does not have yet. */
static int write_conf(struct import *im, const char *dir)
{
	char path[PATHS_FILE_SIZE], hosts[PATHS_FILE_SIZE];
	struct stat st = { .st_mode = 0644 };
	struct buf old, fresh;
	int code = LAUNCH_FAILED;
	enum err e;

	paths_join(path, im->cli->paths->etc, "spoke.conf");
	buf_init(&old, CONF_MAX_BYTES);
	buf_init(&fresh, CONF_MAX_BYTES);
	(void)stat(path, &st);
	e = file_read(path, &old);
	if (e && e != ERR_NOTFOUND) {
		fprintf(stderr, "branchline-spoke: %s: %s\n", path, err_str(e));
		goto out;
	}
	e = tincnet_spoke_conf(&im->net, dir, (const char *)buf_data(&old), buf_len(&old), &fresh);
	if (e) {
		fprintf(stderr, "branchline-spoke: import-tinc: %s\n",
			im->net.error[0] ? im->net.error : err_str(e));
		goto out;
	}
	if (names_proxy(&fresh))
		st.st_mode &= ~(mode_t)(S_IRWXG | S_IRWXO);
	if (!im->dry_run)
		e = file_make_dir(paths_join(hosts, im->cli->paths->etc, "hosts"), 0755);
	if (!e && !im->dry_run && buf_len(&fresh) != buf_len(&old))
		e = file_write_atomic(path, buf_data(&fresh), buf_len(&fresh), st.st_mode & 0777);
	if (e) {
		fprintf(stderr, "branchline-spoke: %s: %s\n", path, err_str(e));
		goto out;
	}
	if (buf_len(&fresh) != buf_len(&old))
		record(im, "spoke.conf");
	code = LAUNCH_DONE;
out:
	buf_fini(&old);
	buf_fini(&fresh);
	return code;
}

static void report(const struct import *im)
{
	for (size_t i = 0; i < im->net.n_notes; i++)
		fprintf(stderr, "note: %s\n", im->net.notes[i]);
	if (file_exists(im->cli->paths->etc))
		fprintf(stderr, "Addresses and routes are set by the daemon: tinc-up and tinc-down "
				"need not do it any more.\n");
	fprintf(stderr,
		"Join, if this branch has not joined yet, with the line that the hub's "
		"import-tinc printed; then stop tinc here, and start: branchline-spoke -n %s run\n",
		im->cli->paths->net);
}

int cmd_import_tinc(struct cli *cli, struct args *a)
{
	struct import im = { .cli = cli, .dry_run = args_has(a, "--dry-run") };
	json_t *notes;
	int code;

	im.written = json_array();
	code = write_conf(&im, a->words[0]);
	if (!code)
		copy_scripts(&im, a->words[0]);
	if (!code && cli->json) {
		notes = json_array();
		for (size_t i = 0; i < im.net.n_notes; i++)
			json_array_append_new(notes, json_string(im.net.notes[i]));
		cli_print_json(json_pack("{s:O, s:o, s:b}", "written", im.written, "notes", notes,
					 "dry_run", (int)im.dry_run));
	} else if (!code) {
		report(&im);
	}
	tincnet_fini(&im.net);
	json_decref(im.written);
	return code ? code : im.failed ? LAUNCH_FAILED : LAUNCH_DONE;
}

/* Could the daemon read it? */
static bool check_host(const char *label, const char *text, size_t len)
{
	struct config c;
	enum err e;

	conf_init(&c, CONF_SPOKE);
	e = config_parse(&c, label, text, len, CONFIG_HOST);
	if (e)
		fprintf(stderr, "branchline-spoke: %s\n", c.error);
	config_fini(&c);
	return e == ERR_OK;
}

/* One node's file; the next one has its turn whatever becomes of it. */
static enum err take_host(void *arg, const char name[NAME_SIZE], const char *text, size_t len)
{
	char rel[NAME_SIZE + 8], path[PATHS_FILE_SIZE];
	struct import *im = arg;
	enum err e = ERR_OK;

	snprintf(rel, sizeof(rel), "hosts/%.63s", name);
	paths_join(path, im->cli->paths->etc, rel);
	if (!check_host(rel, text, len)) {
		im->failed++;
		return ERR_OK;
	}
	if (file_exists(path) && !im->force) {
		fprintf(stderr, "branchline-spoke: %s is there already (--force replaces it)\n",
			rel);
		im->failed++;
		return ERR_OK;
	}
	if (!im->dry_run)
		e = file_write_atomic(path, text, len, 0644);
	if (e) {
		fprintf(stderr, "branchline-spoke: %s: %s\n", path, err_str(e));
		im->failed++;
	} else {
		record(im, rel);
	}
	return ERR_OK;
}

int cmd_import(struct cli *cli, struct args *a)
{
	struct import im = { .cli = cli,
			     .dry_run = args_has(a, "--dry-run"),
			     .force = args_has(a, "--force") };
	struct buf text;
	unsigned line = 0;
	enum err e;

	im.written = json_array();
	buf_init(&text, HOSTFILE_MAX_BYTES);
	e = hostfile_read("branchline-spoke", a->n_words ? a->words[0] : NULL, &text);
	if (!e)
		e = hostfile_split((const char *)buf_data(&text), buf_len(&text), take_host, &im,
				   &line);
	if (e && line)
		fprintf(stderr,
			"branchline-spoke: import: line %u: a node begins with \"Name = NODE\"\n",
			line);
	buf_fini(&text);
	if (cli->json)
		cli_print_json(
			json_pack("{s:O, s:b}", "written", im.written, "dry_run", (int)im.dry_run));
	json_decref(im.written);
	return e || im.failed ? LAUNCH_FAILED : LAUNCH_DONE;
}
