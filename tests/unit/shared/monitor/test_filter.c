/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/shared/monitor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "shared/monitor/filter.h"

#define REFUSED(call) ((call) == -1 && errno == ENOSYS)

static void *say_yes(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static bool can_begin_thread(void)
{
	pthread_t t;
	int done = 0;

	return pthread_create(&t, NULL, say_yes, &done) == 0 && pthread_join(t, NULL) == 0 && done;
}

/* Time, memory and descriptors that are there go on working for everybody. */
static void check_basics(int pipe_fd[2])
{
	const struct timespec moment = { .tv_nsec = 1000 };
	char byte = 'x';
	struct stat st;
	void *mem;

	CHECK(write(pipe_fd[1], &byte, 1) == 1 && read(pipe_fd[0], &byte, 1) == 1);
	CHECK(fstat(pipe_fd[0], &st) == 0 && clock_now_ms() > 0);
	CHECK(nanosleep(&moment, NULL) == 0);
	mem = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mem != MAP_FAILED && munmap(mem, 1 << 20) == 0);
	CHECK(malloc(64 << 20) != NULL);
}

static bool can_open(void)
{
	int fd = open("/dev/null", O_RDONLY);

	return fd >= 0 && close(fd) == 0;
}

static bool can_dial(int family)
{
	int fd = socket(family, SOCK_DGRAM, 0);

	return fd >= 0 && close(fd) == 0;
}

static bool can_map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

static void body_roles(void *arg)
{
	const unsigned calls = *(const unsigned *)arg;
	struct stat st;
	int fd[2];

	CHECK(pipe(fd) == 0 && filter_apply(calls) == ERR_OK);
	CHECK(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2);
	check_basics(fd);
	CHECK(can_open() == !!(calls & FILTER_FILES));
	CHECK((stat("/dev/null", &st) == 0) == !!(calls & FILTER_FILES));
	CHECK(can_map_code() == !!(calls & FILTER_FILES));
	CHECK(can_dial(AF_INET) == !!(calls & FILTER_SOCKETS));
	CHECK(can_dial(AF_UNIX) == !!(calls & FILTER_SOCKETS));
	CHECK(!can_dial(AF_PACKET) && !can_dial(AF_ALG) && !can_dial(AF_VSOCK));
	CHECK(can_begin_thread() == !!(calls & FILTER_THREADS));
	CHECK(REFUSED(fork()) && REFUSED(syscall(SYS_clone3, NULL, 0)));
	CHECK(REFUSED(syscall(SYS_sethostname, "x", 1)) && REFUSED(syscall(SYS_kill, getpid(), 0)));
}

static void skip_unless_built(void)
{
	if (filter_is_built())
		return;
	print_message("SKIPPED: a build with a sanitizer has no filter of system calls\n");
	skip();
}

static void gives_roles_their_calls(void **state)
{
	(void)state;
	skip_unless_built();
	for (unsigned calls = 0; calls < 8; calls++)
		run_in_child(body_roles, &calls);
}

static void body_built(void *arg)
{
	(void)arg;
	CHECK(filter_apply(0) == ERR_OK);
	CHECK(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == (filter_is_built() ? 2 : 0));
	CHECK(can_open() == !filter_is_built());
}

/* The kernel agrees with filter_is_built(). */
static void is_there_when_built(void **state)
{
	(void)state;
	run_in_child(body_built, NULL);
}

static int wake[2];

/* A thread that was there before. */
static void *try_to_open(void *arg)
{
	char byte;

	(void)arg;
	CHECK(read(wake[0], &byte, 1) == 1);
	CHECK(REFUSED(open("/dev/null", O_RDONLY)));
	return NULL;
}

static void body_threads(void *arg)
{
	pthread_t t;

	(void)arg;
	CHECK(pipe(wake) == 0 && pthread_create(&t, NULL, try_to_open, NULL) == 0);
	CHECK(filter_apply(0) == ERR_OK && write(wake[1], "x", 1) == 1);
	CHECK(pthread_join(t, NULL) == 0);
}

static void holds_all_threads(void **state)
{
	(void)state;
	skip_unless_built();
	run_in_child(body_threads, NULL);
}

static void execute(void) { execl("/bin/true", "true", (char *)NULL); }

static void trace(void) { (void)syscall(SYS_ptrace, 0, 0, 0, 0); }
static void leave(void) { (void)unshare(CLONE_NEWUSER); }
static void raise_rights(void) { (void)syscall(SYS_setuid, 0); }

/* The process ends there and then, not with an error that could be tried again. */
static void ends_attackers(void **state)
{
	static void (*const attacks[])(void) = { execute, trace, leave, raise_rights };

	(void)state;
	skip_unless_built();
	for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
		int status = 0;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			if (filter_apply(FILTER_FILES | FILTER_SOCKETS | FILTER_THREADS) == ERR_OK)
				attacks[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_there_when_built),
		cmocka_unit_test(gives_roles_their_calls),
		cmocka_unit_test(holds_all_threads),
		cmocka_unit_test(ends_attackers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
