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

/* Connects to the daemon. ERR_NOTFOUND or ERR_CLOSED: it does not run; ERR_DENIED: we may not ask.
 */
enum err request_open(struct request *r, const char *socket_path) must_check;
void request_close(struct request *r);
/* Sends `j` as a line. Takes over the reference, also on failure. */
enum err request_send(struct request *r, json_t *j) must_check;
/* The next line as JSON; the caller owns the reference. ERR_TIMEOUT, ERR_CLOSED, ERR_INVALID. */
enum err request_read(struct request *r, unsigned timeout_ms, json_t **out) must_check;
