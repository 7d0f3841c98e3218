/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * sockets: opens and binds what the workers listen on. All sockets are non-blocking and
 * close-on-exec; IPv6 ones are IPv6 only. Failures are logged here, since only here is known which
 * step it was.
 *
 * An IPv6 address that cannot be had because the machine has no IPv6 is left out with a notice,
 * when the list has an IPv4 one with the same port. Any other failure fails the whole list, and
 * nothing of it stays open.
 */
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/addr.h"

struct sockets_options {
	uint32_t fwmark;            /* SO_MARK, 0 none; accepted connections have it, too */
	const char *bind_interface; /* SO_BINDTODEVICE, NULL none */
	bool shared; /* UDP, SO_REUSEPORT: several sockets an address, one a worker; the kernel
			chooses by the two addresses and ports of a packet */
};

/*
 * UDP sockets with buffers of SOCKET_BUFFER_BYTES (a warning when the kernel gives less). Path MTU
 * discovery is off (IP_PMTUDISC_DONT); the engine turns it on (udp_set_discovery()). `fds` has room
 * for `n`; the number opened goes to `*n_fds`. Port 0 is any free one, the same for all of the list
 * that have 0, and is written into it.
 */
enum err sockets_open_udp(struct endpoint *list, unsigned n, const struct sockets_options *o,
			  int *fds, unsigned *n_fds) must_check;

/* TCP listeners; no port is 0. */
enum err sockets_open_tcp(const struct endpoint *list, unsigned n, const struct sockets_options *o,
			  int *fds, unsigned *n_fds) must_check;

/* A TCP socket of that family that is to be connected, from the first of the `n` addresses that has
 * the family and is not "any" (with a port of the kernel's choice), if there is one. */
enum err sockets_open_dial(int family, const struct endpoint *from, unsigned n,
			   const struct sockets_options *o, int *fd) must_check;

/* What DNS questions come to at this address: a UDP socket, or a TCP listener. It may be bound
 * before the kernel has done with making the address usable. Failures are not logged: who wants it
 * tries again. */
enum err sockets_open_dns(const struct addr *a, bool stream, int *fd) must_check;

/*
 * A UNIX stream listener at `path`: mode 0660, owned by root and `group` (NULL: root). Missing
 * folders are made (0755). A socket that nobody listens on any more is replaced. ERR_EXISTS:
 * somebody does, or it is no socket; ERR_NOTFOUND: no such group.
 */
enum err sockets_open_unix(const char *path, const char *group, int *fd) must_check;

/* Closes `n` descriptors and sets them to -1. */
void sockets_close(int *fds, unsigned n);
