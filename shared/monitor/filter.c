/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "shared/base/log.h"

#define CALL(name) SCMP_SYS(name)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER true
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER false
#endif

/* What there is: descriptors, messages over them, time, signals, the process itself. */
static const int always[] = {
	CALL(read),
	CALL(write),
	CALL(readv),
	CALL(writev),
	CALL(recvfrom),
	CALL(sendto),
	CALL(recvmsg),
	CALL(sendmsg),
	CALL(recvmmsg),
	CALL(sendmmsg),
	CALL(shutdown),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(getsockname),
	CALL(getpeername),
	CALL(ioctl),
	CALL(fcntl),
	CALL(fstat),
	CALL(lseek),
	CALL(dup),
	CALL(dup2),
	CALL(dup3),
	CALL(close),
	CALL(pipe2),
	CALL(eventfd2),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(epoll_pwait2),
	CALL(poll),
	CALL(ppoll),
	CALL(pselect6),
	CALL(select),
	CALL(signalfd4),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(clock_gettime),
	CALL(clock_getres),
	CALL(clock_nanosleep),
	CALL(gettimeofday),
	CALL(nanosleep),
	CALL(time),
	CALL(getrandom),
	CALL(brk),
	CALL(munmap),
	CALL(mremap),
	CALL(madvise),
	CALL(futex),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(rt_sigtimedwait),
	CALL(sigaltstack),
	CALL(tgkill),
	CALL(restart_syscall),
	CALL(sched_yield),
	CALL(sched_getaffinity),
	CALL(getpid),
	CALL(gettid),
	CALL(getppid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(getrusage),
	CALL(sysinfo),
	CALL(uname),
	CALL(prctl),
	CALL(rseq),
	CALL(set_robust_list),
	CALL(exit),
	CALL(exit_group),
};

static const int files[] = {
	CALL(open),         CALL(openat),    CALL(access),     CALL(faccessat), CALL(faccessat2),
	CALL(stat),         CALL(lstat),     CALL(newfstatat), CALL(statx),     CALL(statfs),
	CALL(fstatfs),      CALL(readlink),  CALL(readlinkat), CALL(getcwd),    CALL(getdents64),
	CALL(pread64),      CALL(pwrite64),  CALL(preadv),     CALL(pwritev),   CALL(ftruncate),
	CALL(fallocate),    CALL(fadvise64), CALL(fsync),      CALL(fdatasync), CALL(flock),
	CALL(rename),       CALL(renameat),  CALL(renameat2),  CALL(link),      CALL(linkat),
	CALL(unlink),       CALL(unlinkat),  CALL(mkdir),      CALL(mkdirat),   CALL(rmdir),
	CALL(fchmod),       CALL(fchmodat),  CALL(chmod),      CALL(fchown),    CALL(utimensat),
	CALL(memfd_create), CALL(umask),     CALL(mmap),       CALL(mprotect),
};

/* socket() itself is allowed by family. */
static const int sockets[] = {
	CALL(connect), CALL(bind), CALL(listen), CALL(accept), CALL(accept4), CALL(socketpair),
};

/* clone() itself is allowed for threads only. */
static const int threads[] = {
	CALL(set_tid_address),    CALL(sched_getparam), CALL(sched_setaffinity),
	CALL(sched_getscheduler), CALL(prlimit64),      CALL(membarrier),
};

/* Nothing of ours, and no library that we use, ever makes these. */
static const int fatal[] = {
	CALL(execve),
	CALL(execveat),
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(mount),
	CALL(umount2),
	CALL(pivot_root),
	CALL(chroot),
	CALL(setns),
	CALL(unshare),
	CALL(bpf),
	CALL(init_module),
	CALL(finit_module),
	CALL(kexec_load),
	CALL(setuid),
	CALL(setresuid),
	CALL(setgid),
	CALL(setresgid),
	CALL(capset),
	CALL(keyctl),
	CALL(userfaultfd),
	CALL(perf_event_open),
	CALL(io_uring_setup),
};

static int add(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add(ctx, action, calls[i], 0);
	return r;
}

static int add_files(scmp_filter_ctx ctx)
{
	return add(ctx, SCMP_ACT_ALLOW, files, ARRAY_LEN(files));
}

/* Memory that nobody can run code from, for those who load no more libraries. */
static int add_memory(scmp_filter_ctx ctx)
{
	static const int calls[] = { CALL(mmap), CALL(mprotect) };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(calls) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* fstat() of the C library: the descriptor itself, by an empty path. */
	return r ? r
		 : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, CALL(newfstatat), 1,
				    SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
}

static int add_sockets(scmp_filter_ctx ctx)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK };
	int r = add(ctx, SCMP_ACT_ALLOW, sockets, ARRAY_LEN(sockets));

	for (size_t i = 0; i < ARRAY_LEN(families) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, CALL(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
	return r;
}

/* clone3() keeps its flags in memory, where no filter can see them: the C library takes clone()
 * where it is not known. */
static int add_threads(scmp_filter_ctx ctx)
{
	int r = add(ctx, SCMP_ACT_ALLOW, threads, ARRAY_LEN(threads));

	return r ? r
		 : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, CALL(clone), 1,
				    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

static int fill(scmp_filter_ctx ctx, unsigned calls)
{
	int r = add(ctx, SCMP_ACT_KILL_PROCESS, fatal, ARRAY_LEN(fatal));

	if (r == 0)
		r = add(ctx, SCMP_ACT_ALLOW, always, ARRAY_LEN(always));
	if (r == 0)
		r = calls & FILTER_FILES ? add_files(ctx) : add_memory(ctx);
	if (r == 0 && calls & FILTER_SOCKETS)
		r = add_sockets(ctx);
	if (r == 0 && calls & FILTER_ACCEPT)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, CALL(accept4), 0);
	if (r == 0 && calls & FILTER_THREADS)
		r = add_threads(ctx);
	return r;
}

/* For all threads at once; and a search by halves instead of one by one for every call. */
static int set_attributes(scmp_filter_ctx ctx)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);

	return r ? r : seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
}

bool filter_is_built(void) { return !HAS_SANITIZER; }

enum err filter_apply(unsigned calls)
{
	scmp_filter_ctx ctx;
	int r = -ENOMEM;

	if (!filter_is_built())
		return ERR_OK;
	ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (ctx)
		r = set_attributes(ctx);
	if (r == 0)
		r = fill(ctx, calls);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r == 0 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER)
		return ERR_OK;
	log_error("cannot limit the system calls of this process: %s; does the kernel have "
		  "CONFIG_SECCOMP_FILTER?",
		  strerror(-r));
	return ERR_SYSTEM;
}
