/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/sockets.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/paths.h"
#include "shared/wire/dns.h"
#include "shared/wire/limits.h"

/* Connections that wait for their TLS handshake. At LINK_TLS_PER_S the last of them has its turn
 * after half of the time that it has (LINK_HANDSHAKE_MS). The kernel's somaxconn has the last word.
 */
#define TCP_BACKLOG  4096
#define UNIX_BACKLOG 128

_Static_assert(TCP_BACKLOG * 1000u / LINK_TLS_PER_S < LINK_HANDSHAKE_MS * 2u / 3u,
	       "nobody waits in the backlog until it is too late");

/* How one kind of socket is made ready before it is bound. */
struct kind {
	const char *name;
	int type;
	enum err (*prepare)(int fd, int family, const struct sockets_options *o);
	const struct sockets_options *options;
};

static enum err set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? ERR_OK
									 : err_from_errno(errno);
}

/*
 * Asks for the buffer past the system's maximum; without the right to, up to it. True when it is as
 * large as wanted.
 */
static bool set_buffer(int fd, int force, int plain)
{
	int want = (int)SOCKET_BUFFER_BYTES, got = 0;
	socklen_t len = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, force, &want, sizeof(want)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, plain, &want, sizeof(want));
	/* The kernel doubles the value for its own book-keeping, socket(7). */
	return getsockopt(fd, SOL_SOCKET, plain, &got, &len) == 0 && got / 2 >= want;
}

static bool set_buffers(int fd)
{
	bool rx = set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	bool tx = set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);

	return rx && tx;
}

/* What needs the monitor's rights: FWMark and BindToInterface. */
static enum err set_route(int fd, const struct sockets_options *o)
{
	int errnum;

	if (o->fwmark && setsockopt(fd, SOL_SOCKET, SO_MARK, &o->fwmark, sizeof(o->fwmark)) != 0) {
		errnum = errno;
		log_error("FWMark: cannot set the mark %u on a socket: %s", o->fwmark,
			  strerror(errnum));
		errno = errnum;
		return err_from_errno(errnum);
	}
	if (o->bind_interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->bind_interface,
					    (socklen_t)strlen(o->bind_interface) + 1) != 0) {
		errnum = errno;
		log_error("BindToInterface: %s%s: %s",
			  errnum == ENODEV ? "there is no interface " : "cannot bind to interface ",
			  o->bind_interface,
			  errnum == ENODEV ? "is it named right, and is it there before us?"
					   : strerror(errnum));
		errno = errnum;
		return err_from_errno(errnum);
	}
	return ERR_OK;
}

static enum err prepare_udp(int fd, int family, const struct sockets_options *o)
{
	enum err e;

	if (family == AF_INET)
		e = set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	else
		e = set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
	if (e == ERR_OK && o->shared)
		e = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return e == ERR_OK ? set_route(fd, o) : e;
}

/* SO_REUSEADDR, or a restart would wait for the connections of the process before to time out. */
static enum err prepare_tcp(int fd, int family, const struct sockets_options *o)
{
	enum err e = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	(void)family;
	return e == ERR_OK ? set_route(fd, o) : e;
}

/* Makes and binds one socket. On failure errno says why. */
static enum err open_one(const struct endpoint *ep, const struct kind *k, int *out)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(ep, &ss);
	int errnum, fd = socket(ep->addr.family, k->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	enum err e = ERR_OK;

	if (fd < 0)
		return err_from_errno(errno);
	if (ep->addr.family == AF_INET6)
		e = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (e == ERR_OK)
		e = k->prepare(fd, ep->addr.family, k->options);
	if (e == ERR_OK && bind(fd, (struct sockaddr *)&ss, len) != 0)
		e = err_from_errno(errno);
	if (e == ERR_OK && k->type == SOCK_STREAM && listen(fd, TCP_BACKLOG) != 0)
		e = err_from_errno(errno);
	if (e != ERR_OK) {
		errnum = errno;
		close(fd);
		errno = errnum;
		return e;
	}
	*out = fd;
	return ERR_OK;
}

static bool has_ipv4_twin(const struct endpoint *list, unsigned n, uint16_t port)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].addr.family == AF_INET && list[i].port == port)
			return true;
	return false;
}

/*
 * The errors of a machine without IPv6: none in the kernel, or (for "::" only) disabled everywhere.
 */
static bool is_ipv6_missing(const struct endpoint *ep, int errnum)
{
	static const struct addr any = { .family = AF_INET6 };

	if (ep->addr.family != AF_INET6)
		return false;
	return errnum == EAFNOSUPPORT || (errnum == EADDRNOTAVAIL && addr_equal(&ep->addr, &any));
}

static enum err open_list(const struct endpoint *list, unsigned n, const struct kind *k, int *fds,
			  unsigned *n_fds)
{
	char text[ENDPOINT_STR_SIZE];
	unsigned made = 0;
	enum err e;

	for (unsigned i = 0; i < n; i++) {
		errno = 0;
		e = open_one(&list[i], k, &fds[made]);
		if (e == ERR_OK) {
			made++;
			continue;
		}
		endpoint_format(&list[i], text);
		if (is_ipv6_missing(&list[i], errno) && has_ipv4_twin(list, n, list[i].port)) {
			log_notice("no IPv6 on this machine: not listening on %s %s", k->name,
				   text);
			continue;
		}
		log_error("cannot listen on %s %s: %s", k->name, text,
			  errno ? strerror(errno) : err_str(e));
		sockets_close(fds, made);
		return e;
	}
	*n_fds = made;
	return ERR_OK;
}

/* The first socket of the list gets any port, and the others with 0 the same one. */
static enum err choose_port(struct endpoint *list, unsigned n, const struct kind *k)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct endpoint got;
	unsigned i = 0;
	enum err e;
	int fd;

	while (i < n && list[i].port)
		i++;
	if (i == n)
		return ERR_OK;
	e = open_one(&list[i], k, &fd);
	/* Without IPv6 it is another one's turn; what else is wrong open_list() says. */
	if (e != ERR_OK)
		return i + 1 < n ? choose_port(list + i + 1, n - i - 1, k) : ERR_OK;
	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		e = err_from_errno(errno);
	else
		e = endpoint_from_sockaddr(&ss, len, &got);
	close(fd);
	for (; e == ERR_OK && i < n; i++)
		if (!list[i].port)
			list[i].port = got.port;
	return e;
}

enum err sockets_open_udp(struct endpoint *list, unsigned n, const struct sockets_options *o,
			  int *fds, unsigned *n_fds)
{
	const struct kind k = {
		.name = "UDP", .type = SOCK_DGRAM, .prepare = prepare_udp, .options = o
	};
	enum err e = choose_port(list, n, &k);
	bool full = true;

	if (e == ERR_OK)
		e = open_list(list, n, &k, fds, n_fds);
	if (e != ERR_OK)
		return e;
	for (unsigned i = 0; i < *n_fds; i++)
		full = set_buffers(fds[i]) && full;
	if (!full)
		log_warn("UDP socket buffers are smaller than %u bytes: raise net.core.rmem_max "
			 "and net.core.wmem_max",
			 SOCKET_BUFFER_BYTES);
	return ERR_OK;
}

enum err sockets_open_tcp(const struct endpoint *list, unsigned n, const struct sockets_options *o,
			  int *fds, unsigned *n_fds)
{
	const struct kind k = {
		.name = "TCP", .type = SOCK_STREAM, .prepare = prepare_tcp, .options = o
	};

	return open_list(list, n, &k, fds, n_fds);
}

/* The address that connections of the family come from; family 0: the kernel's choice. */
static struct endpoint source_of(int family, const struct endpoint *from, unsigned n)
{
	const struct addr any = { .family = (uint8_t)family };

	for (unsigned i = 0; i < n; i++)
		if (from[i].addr.family == family && !addr_equal(&from[i].addr, &any))
			return (struct endpoint){ .addr = from[i].addr };
	return (struct endpoint){ 0 };
}

enum err sockets_open_dial(int family, const struct endpoint *from, unsigned n,
			   const struct sockets_options *o, int *out)
{
	const struct endpoint source = source_of(family, from, n);
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_storage ss;
	enum err e;

	if (fd < 0)
		return err_from_errno(errno);
	e = set_route(fd, o);
	/* The port is chosen when it is connected, so that it need not be free for all of them. */
	if (e == ERR_OK && source.addr.family)
		e = set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (e == ERR_OK && source.addr.family &&
	    bind(fd, (struct sockaddr *)&ss, endpoint_to_sockaddr(&source, &ss)) != 0)
		e = err_from_errno(errno);
	if (e != ERR_OK) {
		close(fd);
		return e;
	}
	*out = fd;
	return ERR_OK;
}

/* FREEBIND: an IPv6 address may be tentative still. */
static enum err prepare_dns(int fd, int family, const struct sockets_options *o)
{
	enum err e = set_option(fd, IPPROTO_IP, IP_FREEBIND, 1);

	(void)family;
	(void)o;
	return e;
}

static enum err prepare_dns_tcp(int fd, int family, const struct sockets_options *o)
{
	enum err e = prepare_dns(fd, family, o);

	return e ? e : set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
}

enum err sockets_open_dns(const struct addr *a, bool stream, int *fd)
{
	const struct endpoint at = { .addr = *a, .port = DNS_PORT };
	const struct kind udp = { .name = "UDP", .type = SOCK_DGRAM, .prepare = prepare_dns };
	const struct kind tcp = { .name = "TCP", .type = SOCK_STREAM, .prepare = prepare_dns_tcp };

	return open_one(&at, stream ? &tcp : &udp, fd);
}

static enum err make_parent(const char *path)
{
	char dir[PATHS_FILE_SIZE];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return ERR_OK;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	return file_make_dir(dir, 0755);
}

/*
 * Removes a socket that nobody answers on. The folder is root's, so nobody else can change what
 * lies there meanwhile.
 */
static enum err remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, r, errnum;

	if (lstat(sun->sun_path, &st) != 0)
		return errno == ENOENT ? ERR_OK : err_from_errno(errno);
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return ERR_EXISTS;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_from_errno(errno);
	r = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	errnum = errno;
	close(fd);
	if (r == 0 || errnum != ECONNREFUSED) {
		errno = EADDRINUSE;
		return ERR_EXISTS;
	}
	return unlink(sun->sun_path) == 0 || errno == ENOENT ? ERR_OK : err_from_errno(errno);
}

/*
 * Created closed to everybody, opened to the group when it has its owner, and only then listened
 * on.
 */
static enum err bind_unix(int fd, const struct sockaddr_un *sun, gid_t gid)
{
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));

	umask(before);
	if (r != 0)
		return err_from_errno(errno);
	if (chown(sun->sun_path, 0, gid) != 0 || chmod(sun->sun_path, 0660) != 0 ||
	    listen(fd, UNIX_BACKLOG) != 0) {
		int errnum = errno;

		unlink(sun->sun_path);
		errno = errnum;
		return err_from_errno(errno);
	}
	return ERR_OK;
}

enum err sockets_open_unix(const char *path, const char *group, int *out)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct group *gr = NULL;
	int fd = -1;
	enum err e = ERR_TOOBIG;

	if (group && !(gr = getgrnam(group))) {
		log_error("there is no group \"%s\" for the socket %s", group, path);
		return ERR_NOTFOUND;
	}
	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(sun.sun_path))
		goto failed;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if ((e = make_parent(path)) != ERR_OK || (e = remove_stale(&sun)) != ERR_OK)
		goto failed;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	e = fd < 0 ? err_from_errno(errno) : bind_unix(fd, &sun, gr ? gr->gr_gid : 0);
	if (e != ERR_OK)
		goto failed;
	*out = fd;
	return ERR_OK;
failed:
	log_error("cannot listen on %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return e;
}

void sockets_close(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}
