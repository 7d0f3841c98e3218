/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/cli/install.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/keys/keys.h"
#include "spoke/control/known_keys.h"
#include "shared/monitor/key_files.h"

#define CONF_MAX_BYTES (256u << 10)
#define ITEMS          6u
#define PATH_SIZE      (PATHS_FILE_SIZE + 32u)

/* One file to be written, in the order of writing; without a text only an older one goes aside. */
struct item {
	char name[PATHS_DIR_SIZE]; /* below the folder */
	struct buf text;
	mode_t mode;
	gid_t group; /* (gid_t)-1: root's */
	bool written;
	char saved[PATH_SIZE]; /* where the file that was there is now; empty: there was none */
};

static void items_fini(struct item items[ITEMS])
{
	for (size_t i = 0; i < ITEMS; i++)
		buf_fini(&items[i].text);
}

static struct item *item_init(struct item *it, const char *name, mode_t mode)
{
	snprintf(it->name, sizeof(it->name), "%s", name);
	it->mode = mode;
	it->group = (gid_t)-1;
	buf_init(&it->text, CONF_MAX_BYTES);
	return it;
}

static enum err put_key(struct buf *b, const uint8_t key[KEY_BYTES])
{
	char text[KEY_BASE64_SIZE];
	enum err e = buf_printf(b, "%s\n", base64_encode(key, KEY_BYTES, text));

	secret_zero(text, sizeof(text));
	return e;
}

/* True when a configuration line sets `key` (to `value`, if that is not NULL). */
static bool line_sets(const char *line, size_t len, const char *key, const char *value)
{
	size_t n = strlen(key), v = value ? strlen(value) : 0;

	while (len && (*line == ' ' || *line == '\t'))
		line++, len--;
	if (len < n || strncasecmp(line, key, n) != 0 || (len > n && !strchr(" \t=\r", line[n])))
		return false;
	for (line += n, len -= n; len && strchr(" \t=", *line); len--)
		line++;
	while (len && strchr(" \t\r", line[len - 1]))
		len--;
	return !value || (len == v && memcmp(line, value, v) == 0);
}

/* Lines of an older spoke.conf stay, except those that say what the join says. */
static enum err keep_lines(struct buf *out, const char *path, const char *hub, bool proxy)
{
	struct buf old;
	const char *p, *end, *text;
	enum err e;

	buf_init(&old, CONF_MAX_BYTES / 2);
	e = file_read(path, &old);
	text = e ? NULL : buf_cstr(&old);
	for (p = text; e == ERR_OK && p && *p; p = end) {
		size_t n = strcspn(p, "\n");

		end = p + n + (p[n] == '\n');
		if (line_sets(p, n, "Name", NULL) || line_sets(p, n, "ConnectTo", hub) ||
		    (proxy && line_sets(p, n, "Proxy", NULL)))
			continue;
		e = buf_put(out, p, n);
		if (!e)
			e = buf_put(out, "\n", 1);
	}
	buf_fini(&old);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err conf_text(const struct install *in, struct buf *out)
{
	const struct control_welcome *w = &in->cache->welcome;
	char path[PATHS_FILE_SIZE];
	enum err e = buf_printf(out, "Name = %s\nConnectTo = %s\n", w->name, w->hub_name);

	if (!e && in->proxy)
		e = buf_printf(out, "Proxy = %s\n", in->proxy);
	return e ? e
		 : keep_lines(out, paths_join(path, in->c->paths.etc, "spoke.conf"), w->hub_name,
			      in->proxy != NULL);
}

static enum err host_text(const struct install *in, struct buf *out)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; e == ERR_OK && i < in->token->n_addresses; i++)
		e = buf_printf(out, "Address = %s\n", in->token->addresses[i]);
	return e;
}

/* Only root and the daemon, which reads its configuration again on SIGHUP, may read it. */
static void close_item(struct item *it, const char *user)
{
	const struct passwd *pw = getpwnam(user);

	it->mode = 0640;
	if (pw)
		it->group = pw->pw_gid;
}

/* The contents of all files, in the order in which they are written. */
static enum err items_make(const struct install *in, struct item items[ITEMS])
{
	const struct control_hub_key *next = &in->cache->welcome.hub_key;
	char host[sizeof("hosts/") + NAME_SIZE];
	enum err e;

	snprintf(host, sizeof(host), "hosts/%s", in->cache->welcome.hub_name);
	e = host_text(in, &item_init(&items[0], host, 0644)->text);
	if (!e)
		e = put_key(&item_init(&items[1], "hub.pin", 0644)->text, in->token->hub_key.b);
	item_init(&items[2], "hub.pin" KEY_FILES_NEXT, 0644);
	if (!e && next->has_key)
		e = put_key(&items[2].text, next->key.b);
	if (!e)
		e = conf_text(in, &item_init(&items[3], "spoke.conf", 0644)->text);
	if (in->c->proxy.password[0])
		close_item(&items[3], in->user);
	if (!e)
		e = put_key(&item_init(&items[4], "tunnel.key", 0600)->text, in->keys->tunnel.b);
	if (!e)
		e = put_key(&item_init(&items[5], "identity.key", 0600)->text,
			    in->keys->identity.b);
	return e;
}

static const char *item_path(const char *dir, const struct item *it, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s/%s", dir, it->name);
	return out;
}

/* Takes back what was written, the last first. */
static void items_undo(const char *dir, struct item items[ITEMS])
{
	char path[PATH_SIZE];

	for (size_t i = ITEMS; i-- > 0;) {
		if (items[i].written)
			unlink(item_path(dir, &items[i], path));
		if (items[i].saved[0])
			(void)rename(items[i].saved, item_path(dir, &items[i], path));
		items[i].written = false;
		items[i].saved[0] = '\0';
	}
}

/* Moves a file that is in the way aside. */
static enum err save_old(struct item *it, const char *path)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	if (!file_exists(path))
		return ERR_OK;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S", &tm);
	if (snprintf(it->saved, sizeof(it->saved), "%s.old-%s", path, stamp) >=
		    (int)sizeof(it->saved) ||
	    rename(path, it->saved) < 0) {
		it->saved[0] = '\0';
		return err_from_errno(errno);
	}
	return ERR_OK;
}

static enum err items_write(const char *dir, struct item items[ITEMS], char why[512])
{
	char path[PATH_SIZE];
	enum err e;

	snprintf(path, sizeof(path), "%s/hosts", dir);
	e = file_make_dir(path, 0755);
	for (size_t i = 0; e == ERR_OK && i < ITEMS; i++) {
		item_path(dir, &items[i], path);
		e = save_old(&items[i], path);
		if (!e && !buf_len(&items[i].text))
			continue;
		if (!e)
			e = file_write_atomic(path, buf_data(&items[i].text),
					      buf_len(&items[i].text), items[i].mode);
		if (!e && items[i].group != (gid_t)-1 && geteuid() == 0 &&
		    chown(path, 0, items[i].group) < 0)
			e = err_from_errno(errno);
		items[i].written = e == ERR_OK;
	}
	if (e) {
		snprintf(why, 512, "%s: %s", path, err_str(e));
		items_undo(dir, items);
	}
	return e;
}

/* A folder beside the wanted one, filled and then renamed. */
static enum err write_new_folder(const char *etc, struct item items[ITEMS], char why[512])
{
	char temp[PATH_SIZE], hosts[PATH_SIZE + 8];
	const char *slash = strrchr(etc, '/');
	enum err e;

	snprintf(temp, sizeof(temp), "%.*s/.join-XXXXXX", slash ? (int)(slash - etc) : 1,
		 slash ? etc : ".");
	snprintf(hosts, sizeof(hosts), "%.*s", slash ? (int)(slash - etc) : 1, slash ? etc : ".");
	e = hosts[0] ? file_make_dir(hosts, 0755) : ERR_OK;
	if (e || !mkdtemp(temp) || chmod(temp, 0755) < 0) {
		snprintf(why, 512, "%s: %s", hosts, e ? err_str(e) : strerror(errno));
		return e ? e : err_from_errno(errno);
	}
	e = items_write(temp, items, why);
	if (!e && rename(temp, etc) < 0) {
		e = err_from_errno(errno);
		snprintf(why, 512, "%s: %s", etc, strerror(errno));
		items_undo(temp, items);
	}
	if (e) {
		snprintf(hosts, sizeof(hosts), "%s/hosts", temp);
		rmdir(hosts);
		rmdir(temp);
	}
	return e;
}

/*
 * Who may not change owners (a service unit leaves root no CAP_CHOWN) may still give what is his to
 * a group that he is in; CAP_SETGID makes root a member for that moment. The folder stays root's.
 */
static enum err give_to_group(const char *dir, gid_t gid)
{
	const gid_t ours = getegid();
	enum err e = ERR_OK;

	if (setegid(gid) < 0)
		return err_from_errno(errno);
	if (chown(dir, (uid_t)-1, gid) < 0 || chmod(dir, 0770) < 0)
		e = err_from_errno(errno);
	if (setegid(ours) < 0)
		e = err_from_errno(errno);
	return e;
}

enum err install_state_dir(const char *dir, const char *user)
{
	const struct passwd *pw = getpwnam(user);
	enum err e = file_make_dir(dir, 0750);
	struct stat st;

	if (e)
		return e;
	if (!pw)
		return ERR_NOTFOUND;
	if (stat(dir, &st) < 0)
		return err_from_errno(errno);
	if (st.st_uid == 0 && st.st_gid == pw->pw_gid && (st.st_mode & 07777) == 0770)
		return ERR_OK; /* give_to_group() */
	/*
	 * What is right already is left alone, and the mode is set while the folder is still ours:
	 * a service unit may leave root no right over what belongs to others.
	 */
	if (geteuid() == 0 && (st.st_mode & 07777) != 0750 && chmod(dir, 0750) < 0)
		return err_from_errno(errno);
	if (geteuid() == 0 && (st.st_uid != pw->pw_uid || st.st_gid != pw->pw_gid) &&
	    chown(dir, pw->pw_uid, pw->pw_gid) < 0)
		return errno == EPERM ? give_to_group(dir, pw->pw_gid) : err_from_errno(errno);
	return ERR_OK;
}

/* The cache under another name; it belongs to the control worker's user, who replaces it later. */
static enum err write_cache(const struct install *in, const char *path, char why[512])
{
	const struct passwd *pw = getpwnam(in->user);
	enum err e = install_state_dir(in->c->paths.state, in->user);

	if (!e || e == ERR_NOTFOUND)
		e = cache_save(in->cache, path);
	/* Not chown(): the folder is not root's, and a link there must not be followed. */
	if (!e && pw && geteuid() == 0 && lchown(path, pw->pw_uid, pw->pw_gid) < 0)
		e = err_from_errno(errno);
	if (e)
		snprintf(why, 512, "%s: %s", path, err_str(e));
	return e;
}

/* Of another hub, so of another network: what was known of the nodes of that one says nothing here.
 */
static bool is_other_hub(const struct install *in)
{
	struct public_key pin;

	return keys_read_public(in->c->hub_pin_file, &pin) == ERR_OK &&
	       !public_key_equal(&pin, &in->token->hub_key);
}

/* Kept under another name. Should that fail, the daemon warns of each node, until it is accepted.
 */
static void set_known_keys_aside(const struct install *in)
{
	char path[PATHS_FILE_SIZE], aside[PATHS_FILE_SIZE + 8];

	paths_join(path, in->c->paths.state, KNOWN_KEYS_FILE);
	snprintf(aside, sizeof(aside), "%s.old", path);
	(void)rename(path, aside);
}

bool install_is_joined(const struct spoke_config *c) { return file_exists(c->identity_key_file); }

enum err install_write(const struct install *in, char why[512])
{
	struct item items[ITEMS] = { 0 };
	char temp[PATH_SIZE];
	bool other_hub = is_other_hub(in);
	enum err e = items_make(in, items);

	snprintf(temp, sizeof(temp), "%s.join", in->c->cache_file);
	if (e) {
		snprintf(why, 512, "the configuration cannot be made: %s", err_str(e));
		goto out;
	}
	e = write_cache(in, temp, why);
	if (!e && file_exists(in->c->paths.etc))
		e = items_write(in->c->paths.etc, items, why);
	else if (!e)
		e = write_new_folder(in->c->paths.etc, items, why);
	/* From here on we are joined; should this rename fail, the daemon asks the hub for the
	 * directory. */
	if (e || rename(temp, in->c->cache_file) < 0)
		unlink(temp);
	if (!e && other_hub)
		set_known_keys_aside(in);
out:
	items_fini(items);
	return e;
}
