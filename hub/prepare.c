/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/prepare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub/store/store.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/monitor/sandbox.h"

/* The hub's node id, from the settings. */
static enum err read_hub_id(struct store *s, uint32_t *id)
{
	struct buf b;
	const char *text;
	enum err e;

	buf_init(&b, 16);
	e = store_setting_get(s, "hub_id", &b);
	text = e ? NULL : buf_cstr(&b);
	if (text)
		*id = (uint32_t)strtoul(text, NULL, 10);
	buf_fini(&b);
	return e ? e : text ? ERR_OK : ERR_NOMEM;
}

/* A hub.conf of another hub beside this database would give spokes a name that they do not know. */
static enum err check_name(struct store *s, const struct hub_config *c)
{
	struct node hub;
	uint32_t id = 0;
	enum err e = read_hub_id(s, &id);

	if (!e)
		e = store_node_get(s, id, &hub, NULL);
	if (e) {
		log_error("database in %s: the hub's own node: %s", c->paths.state, err_str(e));
		return e;
	}
	if (strcmp(hub.name, c->name) != 0) {
		log_error("hub.conf says Name = %s, but the hub of the database in %s is %s",
			  c->name, c->paths.state, hub.name);
		e = ERR_CONFLICT;
	}
	node_fini(&hub);
	return e;
}

/* Spokes learn the port of the tunnels from the database. */
static enum err publish_port(struct store *s, const struct hub_config *c)
{
	char port[16];
	const char *known;
	struct buf b;
	enum err e;

	snprintf(port, sizeof(port), "%u", (unsigned)c->port);
	buf_init(&b, 64);
	e = store_setting_get(s, "udp_port", &b);
	known = e ? NULL : buf_cstr(&b);
	if (e == ERR_NOTFOUND || (!e && known && strcmp(known, port) != 0))
		e = store_setting_put(s, "udp_port", port);
	buf_fini(&b);
	if (e)
		log_error("database: %s", store_error(s));
	return e;
}

/* In the child. */
static enum err prepare(const struct hub_config *c)
{
	struct store *s = NULL;
	enum err e = store_create(c->paths.state);

	if (!e)
		e = store_open(c->paths.state, &s);
	if (!e)
		e = check_name(s, c);
	if (!e)
		e = publish_port(s, c);
	store_close(s);
	return e;
}

enum err prepare_state(const struct hub_config *c)
{
	struct sandbox_user user;
	bool root = geteuid() == 0;
	int status;
	pid_t child;
	enum err e = root ? sandbox_find_user(c->user, &user) : ERR_OK;

	if (e) {
		log_error("user %s: %s; make it with: useradd --system --no-create-home --shell "
			  "/usr/sbin/nologin %s",
			  c->user, e == ERR_NOTFOUND ? "there is no such user" : err_str(e),
			  c->user);
		return e;
	}
	child = fork();
	if (child == 0)
		_exit((root && sandbox_drop(&user)) || prepare(c) ? 1 : 0);
	if (child < 0 || waitpid(child, &status, 0) != child) {
		log_error("cannot prepare the database: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ERR_OK : ERR_SYSTEM;
}
