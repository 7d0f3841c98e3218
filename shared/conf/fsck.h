/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * fsck: looks through a network's folders on this machine for what would hinder its daemon, and for
 * what endangers it. Each program calls the checks that are its own, too.
 *
 *   1. fsck_begin()
 *   2. fsck_*()      each finding is printed (with --json kept for the end)
 *   3. fsck_end()    the exit code
 */
#include <jansson.h>
#include <stdbool.h>

#include "shared/base/paths.h"
#include "shared/conf/vars.h"

struct fsck {
	const char *program;
	enum conf_program kind;
	const struct paths *paths;
	bool json;
	bool fix; /* put right what can be put right without knowing what was meant: permissions */
	unsigned errors, warnings, fixed;
	json_t *findings; /* owned */
};

void fsck_begin(struct fsck *f);
/* A finding about a file or a thing. */
void fsck_error(struct fsck *f, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void fsck_warn(struct fsck *f, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The main file and everything in hosts/: every unknown key, misplaced or bad value. */
void fsck_config(struct fsck *f, const char *main);
/* The configuration folder and hosts/: root's, nobody else may write there. */
void fsck_folders(struct fsck *f);
/* Scripts: names that are never run, and what keeps them from being run. */
void fsck_scripts(struct fsck *f);
/* A file with a secret: there, a regular file of root's, mode 0600. False: not there. */
bool fsck_secret(struct fsck *f, const char *path);
/* Prints the sum, or everything as JSON. Returns 0, or 1 when an error is left. */
int fsck_end(struct fsck *f);
