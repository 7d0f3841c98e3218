/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/log.h"

void place_init(struct place *p, const struct paths *paths)
{
	memset(p, 0, sizeof(*p));
	p->paths = paths;
}

/* Notes what is wrong, and returns `e`. */
static enum err fail(struct place *p, enum err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum err fail(struct place *p, enum err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->error, sizeof(p->error), fmt, ap);
	va_end(ap);
	return e;
}

static enum err fail_errno(struct place *p, const char *path)
{
	enum err e = err_from_errno(errno);

	return fail(p, e, "%s: %s", path, strerror(errno));
}

/* The folder that a path stands in, slashes at its end left aside. */
static void parent_of(const char *path, char out[PATHS_DIR_SIZE])
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	while (n > 1 && path[n - 1] == '/')
		n--;
	snprintf(out, PATHS_DIR_SIZE, "%.*s", n ? (int)n : 1, n ? path : ".");
}

/* True when the folder is not there, or nothing is in it: then a rename can put ours in its place.
 */
static bool is_free(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	bool empty = true;

	if (!d)
		return errno == ENOENT;
	while (empty && (entry = readdir(d)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(d);
	return empty;
}

enum err place_refuse_existing(struct place *p)
{
	const struct paths *at = p->paths;
	char path[PATHS_FILE_SIZE];

	if (file_exists(paths_join(path, at->etc, "hub.conf")))
		return fail(p, ERR_EXISTS, "network %s exists already: %s", at->net, path);
	if (file_exists(paths_join(path, at->state, "directory.db")))
		return fail(p, ERR_EXISTS,
			    "there is a database of a network %s already, without its "
			    "configuration: %s. Move it away if it is no longer needed.",
			    at->net, path);
	if (!is_free(at->etc))
		return fail(p, ERR_EXISTS,
			    "%s is there already and not empty; move its contents away, and back "
			    "afterwards",
			    at->etc);
	if (!is_free(at->state))
		return fail(p, ERR_EXISTS,
			    "%s is there already and not empty; move its contents away", at->state);
	return ERR_OK;
}

/* A temporary folder beside `target`, so that a rename puts it there. */
static enum err make_beside(struct place *p, const char *target, char parent[PATHS_DIR_SIZE],
			    bool *made_parent, char out[PATHS_FILE_SIZE])
{
	char template[PATHS_FILE_SIZE];
	enum err e;

	parent_of(target, parent);
	*made_parent = !file_exists(parent);
	e = file_make_dir(parent, 0755);
	if (e)
		return fail(p, e, "%s: %s", parent, err_str(e));
	paths_join(template, parent, ".branchline-new-XXXXXX");
	if (!mkdtemp(template))
		return fail_errno(p, parent);
	memcpy(out, template, PATHS_FILE_SIZE);
	return ERR_OK;
}

enum err place_make_state(struct place *p)
{
	return make_beside(p, p->paths->state, p->state_parent, &p->made_state_parent, p->state);
}

enum err place_make_etc(struct place *p)
{
	return make_beside(p, p->paths->etc, p->etc_parent, &p->made_etc_parent, p->etc);
}

enum err place_find_user(struct place *p, const char *name, struct sandbox_user *out)
{
	enum err e;

	if (geteuid() != 0) {
		/* somebody's own experiment: everything belongs to the one who runs it */
		*out = (struct sandbox_user){ geteuid(), getegid() };
		return ERR_OK;
	}
	e = sandbox_find_user(name, out);
	if (e == ERR_NOTFOUND)
		return fail(p, e,
			    "there is no user %s; make it with: useradd --system --no-create-home "
			    "--shell /usr/sbin/nologin %s",
			    name, name);
	return e ? fail(p, e, "user %s: %s", name, err_str(e)) : ERR_OK;
}

enum err place_give_state(struct place *p, const struct sandbox_user *user)
{
	static const char *const names[] = { "directory.db", "presence.db" };
	char path[PATHS_FILE_SIZE];

	if (geteuid() != 0)
		return ERR_OK;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (chown(paths_join(path, p->state, names[i]), user->uid, user->gid) &&
		    errno != ENOENT)
			return fail_errno(p, path);
	if (chown(p->state, user->uid, user->gid))
		return fail_errno(p, p->state);
	return ERR_OK;
}

/* A rename is on the disk when its folder is. */
static void sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fsync(fd))
		log_warn("%s: %s", path, strerror(errno));
	close(fd);
}

enum err place_commit(struct place *p)
{
	if (chmod(p->etc, 0755))
		return fail_errno(p, p->etc);
	if (rename(p->state, p->paths->state))
		return fail_errno(p, p->paths->state);
	p->state_in_place = true;
	sync_dir(p->state_parent);
	if (rename(p->etc, p->paths->etc))
		return fail_errno(p, p->paths->etc);
	sync_dir(p->etc_parent);
	return ERR_OK;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *path)
{
	if (path[0] && nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS))
		log_warn("%s: %s", path, strerror(errno));
}

void place_discard(struct place *p)
{
	remove_tree(p->state_in_place ? p->paths->state : p->state);
	remove_tree(p->etc);
	if (p->made_state_parent)
		rmdir(p->state_parent);
	if (p->made_etc_parent)
		rmdir(p->etc_parent);
}
