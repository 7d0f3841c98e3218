/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* request: the commands' side of the status socket (spoke/control/status.h): a line out, lines
 * back. */
#include <jansson.h>

#include "shared/base/buf.h"

#define REQUEST_LINE_MAX_BYTES (32u << 20)

struct request {
	int fd;
	struct buf in;
};

/* How long the daemon may take to accept us and to read what we ask, each. */
#define REQUEST_SEND_TIMEOUT_MS 5000u

/*
 * Connects to the daemon. ERR_NOTFOUND or ERR_CLOSED: it does not run; ERR_DENIED: we may not ask;
 * ERR_TIMEOUT: it runs, but for `timeout_ms` (which also holds for each send, and is not 0) it has
 * accepted nobody while more have asked than may wait. Always followed by request_close().
 */
enum err request_open(struct request *r, const char *socket_path, unsigned timeout_ms) must_check;
void request_close(struct request *r);
/* Sends `j` as a line. Takes over the reference, also on failure. ERR_TIMEOUT. When the other side
 * has closed it is ERR_OK: it may have said why, request_read() tells. */
enum err request_send(struct request *r, json_t *j) must_check;
/* The next line as JSON; the caller owns the reference. ERR_TIMEOUT, ERR_CLOSED, ERR_INVALID. */
enum err request_read(struct request *r, unsigned timeout_ms, json_t **out) must_check;
