/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/log.h"

enum err sandbox_find_user(const char *name, struct sandbox_user *out)
{
	errno = 0;
	const struct passwd *pw = getpwnam(name);

	if (!pw)
		return ERR_NOTFOUND;
	if (pw->pw_uid == 0 || pw->pw_gid == 0)
		return ERR_DENIED;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	return ERR_OK;
}

static enum err failed(const char *step)
{
	log_error("cannot drop privileges: %s: %s", step, strerror(errno));
	return ERR_SYSTEM;
}

/*
 * Empties the bounding set, so that no program file could give a capability back. Needs
 * CAP_SETPCAP, so it comes first.
 */
static enum err drop_bounding(void)
{
	int has;

	for (cap_value_t c = 0; (has = cap_get_bound(c)) >= 0; c++) {
		if (has && cap_drop_bound(c) != 0)
			return failed("bounding set");
	}
	return ERR_OK;
}

/* Groups before the user: afterwards there is no right left to change them. */
static enum err drop_ids(const struct sandbox_user *u)
{
	if (setgroups(0, NULL) != 0)
		return failed("setgroups");
	if (setresgid(u->gid, u->gid, u->gid) != 0)
		return failed("setresgid");
	if (setresuid(u->uid, u->uid, u->uid) != 0)
		return failed("setresuid");
	return ERR_OK;
}

/*
 * setresuid() has emptied the effective and permitted sets already, unless somebody set "keep
 * caps"; this empties all three.
 */
static enum err drop_caps(void)
{
	cap_t none = cap_init();
	int r;

	if (!none)
		return failed("cap_init");
	r = cap_set_proc(none);
	cap_free(none);
	if (r != 0)
		return failed("capset");
	if (cap_reset_ambient() != 0)
		return failed("ambient set");
	return ERR_OK;
}

/* After setresuid(), which resets "dumpable" to the system's default. */
static enum err lock_down(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed("no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return failed("dumpable");
	return ERR_OK;
}

static bool has_any_cap(void)
{
	cap_t now = cap_get_proc();
	cap_t none = cap_init();
	bool any = !now || !none || cap_compare(now, none) != 0;

	cap_free(now);
	cap_free(none);
	for (cap_value_t c = 0; !any && cap_get_bound(c) >= 0; c++)
		any = cap_get_bound(c) != 0 || cap_get_ambient(c) != 0;
	return any;
}

/* Trusts nothing that was done above: asks the kernel, and tries the way back. */
static enum err verify(const struct sandbox_user *u)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	errno = 0;
	if (getresuid(&r, &e, &s) != 0 || r != u->uid || e != u->uid || s != u->uid)
		return failed("user is not what it should be");
	if (getresgid(&rg, &eg, &sg) != 0 || rg != u->gid || eg != u->gid || sg != u->gid)
		return failed("group is not what it should be");
	if (getgroups(0, NULL) != 0)
		return failed("groups are left");
	if (has_any_cap())
		return failed("capabilities are left");
	if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0)
		return failed("root can be had back");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return failed("process attributes are not what they should be");
	return ERR_OK;
}

enum err sandbox_drop(const struct sandbox_user *u)
{
	static const struct rlimit no_core;
	enum err e;

	BUG_ON(u->uid == 0 || u->gid == 0);
	umask(077);
	if (chdir("/") != 0)
		return failed("chdir");
	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		return failed("core limit");
	if ((e = drop_bounding()) != ERR_OK)
		return e;
	if ((e = drop_ids(u)) != ERR_OK)
		return e;
	if ((e = drop_caps()) != ERR_OK)
		return e;
	if ((e = lock_down()) != ERR_OK)
		return e;
	return verify(u);
}
