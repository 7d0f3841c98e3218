/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/log.h"

bool device_name_is_valid(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t n = strnlen(name, IFNAMSIZ);

	if (n == 0 || n >= IFNAMSIZ || strspn(name, allowed) != n)
		return false;
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Attaches `fd` to the interface; on success `d->name` is what the kernel calls it. */
static bool attach(int fd, const char *name, short flags, struct device *d)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_flags = flags;
	if (ioctl(fd, TUNSETIFF, &ifr) != 0)
		return false;
	memcpy(d->name, ifr.ifr_name, sizeof(d->name));
	d->name[sizeof(d->name) - 1] = '\0';
	return true;
}

/*
 * A kernel or container without IFF_VNET_HDR answers EINVAL or EPERM; every other failure would
 * meet us again without it.
 */
static bool attach_best(int fd, const char *name, bool want_vnet_hdr, short flags, struct device *d)
{
	int size = DEVICE_VNET_HDR_BYTES;

	flags |= IFF_TUN | IFF_NO_PI;
	d->vnet_hdr = false;
	if (!want_vnet_hdr || !attach(fd, name, (short)(flags | IFF_VNET_HDR), d))
		return attach(fd, name, flags, d);
	d->vnet_hdr = true;
	return ioctl(fd, TUNSETVNETHDRSZ, &size) == 0 && ioctl(fd, TUNSETOFFLOAD, 0ul) == 0;
}

static enum err complain(const char *path, const char *name, int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		log_error("cannot open %s: there is no TUN driver here (modprobe tun)", path);
		return ERR_NOTFOUND;
	case EBUSY:
		log_error("interface %s is in use by another process", name);
		return ERR_BUSY;
	case EINVAL:
		log_error("interface %s exists already: it is in use by another process, or no "
			  "TUN interface",
			  name);
		return ERR_INVALID;
	default:
		log_error("cannot make interface %s on %s: %s", name, path, strerror(errnum));
		return err_from_errno(errnum);
	}
}

static enum err open_queue(const char *path, const char *name, bool want_vnet_hdr, short flags,
			   struct device *out)
{
	struct device d = { .fd = -1 };
	struct stat st;
	int fd = -1, errnum;

	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return complain(path, name, errno);
	if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode)) {
		log_error("%s is not a TUN device", path);
		close(fd);
		return ERR_INVALID;
	}
	if (!attach_best(fd, name, want_vnet_hdr, flags, &d) ||
	    (d.index = if_nametoindex(d.name)) == 0) {
		errnum = errno;
		close(fd);
		return complain(path, name, errnum);
	}
	d.fd = fd;
	*out = d;
	return ERR_OK;
}

enum err device_open_queues(const char *path, const char *name, bool want_vnet_hdr,
			    struct device *out, int *more, unsigned n_more)
{
	const short flags = n_more ? IFF_MULTI_QUEUE : 0;
	struct device first, next;
	enum err e;

	if (!device_name_is_valid(name)) {
		log_error("\"%.32s\" is not an interface name", name);
		return ERR_INVALID;
	}
	e = open_queue(path, name, want_vnet_hdr, flags, &first);
	for (unsigned i = 0; i < n_more && !e; i++) {
		e = open_queue(path, first.name, first.vnet_hdr, flags, &next);
		if (!e)
			more[i] = next.fd;
		while (e && i)
			close(more[--i]);
		if (e)
			device_close(&first);
	}
	if (!e)
		*out = first;
	return e;
}

enum err device_open(const char *path, const char *name, bool want_vnet_hdr, struct device *out)
{
	return device_open_queues(path, name, want_vnet_hdr, out, NULL, 0);
}

void device_close(struct device *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->index = 0;
}
