/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/link_sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/monitor/sockets.h"

static unsigned family_index(int family) { return family == AF_INET6; }

static bool binds_address(const struct spoke_config *cfg)
{
	for (unsigned i = 0; i < cfg->n_udp; i++) {
		const struct addr any = { .family = cfg->udp[i].addr.family };

		if (!addr_equal(&cfg->udp[i].addr, &any))
			return true;
	}
	return false;
}

void link_sockets_init(struct link_sockets *s, const struct spoke_config *cfg)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const struct sockets_options o = { .fwmark = cfg->fwmark,
					   .bind_interface = cfg->bind_interface };

	memset(s, 0, sizeof(*s));
	s->wanted = cfg->fwmark || cfg->bind_interface || binds_address(cfg);
	for (unsigned i = 0; s->wanted && i < ARRAY_LEN(families); i++) {
		if (cfg->family != AF_UNSPEC && cfg->family != families[i])
			continue;
		/* One that cannot be had, as without IPv6, is asked for again when it is needed. */
		while (s->of[i].n < LINK_SOCKETS_READY &&
		       sockets_open_dial(families[i], cfg->udp, cfg->n_udp, &o,
					 &s->of[i].fds[s->of[i].n]) == ERR_OK)
			s->of[i].n++;
	}
}

void link_sockets_start(struct link_sockets *s, struct channel *const *monitor)
{
	s->monitor = monitor;
}

void link_sockets_fini(struct link_sockets *s)
{
	for (unsigned i = 0; i < ARRAY_LEN(s->of); i++)
		while (s->of[i].n)
			close(s->of[i].fds[--s->of[i].n]);
}

static void ask(struct link_sockets *s, unsigned i)
{
	const struct monitor_socket m = { .tag = i, .family = i ? AF_INET6 : AF_INET };
	uint8_t mem[16];
	struct cursor c;

	if (!s->monitor || !*s->monitor)
		return;
	cursor_init_write(&c, mem, sizeof(mem));
	monitor_socket_encode(&m, &c);
	if (channel_send(*s->monitor, MONITOR_SOCKET, mem, cursor_pos(&c), -1) == ERR_OK)
		s->of[i].asked++;
}

int link_sockets_make(void *arg, int family)
{
	struct link_sockets *s = arg;
	const unsigned i = family_index(family);
	int fd = -1;

	if (s->of[i].n)
		fd = s->of[i].fds[--s->of[i].n];
	while (s->of[i].n + s->of[i].asked < LINK_SOCKETS_READY) {
		const unsigned before = s->of[i].asked;

		ask(s, i);
		if (s->of[i].asked == before)
			break;
	}
	errno = EAGAIN;
	return fd;
}

enum err link_sockets_take(struct link_sockets *s, const struct monitor_done *m, int *fd)
{
	const unsigned i = m->tag;

	if (i >= ARRAY_LEN(s->of) || !s->of[i].asked || (*fd >= 0) != (m->result == ERR_OK))
		return ERR_INVALID;
	s->of[i].asked--;
	if (m->result) {
		log_warn("no socket to dial the hub with: %s; do FWMark, BindToInterface and "
			 "BindToAddress fit this machine?",
			 m->text);
		return ERR_OK;
	}
	s->of[i].fds[s->of[i].n++] = *fd;
	*fd = -1;
	return ERR_OK;
}
