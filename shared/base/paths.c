/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ETC_VARIABLE "BRANCHLINE_ETC"
#define ETC_ROOT     "/etc/branchline"

/* One root: what the environment says, or the built-in place. A set-user-ID program ignores the
 * environment. */
static const char *root(const char *variable, const char *built_in)
{
	const char *s = secure_getenv(variable);

	return s && *s ? s : built_in;
}

static enum err join(char *out, size_t size, const char *dir, const char *file)
{
	int n = snprintf(out, size, "%s/%s", dir, file);

	return n < 0 || (size_t)n >= size ? ERR_TOOBIG : ERR_OK;
}

/* The configuration folder as an absolute path: a daemon changes its working folder later. */
static enum err set_config_dir(char out[PATHS_DIR_SIZE], const char *dir)
{
	char here[PATHS_DIR_SIZE];
	size_t n = strlen(dir);

	if (n == 0)
		return ERR_INVALID;
	if (dir[0] != '/')
		return getcwd(here, sizeof(here)) ? join(out, PATHS_DIR_SIZE, here, dir)
						  : ERR_TOOBIG;
	if (n >= PATHS_DIR_SIZE)
		return ERR_TOOBIG;
	memcpy(out, dir, n + 1);
	return ERR_OK;
}

enum err paths_init(struct paths *p, const char *net, const char *config_dir)
{
	struct paths q = { 0 };
	enum err e;

	if (!name_is_valid(net))
		return ERR_INVALID;
	memcpy(q.net, net, strlen(net) + 1);
	if (config_dir)
		e = set_config_dir(q.etc, config_dir);
	else
		e = join(q.etc, sizeof(q.etc), root(ETC_VARIABLE, ETC_ROOT), net);
	if (!e)
		e = join(q.state, sizeof(q.state), root("BRANCHLINE_STATE", "/var/lib/branchline"),
			 net);
	if (!e)
		e = join(q.run, sizeof(q.run), root("BRANCHLINE_RUN", "/run/branchline"), net);
	if (!e)
		*p = q;
	return e;
}

char *paths_join(char out[PATHS_FILE_SIZE], const char *dir, const char *file)
{
	BUG_ON(join(out, PATHS_FILE_SIZE, dir, file) != ERR_OK);
	return out;
}

/* What may be a network's folder. */
static int is_network(const struct dirent *d) { return name_is_valid(d->d_name); }

static void tell(const char *net, const char *file, paths_network each, void *arg)
{
	char path[PATHS_FILE_SIZE];
	struct paths p;

	if (paths_init(&p, net, NULL) == ERR_OK && access(paths_join(path, p.etc, file), F_OK) == 0)
		each(arg, &p);
}

enum err paths_networks(const char *file, paths_network each, void *arg)
{
	struct dirent **found;
	int n = scandir(root(ETC_VARIABLE, ETC_ROOT), &found, is_network, alphasort);

	if (n < 0)
		return errno == ENOENT ? ERR_OK : errno == EACCES ? ERR_DENIED : ERR_IO;
	for (int i = 0; i < n; i++) {
		tell(found[i]->d_name, file, each, arg);
		free(found[i]);
	}
	free(found);
	return ERR_OK;
}
