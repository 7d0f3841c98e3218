/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * server: libmicrohttpd inside our event loop, without threads and sockets of its own. The only
 * code that includes microhttpd.h. Clients come to the gate (gate.h), which hands the library one
 * end of a socket pair for each that has a request; it is the house of that gate.
 *
 * The library has an epoll descriptor, which our loop watches; it is run when that is ready, when
 * its own time is up, and after a waiting request was answered.
 *
 * Timers: server.timer, armed to what MHD_get_timeout() asks for.
 */
#include "hub/api/context.h"
#include "hub/api/head.h"

#define SERVER_UNIX_CONNECTIONS_MAX  64u
#define SERVER_HTTPS_CONNECTIONS_MAX 256u /* of each HTTPS socket */
#define SERVER_WAITING_MAX           128u /* requests that wait, and whose clients have left */
/* Of each connection in the library: a head, its cookies once more, a record of each of its fields,
 * cookies and parameters, and buffers. What is not used costs no memory. */
#define SERVER_MEMORY_BYTES (4u * HEAD_MAX_BYTES + 2u * 96u * HEAD_PARTS_MAX)

/* Takes over the sockets of a->worker->fds. After a failure the reason has been logged. */
enum err server_start(struct api *a, struct server **out) must_check;
/* Answers what waits, closes all connections and sockets. Accepts NULL. */
void server_stop(struct server *s);
/* To be given to waits_init(): looks at a waiting request, and lets its connection go on when it is
 * answered. */
bool server_look(struct wait *one, bool late);
/* To be given to echoes_init(): answers a request that has waited for echoes. */
void server_echoed(struct echoes_wait *one, const struct echoes_result *result);
/* To be given to order_waits_init(): answers a request that had control do something. */
void server_ordered(struct order_wait *one, const struct nudge_order_done *what);
/* To be given to hashing_new(): lets the connection of a request go on, which is then run again. */
void server_go_on(struct request *r);
/* To be given to events_init(): lets the connection of a stream that rests go on. */
void server_wake(struct event_stream *s);
