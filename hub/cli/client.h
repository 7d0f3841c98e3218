/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* client: one request to the API after the other, over the hub's UNIX socket or over HTTPS with a
 * token. */
#include <jansson.h>
#include <stdbool.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"

#define CLIENT_ANSWER_MAX_BYTES (64u << 20)

struct client;

struct client_target {
	const char *unix_socket; /* used when `url` is NULL */
	const char *url;         /* "https://hub.example.com:8655" */
	const char *token;       /* bearer token, with `url` */
	const char *ca_file;     /* PEM; NULL: the system's */
	const char *
		pin; /* "sha256//BASE64" of the server's public key, instead of a CA; may be NULL */
};

struct client_answer {
	long status;  /* HTTP status */
	json_t *json; /* NULL when the body is none */
};

/* Texts of `t` must outlive the client. */
enum err client_new(const struct client_target *t, struct client **out) must_check;
/* Accepts NULL. */
void client_free(struct client *c);
/*
 * `path` begins with "/"; `body` is sent as JSON (not taken over), NULL for none; `timeout_s` is
 * for the whole exchange. ERR_OK: there is an answer, whatever its status, to be freed by
 * client_answer_fini(). ERR_CLOSED: the hub cannot be reached. ERR_AUTH: its certificate is not the
 * expected one. ERR_TIMEOUT. ERR_INVALID: what came is no answer of ours.
 */
enum err client_call(struct client *c, const char *method, const char *path, const json_t *body,
		     long timeout_s, struct client_answer *out) must_check;
/*
 * Reads an answer that does not end, until the hub ends it or `take` returns false. `last_id`: sent
 * as Last-Event-ID, "" none. ERR_OK: it has ended; or it was a problem, which is then in `out`.
 */
typedef bool (*client_take)(void *arg, const char *p, size_t n);
enum err client_stream(struct client *c, const char *path, const char *last_id, client_take take,
		       void *arg, struct client_answer *out) must_check;
void client_answer_fini(struct client_answer *a);
/* What failed last, in words. */
const char *client_error(const struct client *c);
/* Percent-encodes everything but letters, digits and "-._~" as one path segment or query value.
 * Returns `out`; cut when it does not fit. */
char *client_escape(const char *text, char *out, size_t size);
