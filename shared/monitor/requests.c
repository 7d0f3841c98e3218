/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/requests.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/ipc/monitor_msg.h"
#include "shared/monitor/network.h"
#include "shared/monitor/scripts.h"
#include "shared/wire/dns.h"

#define DONE_BYTES 256u /* a struct monitor_done, encoded */

/* A full queue closes the channel by itself; nothing else is to be done about it here. */
static void answer_as(struct channel *ch, enum monitor_msg type, uint32_t tag, enum err result,
		      const char *text, int fd)
{
	struct monitor_done done = { .tag = tag, .result = result };
	uint8_t mem[DONE_BYTES];
	struct cursor c;

	if (result != ERR_OK)
		snprintf(done.text, sizeof(done.text), "%s", *text ? text : err_str(result));
	cursor_init_write(&c, mem, sizeof(mem));
	monitor_done_encode(&done, &c);
	BUG_ON(cursor_end(&c) != ERR_OK);
	if (channel_send(ch, (uint16_t)type, mem, cursor_pos(&c), fd) != ERR_OK)
		log_debug(3, "control does not take an answer");
}

static void answer(struct channel *ch, uint32_t tag, enum err result, const char *text)
{
	answer_as(ch, MONITOR_DONE, tag, result, text, -1);
}

static enum err serve_net_begin(const struct requests *r, struct channel *ch, struct cursor *body)
{
	enum err e = cursor_end(body);

	(void)ch;
	if (e == ERR_OK)
		network_begin(r->network);
	return e;
}

static enum err serve_address(const struct requests *r, struct channel *ch, struct cursor *body)
{
	struct monitor_prefix m;
	enum err e = monitor_prefix_decode(body, &m);

	if (e != ERR_OK)
		return e;
	e = network_address(r->network, m.add, &m.prefix);
	answer(ch, m.tag, e, network_text(r->network));
	return ERR_OK;
}

static enum err serve_route(const struct requests *r, struct channel *ch, struct cursor *body)
{
	struct monitor_prefix m;
	enum err e = monitor_prefix_decode(body, &m);

	if (e != ERR_OK)
		return e;
	e = network_route(r->network, m.add, &m.prefix);
	answer(ch, m.tag, e, network_text(r->network));
	return ERR_OK;
}

static enum err serve_net_end(const struct requests *r, struct channel *ch, struct cursor *body)
{
	struct monitor_net_end m;
	enum err e = monitor_net_end_decode(body, &m);

	if (e != ERR_OK)
		return e;
	e = network_end(r->network, m.mtu);
	answer(ch, m.tag, e, network_text(r->network));
	return ERR_OK;
}

/*
 * The interface's own scripts are the monitor's business: a worker may only tell of nodes and
 * subnets.
 */
static enum err serve_script(const struct requests *r, struct channel *ch, struct cursor *body)
{
	struct monitor_script m;
	enum err e = monitor_script_decode(body, &m);

	(void)ch;
	if (e != ERR_OK)
		return e;
	if (m.kind == SCRIPT_TINC_UP || m.kind == SCRIPT_TINC_DOWN)
		return ERR_DENIED;
	e = scripts_run(r->scripts, &m);
	if (e != ERR_OK)
		log_warn("a script of %s is not run: %s", m.node, err_str(e));
	return ERR_OK;
}

/* A socket to dial with, which control could make itself but for FWMark and BindToInterface. */
static enum err serve_socket(const struct requests *r, struct channel *ch, struct cursor *body)
{
	struct monitor_socket m;
	enum err e = monitor_socket_decode(body, &m);
	int fd = -1;

	if (e != ERR_OK)
		return e;
	e = sockets_open_dial(m.family, r->from, r->n_from, &r->dial, &fd);
	answer_as(ch, MONITOR_SOCKET_MADE, m.tag, e, "", fd);
	if (fd >= 0)
		close(fd);
	return ERR_OK;
}

/* For the dns worker, which has no right to port 53. Only where our own interface is. */
static enum err serve_dns_socket(const struct requests *r, struct channel *ch, struct cursor *body)
{
	struct monitor_dns_socket m;
	enum err e = monitor_dns_socket_decode(body, &m);
	char text[128] = "";
	int fd = -1;

	if (e != ERR_OK)
		return e;
	errno = 0;
	e = network_has_address(r->network, &m.addr) ? sockets_open_dns(&m.addr, m.stream, &fd)
						     : ERR_NOTFOUND;
	if (e != ERR_OK)
		snprintf(text, sizeof(text), "%s port %u: %s", m.stream ? "TCP" : "UDP", DNS_PORT,
			 errno ? strerror(errno) : "the interface does not have the address");
	answer_as(ch, MONITOR_SOCKET_MADE, m.tag, e, text, fd);
	if (fd >= 0)
		close(fd);
	return ERR_OK;
}

static enum err serve_port(const struct requests *r, struct channel *ch, struct cursor *body)
{
	struct monitor_port m;
	enum err e = monitor_port_decode(body, &m);
	char text[64];

	if (e != ERR_OK)
		return e;
	e = r->set_port(r->arg, m.port);
	snprintf(text, sizeof(text), "UDP port %u cannot be bound: %s", m.port, err_str(e));
	answer(ch, m.tag, e, text);
	return ERR_OK;
}

static enum err serve_log_level(const struct requests *r, struct channel *ch, struct cursor *body)
{
	struct monitor_log_level m;
	enum err e = monitor_log_level_decode(body, &m);

	(void)ch;
	if (e == ERR_OK)
		r->set_log_level(r->arg, m.level);
	return e;
}

/* An admin follows the log, or does not any more. */
static enum err serve_log_tap(const struct requests *r, struct channel *ch, struct cursor *body)
{
	struct monitor_log_tap m;
	enum err e = monitor_log_tap_decode(body, &m);
	int fd = -1;

	if (e != ERR_OK)
		return e;
	e = r->set_log_tap(r->arg, m.level, m.anew, &fd);
	if (e != ERR_OK)
		log_warn("the log cannot be followed: %s", err_str(e));
	if (fd < 0)
		return ERR_OK;
	if (channel_send(ch, MONITOR_LOG_TAPPED, NULL, 0, fd) != ERR_OK)
		log_debug(3, "nobody takes what was to be followed of the log");
	close(fd);
	return ERR_OK;
}

/* What a worker may not ask for is a violation, a failure of the disk is answered. */
static enum err serve_key(const struct requests *r, enum worker_role from, struct channel *ch,
			  struct cursor *body)
{
	struct monitor_key m;
	enum err e = monitor_key_decode(body, &m);

	channel_wipe(ch);
	if (e == ERR_OK && !key_files_may(&r->keys, from, &m))
		e = ERR_DENIED;
	if (e == ERR_OK)
		answer(ch, m.tag, key_files_step(&r->keys, &m), "");
	secret_zero(&m, sizeof(m));
	return e;
}

/* Of control only. */
static const struct request {
	uint16_t type;
	enum err (*serve)(const struct requests *r, struct channel *ch, struct cursor *body);
} table[] = {
	{ MONITOR_NET_BEGIN, serve_net_begin }, { MONITOR_ADDRESS, serve_address },
	{ MONITOR_ROUTE, serve_route },         { MONITOR_NET_END, serve_net_end },
	{ MONITOR_SCRIPT, serve_script },       { MONITOR_SOCKET, serve_socket },
	{ MONITOR_PORT, serve_port },           { MONITOR_LOG_LEVEL, serve_log_level },
};

enum err requests_serve(const struct requests *r, enum worker_role from, struct channel *ch,
			uint16_t type, struct cursor *body)
{
	if (type == MONITOR_KEY)
		return serve_key(r, from, ch, body);
	if (type == MONITOR_DNS_SOCKET && from == WORKER_DNS)
		return serve_dns_socket(r, ch, body);
	if (type == MONITOR_LOG_TAP && from == r->tap_role)
		return serve_log_tap(r, ch, body);
	if (from != WORKER_CONTROL)
		return ERR_DENIED;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == type)
			return table[i].serve(r, ch, body);
	return ERR_DENIED;
}
