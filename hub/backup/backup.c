/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/backup/backup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hub/backup/passphrase.h"
#include "shared/base/file.h"
#include "shared/monitor/launch.h"

static const char help[] =
	"Usage: branchline-hub -n NET backup passphrase        who can open backups (once)\n"
	"       branchline-hub -n NET backup create FILE       the whole hub in one encrypted "
	"file\n"
	"       branchline-hub -n NET backup verify FILE       open it and check everything in it\n"
	"       branchline-hub -n NET backup restore FILE      make the network from it\n\n"
	"FILE is \"-\" for standard output (create). A passphrase is asked for on the terminal, "
	"or\n"
	"read from standard input when that is none. Without it a backup is worth nothing: keep\n"
	"it where the hub is not.\n\n"
	"  --help    show this\n";

int backup_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("branchline-hub: backup: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

/* Writes backup.key; an older one opens older backups only by its passphrase, so it can go. */
static int write_key(const struct paths *paths, const struct recipient *r)
{
	char line[RECIPIENT_LINE_SIZE + 1], path[PATHS_FILE_SIZE];
	size_t n;
	enum err e;

	recipient_format(r, line);
	n = strlen(line);
	line[n++] = '\n';
	e = file_write_atomic(paths_join(path, paths->etc, "backup.key"), line, n, 0600);
	secret_zero(line, sizeof(line));
	if (e)
		return backup_fail(LAUNCH_FAILED, "%s: %s", path, err_str(e));
	printf("%s is written. Backups made from now on open with this passphrase:\n"
	       "  branchline-hub -n %s backup create FILE\n",
	       path, paths->net);
	return LAUNCH_DONE;
}

static int set_passphrase(const struct paths *paths)
{
	char passphrase[PASSPHRASE_SIZE], path[PATHS_FILE_SIZE];
	struct recipient r = { 0 };
	int code;
	enum err e;

	if (!file_exists(paths_join(path, paths->etc, "hub.conf")))
		return backup_fail(LAUNCH_FAILED, "%s: there is no hub of this network here", path);
	if (passphrase_ask(true, passphrase))
		return LAUNCH_FAILED;
	e = recipient_make(&r, passphrase, RECIPIENT_LOG_N);
	secret_zero(passphrase, sizeof(passphrase));
	if (e == ERR_INVALID)
		return backup_fail(LAUNCH_REFUSED, "the passphrase must have %u to %u characters",
				   RECIPIENT_PASSPHRASE_MIN, RECIPIENT_PASSPHRASE_MAX);
	if (e)
		return backup_fail(LAUNCH_FAILED, "the passphrase cannot be used: %s", err_str(e));
	code = write_key(paths, &r);
	secret_zero(&r, sizeof(r));
	return code;
}

int backup_main(const struct paths *paths, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct paths *paths, const char *file);
	} commands[] = {
		{ "create", backup_create },
		{ "verify", backup_verify },
		{ "restore", backup_restore },
	};

	if (argc >= 2 && strcmp(argv[argc - 1], "--help") == 0) {
		fputs(help, stdout);
		return LAUNCH_DONE;
	}
	if (argc == 2 && strcmp(argv[1], "passphrase") == 0)
		return set_passphrase(paths);
	for (size_t i = 0; argc == 3 && i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(paths, argv[2]);
	fputs(help, stderr);
	return LAUNCH_USAGE;
}
