/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/backup/passphrase.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* One line from `fd`, byte by byte, so that nothing behind it is taken and no buffer keeps it. */
static enum err read_line(int fd, char out[PASSPHRASE_SIZE])
{
	size_t n = 0;

	for (;;) {
		char c;
		ssize_t k = read(fd, &c, 1);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_from_errno(errno);
		if (k == 0 || c == '\n')
			break;
		if (c == '\0' || n + 1 >= PASSPHRASE_SIZE)
			return ERR_TOOBIG;
		out[n++] = c;
	}
	if (n && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	return n ? ERR_OK : ERR_NOTFOUND;
}

/* Asks on the terminal that standard input is, with its echo off. */
static enum err ask_terminal(const char *prompt, char out[PASSPHRASE_SIZE])
{
	struct termios before, quiet;
	enum err e;

	if (tcgetattr(STDIN_FILENO, &before))
		return err_from_errno(errno);
	quiet = before;
	/* Without signals from the keyboard either: they would leave the terminal mute. */
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	fputs(prompt, stderr);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet))
		return err_from_errno(errno);
	e = read_line(STDIN_FILENO, out);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &before))
		e = e ? e : err_from_errno(errno);
	fputc('\n', stderr);
	return e;
}

static enum err ask(bool twice, char out[PASSPHRASE_SIZE])
{
	char again[PASSPHRASE_SIZE];
	enum err e;

	if (!isatty(STDIN_FILENO))
		return read_line(STDIN_FILENO, out);
	e = ask_terminal("Passphrase of the backup: ", out);
	if (e || !twice)
		return e;
	e = ask_terminal("The same again: ", again);
	if (!e && strcmp(out, again) != 0)
		e = ERR_CONFLICT;
	secret_zero(again, sizeof(again));
	return e;
}

enum err passphrase_ask(bool twice, char out[PASSPHRASE_SIZE])
{
	enum err e = ask(twice, out);

	if (!e)
		return ERR_OK;
	secret_zero(out, PASSPHRASE_SIZE);
	if (e == ERR_CONFLICT)
		fputs("branchline-hub: backup: the two passphrases are not the same\n", stderr);
	else if (e == ERR_NOTFOUND)
		fputs("branchline-hub: backup: no passphrase was given; type it, or pipe it in as "
		      "one line\n",
		      stderr);
	else
		fprintf(stderr, "branchline-hub: backup: the passphrase cannot be read: %s\n",
			err_str(e));
	return e;
}
