/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * gate: what stands between the API's clients and the HTTP library. It accepts connections, speaks
 * TLS with those of HTTPS, and hands the library only what is HTTP/1.1 (framing.h), one request at
 * a time; whatever else comes it answers itself, with a problem. Its callers on the library's side
 * are called the house.
 *
 *   1. gate_new(), gate_listen() for each socket
 *   2. gate_stop_listening(), gate_flush(); the library ends; gate_free()
 *
 * Limits: `max` connections of each socket; GATE_PER_IP_MAX of one IP address (IPv6: of one /64),
 * others are closed. When all places are taken, who comes waits to be accepted, and the one that is
 * idle for longest makes room when it has been so for GATE_IDLE_MIN_MS.
 *
 * Timers (one of each listener). Trigger: no place, descriptor or memory for who waits; delay:
 * GATE_RETRY_MS, or the end of a connection; action: tried again.
 */
#include <openssl/ssl.h>

#include "hub/api/auth.h"
#include "shared/base/list.h"
#include "shared/base/log.h"
#include "shared/loop/loop.h"

#define GATE_LISTENERS_MAX 16u
#define GATE_PER_IP_MAX    32u
#define GATE_RETRY_MS      200u
#define GATE_IDLE_MIN_MS   1000u

struct gate;
struct gate_conn;

/* What the house does for the gate. */
struct gate_house {
	/* A client has its first request: `fd` is the library's end of a socket pair, taken over.
	 * Then gate_find() says whose it is, until gate_conn_let_go(). False: it cannot be served;
	 * closed. */
	bool (*let_in)(void *arg, int fd);
	/* The client sends no more, and perhaps does not listen any more. `guest` is what
	 * gate_conn_asked() was given, of a request that is not completed. */
	void (*left)(void *arg, void *guest);
};

struct gate_listener {
	struct gate *gate;
	struct loop_fd io;
	struct timer retry;
	int fd;
	bool is_unix;
	unsigned n, max; /* connections */
};

struct gate {
	struct loop *loop;
	const struct gate_house *house;
	void *arg;
	SSL_CTX *tls;
	struct log_limit *log_limit;
	struct gate_listener listeners[GATE_LISTENERS_MAX];
	unsigned n_listeners;
	struct list conns; /* those with a client */
	struct list gone;  /* those without, of which the library may still have its end */
	struct loop_later reap;
};

/* `tls` may be NULL when no socket is HTTPS; taken over. `log_limit` is for lines that strangers
 * can trigger. */
enum err gate_new(struct loop *loop, const struct gate_house *house, void *arg, SSL_CTX *tls,
		  struct log_limit *log_limit, struct gate **out) must_check;
/* Takes over a listening socket that does not block. */
enum err gate_listen(struct gate *g, int fd, bool is_unix, unsigned max) must_check;
/* Closes the listening sockets. */
void gate_stop_listening(struct gate *g);
/* Hands on what the library has answered, as far as clients take it at once. */
void gate_flush(struct gate *g);
/* Closes all connections. The library must have ended before. Accepts NULL. */
void gate_free(struct gate *g);
/* Frees, after this round, those that are gone. Only for gate_conn.c. */
void gate_reap(struct gate *g);
/* Whose end of a pair the library has at `fd`, NULL: nobody's. Held until gate_conn_let_go(). */
struct gate_conn *gate_find(struct gate *g, int fd);
