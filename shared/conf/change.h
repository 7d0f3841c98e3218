/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * change: `get`, `set`, `add`, `del` and `edit` of both programs: variables of the main file
 * (hub.conf, spoke.conf) and of hosts/NAME, as tinc's command of these names.
 *
 * A variable is KEY or HOST.KEY. KEY alone stands in the main file or, where it may not stand
 * there, in this node's own hosts file. A file is replaced as a whole, with its mode and owner; one
 * with which the daemon could not start is not put in place, unless the old one was as bad.
 */
#include "shared/base/args.h"
#include "shared/base/paths.h"
#include "shared/conf/edit.h"
#include "shared/conf/vars.h"

/* Whose configuration it is. */
struct conf_files {
	const char *program; /* "branchline-hub" */
	enum conf_program kind;
	const struct paths *paths;
	const char *main; /* "hub.conf" */
	/* Could the daemon start with what is there? Otherwise `why` says why not. */
	enum err (*check)(const struct paths *paths, char why[512]);
	bool json, dry_run;
};

/* Exit codes as all commands have them (launch.h). The words are those of the command line. */
int conf_get(const struct conf_files *f, const struct args *a);
/* "VAR VALUE...": words are put together, so that "Proxy http host 3128" needs no quotes. */
int conf_change(const struct conf_files *f, const struct args *a, enum conf_edit kind);
/* Opens the main file, or hosts/NAME for a word, in $VISUAL or $EDITOR. */
int conf_editor(const struct conf_files *f, const struct args *a);
