/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* How long a manager with a full queue (one that replaces itself, say) may keep us waiting. */
enum { SEND_LIMIT_S = 1 };

void notify_send(const char *state)
{
	const struct timeval limit = { .tv_sec = SEND_LIMIT_S };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof(sun.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(sun.sun_path, path, n);
	if (path[0] == '@') /* the abstract name space */
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sun,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

void notify_reloading(void)
{
	char state[64];
	struct timespec t;

	/* Not our own clock, which counts while suspended, too: the manager compares with its own.
	 */
	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		 (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u);
	notify_send(state);
}

/* A variable of the environment that is nothing but a positive number. */
static bool number_of(const char *name, uint64_t *out)
{
	const char *s = getenv(name);
	char *end;

	if (!s || *s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return errno == 0 && *end == '\0' && *out > 0;
}

uint64_t notify_watchdog_ms(void)
{
	uint64_t usec, pid;

	if (!number_of("WATCHDOG_USEC", &usec))
		return 0;
	if (getenv("WATCHDOG_PID") &&
	    (!number_of("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
		return 0;
	return usec / 2000u ? usec / 2000u : 1;
}
