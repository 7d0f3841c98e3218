/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/conf/change.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/config_value.h"
#include "shared/base/file.h"
#include "shared/base/secret.h"
#include "shared/conf/value.h"

#define FILE_MAX_BYTES (1u << 20)

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

/* Where a variable stands. */
struct target {
	const struct config_var *var;
	unsigned where;            /* CONFIG_SERVER or CONFIG_HOST */
	char file[NAME_SIZE + 16]; /* "hub.conf", "hosts/oslo" */
	char path[PATHS_FILE_SIZE];
};

static int complain(const struct conf_files *f, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int complain(const struct conf_files *f, int code, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", f->program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

/* The table's row for a key; what is wrong with it was printed when it is NULL. */
static const struct config_var *find_var(const struct conf_files *f, const char *key)
{
	size_t n;
	const struct config_var *vars = conf_vars(f->kind, &n);

	for (size_t i = 0; i < n; i++)
		if (strcasecmp(vars[i].name, key) == 0)
			return &vars[i];
	complain(f, EXIT_USAGE, "there is no variable %.64s; did you mean %s?", key,
		 config_value_nearest(vars, n, key)->name);
	return NULL;
}

/* This node's Name. */
static int own_name(const struct conf_files *f, char out[NAME_SIZE])
{
	char path[PATHS_FILE_SIZE];
	struct config c;
	int code = EXIT_OK;

	conf_init(&c, f->kind);
	if (config_read(&c, paths_join(path, f->paths->etc, f->main), CONFIG_SERVER))
		code = complain(f, EXIT_FAILED, "%s", c.error);
	else if (!config_str(&c, "Name"))
		code = complain(f, EXIT_FAILED, "%s has no Name", path);
	else
		snprintf(out, NAME_SIZE, "%s", config_str(&c, "Name"));
	config_fini(&c);
	return code;
}

/* "KEY" or "HOST.KEY": names may have dots, keys have none. */
static int find_target(const struct conf_files *f, const char *word, struct target *t)
{
	const char *dot = strrchr(word, '.');
	char host[NAME_SIZE] = "";
	int code = EXIT_OK;

	if (dot && (size_t)(dot - word) < sizeof(host))
		snprintf(host, sizeof(host), "%.*s", (int)(dot - word), word);
	t->var = find_var(f, dot ? dot + 1 : word);
	if (!t->var)
		return EXIT_USAGE;
	if (dot && !name_is_valid(host))
		return complain(f, EXIT_USAGE, "\"%.*s\" is not a node's name", (int)(dot - word),
				word);
	if (dot && !(t->var->flags & CONFIG_HOST))
		return complain(f, EXIT_USAGE, "%s stands in %s, not in a hosts file", t->var->name,
				f->main);
	if (!dot && !(t->var->flags & CONFIG_SERVER))
		code = own_name(f, host);
	t->where = *host ? CONFIG_HOST : CONFIG_SERVER;
	snprintf(t->file, sizeof(t->file), "%s%s", *host ? "hosts/" : f->main, host);
	paths_join(t->path, f->paths->etc, t->file);
	return code;
}

int conf_get(const struct conf_files *f, const struct args *a)
{
	const struct config_entry *e;
	struct target t;
	struct config c;
	enum err err;
	json_t *list;
	int code = find_target(f, a->words[0], &t);

	if (code)
		return code;
	conf_init(&c, f->kind);
	err = config_read(&c, t.path, t.where);
	if (err && err != ERR_NOTFOUND) {
		code = complain(f, EXIT_FAILED, "%s", c.error);
		config_fini(&c);
		return code;
	}
	list = json_array();
	for (size_t i = 0; (e = config_nth(&c, t.var->name, i)) != NULL; i++) {
		json_array_append_new(list, json_string(e->value));
		if (!f->json)
			printf("%s\n", e->value);
	}
	if (json_array_size(list) == 0)
		code = complain(f, EXIT_FAILED, "%s is not set in %s%s%s", t.var->name, t.file,
				t.var->def ? "; it is then " : "", t.var->def ? t.var->def : "");
	if (f->json && !code && (json_dumpf(list, stdout, JSON_INDENT(2)) || puts("") == EOF))
		code = EXIT_FAILED;
	json_decref(list);
	config_fini(&c);
	return code;
}

/* --- writing --- */

/* Is this a hosts file or main file at all? What is wrong is in `why`. */
static enum err check_text(const struct conf_files *f, const struct target *t, const struct buf *b,
			   char why[512])
{
	char addresses[NODE_ENDPOINTS_MAX][ENDPOINT_NAME_SIZE];
	const struct config_entry *entry;
	struct node_subnet s;
	unsigned n = 0;
	struct config c;
	enum err e;

	conf_init(&c, f->kind);
	e = config_parse(&c, t->file, (const char *)buf_data(b), buf_len(b), t->where);
	if (!e && t->where == CONFIG_HOST)
		e = conf_addresses(&c, addresses, &n);
	for (size_t i = 0; !e && (entry = config_nth(&c, "Subnet", i)) != NULL; i++)
		e = conf_subnet(&c, entry, &s);
	if (e)
		snprintf(why, 512, "%s", c.error);
	config_fini(&c);
	return e;
}

/* Replaces a file; mode and owner stay. */
static enum err replace(const char *path, const struct buf *b)
{
	struct stat st = { .st_mode = 0644, .st_uid = geteuid(), .st_gid = getegid() };
	bool there = stat(path, &st) == 0;
	enum err e = file_write_atomic(path, buf_data(b), buf_len(b), st.st_mode & 07777);

	if (!e && there && geteuid() == 0 && chown(path, st.st_uid, st.st_gid) != 0)
		e = err_from_errno(errno);
	return e;
}

/* Puts the new text in place, and the old one back when the daemon could not start with it. */
static int put_in_place(const struct conf_files *f, const struct target *t, const struct buf *old,
			const struct buf *fresh)
{
	char why[512], before[512];
	bool was_bad;
	enum err e;

	if (check_text(f, t, fresh, why))
		return complain(f, EXIT_FAILED, "%s; nothing was changed", why);
	if (f->dry_run)
		return EXIT_OK;
	was_bad = f->check(f->paths, before) != ERR_OK;
	e = replace(t->path, fresh);
	if (e)
		return complain(f, EXIT_FAILED, "%s: %s", t->path, err_str(e));
	if (!f->check(f->paths, why))
		return EXIT_OK;
	if (was_bad)
		return complain(f, EXIT_OK, "it is written; there is still something wrong: %s",
				why);
	if (replace(t->path, old))
		return complain(f, EXIT_FAILED, "%s, and the old file could not be put back", why);
	return complain(f, EXIT_FAILED, "%s; nothing was changed", why);
}

/* One change at a time: the lock goes with the descriptor, -1 when there is no folder. */
static int lock(const struct conf_files *f)
{
	int fd = open(f->paths->etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)flock(fd, LOCK_EX);
	return fd;
}

/* All words behind the first, with a blank between two. */
static const char *join_words(const struct args *a, char out[CONFIG_LINE_MAX_BYTES])
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 1; i < a->n_words && n < CONFIG_LINE_MAX_BYTES; i++)
		n += (size_t)snprintf(out + n, CONFIG_LINE_MAX_BYTES - n, "%s%s", i > 1 ? " " : "",
				      a->words[i]);
	return a->n_words > 1 ? out : NULL;
}

static int check_value(const struct conf_files *f, const struct target *t, const char *value,
		       enum conf_edit kind)
{
	char why[192];

	if (kind == CONF_EDIT_DEL)
		return EXIT_OK;
	if (kind == CONF_EDIT_ADD && !(t->var->flags & CONFIG_MULTIPLE))
		return complain(f, EXIT_USAGE, "%s can stand there once only: use set",
				t->var->name);
	if (config_value_check(t->var, value, why, sizeof(why)))
		return complain(f, EXIT_FAILED, "%s: %s", t->var->name, why);
	return EXIT_OK;
}

static void say_done(const struct conf_files *f, const struct target *t, const char *value,
		     enum conf_edit kind, unsigned n)
{
	const char *dry = f->dry_run ? "; nothing was changed" : "";

	if (f->json)
		printf("{\"file\": \"%s\", \"variable\": \"%s\", \"dry_run\": %s}\n", t->path,
		       t->var->name, f->dry_run ? "true" : "false");
	else if (kind == CONF_EDIT_DEL)
		printf("%s: %u line%s of %s deleted%s\n", t->file, n, n == 1 ? "" : "s",
		       t->var->name, dry);
	else
		printf("%s: %s = %s%s\n", t->file, t->var->name, value, dry);
}

int conf_change(const struct conf_files *f, const struct args *a, enum conf_edit kind)
{
	char text[CONFIG_LINE_MAX_BYTES];
	const char *value = join_words(a, text);
	struct buf old, fresh;
	struct target t;
	unsigned n = 0;
	int code = find_target(f, a->words[0], &t), fd;
	enum err e;

	if (!code)
		code = check_value(f, &t, value, kind);
	if (code)
		return code;
	fd = lock(f);
	buf_init(&old, FILE_MAX_BYTES);
	buf_init(&fresh, FILE_MAX_BYTES);
	e = file_read(t.path, &old);
	if (e == ERR_NOTFOUND && t.where == CONFIG_HOST && kind != CONF_EDIT_DEL)
		e = ERR_OK;
	if (!e)
		e = conf_edit(kind, (const char *)buf_data(&old), buf_len(&old), t.var->name, value,
			      &fresh, &n);
	if (e == ERR_EXISTS)
		code = complain(f, EXIT_FAILED, "%s has %s = %s already", t.file, t.var->name,
				value);
	else if (e)
		code = complain(f, EXIT_FAILED, "%s: %s", t.path, err_str(e));
	else if (kind == CONF_EDIT_DEL && n == 0)
		code = complain(f, EXIT_FAILED, "%s has no %s%s%s", t.file, t.var->name,
				value ? " = " : "", value ? value : "");
	else
		code = put_in_place(f, &t, &old, &fresh);
	if (!code)
		say_done(f, &t, value, kind, n);
	buf_fini(&old);
	buf_fini(&fresh);
	secret_zero(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	return code;
}

/* --- an editor --- */

/* Runs the admin's editor on a file, and waits for its end. */
static bool run_editor(const char *path)
{
	static const char script[] = "exec ${VISUAL:-${EDITOR:-editor}} \"$1\"";
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", script, "sh", path, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What was made of the copy, put in place when it is good. */
static int take_copy(const struct conf_files *f, const struct target *t, const char *copy,
		     const struct buf *old)
{
	struct buf fresh;
	int code = EXIT_FAILED, fd;
	enum err e;

	buf_init(&fresh, FILE_MAX_BYTES);
	e = file_read(copy, &fresh);
	if (e) {
		complain(f, EXIT_FAILED, "%s: %s", copy, err_str(e));
	} else if (buf_len(&fresh) == buf_len(old) &&
		   (buf_len(old) == 0 ||
		    memcmp(buf_data(&fresh), buf_data(old), buf_len(old)) == 0)) {
		code = EXIT_OK;
		fprintf(stderr, "Nothing was changed.\n");
	} else {
		fd = lock(f);
		code = put_in_place(f, t, old, &fresh);
		if (fd >= 0)
			close(fd);
		if (!code)
			fprintf(stderr,
				"%s is changed; the daemon reads it at its next start, and what it "
				"can take up at once with: %s -n %s reload\n",
				t->file, f->program, f->paths->net);
	}
	buf_fini(&fresh);
	return code;
}

int conf_editor(const struct conf_files *f, const struct args *a)
{
	struct target t = { .where = a->n_words ? CONFIG_HOST : CONFIG_SERVER };
	char copy[PATHS_FILE_SIZE + 16];
	struct buf old;
	int code = EXIT_FAILED;
	enum err e;

	if (a->n_words && !name_is_valid(a->words[0]))
		return complain(f, EXIT_USAGE, "\"%.64s\" is not a node's name", a->words[0]);
	snprintf(t.file, sizeof(t.file), "%s%.63s", a->n_words ? "hosts/" : f->main,
		 a->n_words ? a->words[0] : "");
	paths_join(t.path, f->paths->etc, t.file);
	/* No name that a node or a script could have. */
	snprintf(copy, sizeof(copy), "%s~edit", t.path);
	buf_init(&old, FILE_MAX_BYTES);
	e = file_read(t.path, &old);
	if (e == ERR_NOTFOUND && a->n_words)
		e = ERR_OK;
	if (!e)
		e = file_write_atomic(copy, buf_data(&old), buf_len(&old), 0600);
	if (e)
		complain(f, EXIT_FAILED, "%s: %s", t.path, err_str(e));
	else if (!run_editor(copy))
		complain(f, EXIT_FAILED, "the editor failed; nothing was changed");
	else
		code = take_copy(f, &t, copy, &old);
	if (!code || e)
		unlink(copy);
	else
		fprintf(stderr, "What you wrote is in %s\n", copy);
	buf_fini(&old);
	return code;
}
