/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * For tests of privileged code: runs a test's body in a process of its own, optionally in a network
 * namespace of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/clock.h"

/* In a forked process cmocka's own assertions would jump back into a copy of the test runner. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond);       \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* Runs `body` in a child and fails the test when that does not end well. */
static inline void run_in_child(void (*body)(void *), void *arg)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		body(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("the child ended with status 0x%x", (unsigned)status);
}

static inline void enter_netns(void) { CHECK(unshare(CLONE_NEWNET) == 0); }

/* The output of a command, cut to `size`. */
static inline const char *output_of(const char *command, char *out, size_t size)
{
	FILE *f = popen(command, "r");
	size_t n;

	CHECK(f != NULL);
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	pclose(f);
	return out;
}

static inline bool command_says(const char *command, const char *part)
{
	char out[16384];

	return strstr(output_of(command, out, sizeof(out)), part) != NULL;
}

/* Looks every few milliseconds until `cond` holds; false after `limit_ms`. */
static inline bool wait_until(bool (*cond)(void *), void *arg, unsigned limit_ms)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	uint64_t end_ms = clock_now_ms() + limit_ms;

	while (!cond(arg)) {
		if (clock_now_ms() > end_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static inline void write_file(const char *path, const char *text, unsigned mode)
{
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
	CHECK(chmod(path, mode) == 0);
}

static inline const char *read_text(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(out, 1, size - 1, f) : 0;

	out[n] = '\0';
	if (f)
		fclose(f);
	return out;
}

/* Fails clearly, and early, when the tests cannot do their work. */
static inline int need_root(void **state)
{
	(void)state;
	if (geteuid() == 0)
		return 0;
	print_error("these tests need root: run them with sudo\n");
	return -1;
}
