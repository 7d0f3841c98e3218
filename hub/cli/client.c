/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/secret.h"

#define CONNECT_TIMEOUT_S 5L
#define STREAM_SILENCE_S  60L /* then the hub is taken for gone */
#define USER_AGENT        "branchline-hub/" BRANCHLINE_VERSION

/* Who gets the pieces of a stream. */
struct stream {
	client_take take;
	void *arg;
	bool enough;
};

struct client {
	struct stream *stream; /* NULL: answers are collected */
	const struct client_target *target;
	CURL *curl;
	struct buf body;
	char error[CURL_ERROR_SIZE];
};

static size_t receive(char *p, size_t size, size_t n, void *arg)
{
	struct client *c = arg;
	long status = 0;

	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (c->stream && status == 200) {
		c->stream->enough = !c->stream->take(c->stream->arg, p, size * n);
		return c->stream->enough ? 0 : size * n;
	}
	return buf_put(&c->body, p, size * n) == ERR_OK ? size * n : 0;
}

/* HTTPS to another machine, plain HTTP on the UNIX socket; nothing else whatever the URL says. */
static CURLcode only_protocol(CURL *h, bool https)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, https ? "https" : "http");
#else
	return curl_easy_setopt(h, CURLOPT_PROTOCOLS,
				https ? (long)CURLPROTO_HTTPS : (long)CURLPROTO_HTTP);
#endif
}

/* What stays the same for all requests. */
static CURLcode prepare(struct client *c)
{
	const struct client_target *t = c->target;
	CURL *h = c->curl;
	CURLcode r = CURLE_OK;

	r = r ? r : curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->error);
	r = r ? r : curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, receive);
	r = r ? r : curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
	r = r ? r : curl_easy_setopt(h, CURLOPT_USERAGENT, USER_AGENT);
	r = r ? r : curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	r = r ? r : curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	r = r ? r : curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	r = r ? r : only_protocol(h, t->url != NULL);
	if (!t->url) {
		r = r ? r : curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, t->unix_socket);
		return r ? r : curl_easy_setopt(h, CURLOPT_PROXY, "");
	}
	r = r ? r : curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (t->ca_file)
		r = r ? r : curl_easy_setopt(h, CURLOPT_CAINFO, t->ca_file);
	if (t->pin) {
		r = r ? r : curl_easy_setopt(h, CURLOPT_PINNEDPUBLICKEY, t->pin);
		r = r ? r : curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
		r = r ? r : curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return r;
}

enum err client_new(const struct client_target *t, struct client **out)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->target = t;
	buf_init(&c->body, CLIENT_ANSWER_MAX_BYTES);
	c->curl = curl_easy_init();
	if (!c->curl || prepare(c) != CURLE_OK) {
		client_free(c);
		return ERR_UNSUPPORTED;
	}
	*out = c;
	return ERR_OK;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	if (c->curl)
		curl_easy_cleanup(c->curl);
	buf_fini(&c->body);
	free(c);
}

/* Adds a header line to the list; false when memory is out. */
static bool add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

/* The headers of one request. A POST gets a key, so that the hub would notice it coming twice. */
static struct curl_slist *make_headers(const struct client *c, bool body, bool post)
{
	char line[256], key[2 * 16 + 1];
	struct curl_slist *list = NULL;
	uint8_t random[16];
	bool ok = add_header(&list, "Accept: application/json");

	if (body)
		ok = ok && add_header(&list, "Content-Type: application/json");
	if (post) {
		secret_random(random, sizeof(random));
		snprintf(line, sizeof(line), "Idempotency-Key: %s",
			 hex_encode(random, sizeof(random), key));
		ok = ok && add_header(&list, line);
	}
	if (c->target->url && c->target->token) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", c->target->token);
		ok = ok && add_header(&list, line);
		secret_zero(line, sizeof(line));
	}
	if (ok)
		return list;
	curl_slist_free_all(list);
	return NULL;
}

static enum err error_of(CURLcode r)
{
	switch (r) {
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_CACERT_BADFILE:
		return ERR_AUTH;
	case CURLE_OUT_OF_MEMORY:
		return ERR_NOMEM;
	case CURLE_WRITE_ERROR:
		return ERR_TOOBIG;
	default:
		return ERR_CLOSED;
	}
}

/* The answer's JSON. Anything else with a body is not from our API. */
static enum err take_answer(struct client *c, struct client_answer *out)
{
	json_error_t error;

	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &out->status);
	out->json = NULL;
	if (buf_len(&c->body) == 0)
		return ERR_OK;
	out->json = json_loadb((const char *)buf_data(&c->body), buf_len(&c->body), 0, &error);
	if (out->json)
		return ERR_OK;
	snprintf(c->error, sizeof(c->error),
		 "the answer (HTTP status %ld) is not of a Branchline hub", out->status);
	return ERR_INVALID;
}

/* The whole address of a path. */
static void make_url(const struct client *c, const char *path, char *out, size_t size)
{
	const char *base = c->target->url ? c->target->url : "http://hub";
	size_t len = strlen(base);

	while (len && base[len - 1] == '/')
		len--;
	snprintf(out, size, "%.*s%s", (int)len, base, path);
}

enum err client_call(struct client *c, const char *method, const char *path, const json_t *body,
		     long timeout_s, struct client_answer *out)
{
	struct curl_slist *headers = make_headers(c, body != NULL, strcmp(method, "POST") == 0);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	char url[2048];
	CURLcode r = CURLE_OUT_OF_MEMORY;
	enum err e;

	make_url(c, path, url, sizeof(url));
	buf_clear(&c->body);
	c->error[0] = '\0';
	if (!headers || (body && !text))
		goto out;
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, timeout_s);
	curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text);
	curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE, text ? (long)strlen(text) : 0L);
	if (!text)
		curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
	r = curl_easy_perform(c->curl);
	if (r && !c->error[0])
		snprintf(c->error, sizeof(c->error), "%s", curl_easy_strerror(r));
out:
	curl_slist_free_all(headers);
	free(text);
	e = r ? error_of(r) : take_answer(c, out);
	buf_clear(&c->body);
	return e;
}

/* Sets what a stream needs besides prepare(): no limit of time, a bearer token, and the last id. */
static struct curl_slist *stream_headers(const struct client *c, const char *last_id)
{
	struct curl_slist *list = make_headers(c, false, false);
	char line[128];

	if (!list || !*last_id)
		return list;
	snprintf(line, sizeof(line), "Last-Event-ID: %.64s", last_id);
	if (add_header(&list, line))
		return list;
	curl_slist_free_all(list);
	return NULL;
}

enum err client_stream(struct client *c, const char *path, const char *last_id, client_take take,
		       void *arg, struct client_answer *out)
{
	struct curl_slist *headers = stream_headers(c, last_id);
	struct stream stream = { take, arg, false };
	char url[2048];
	CURLcode r = CURLE_OUT_OF_MEMORY;
	long status = 0;

	make_url(c, path, url, sizeof(url));
	buf_clear(&c->body);
	c->error[0] = '\0';
	c->stream = &stream;
	if (headers) {
		curl_easy_setopt(c->curl, CURLOPT_URL, url);
		curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, 0L);
		/* The hub says something every 15 s. */
		curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, STREAM_SILENCE_S);
		curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, "GET");
		r = curl_easy_perform(c->curl);
	}
	c->stream = NULL;
	curl_slist_free_all(headers);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (stream.enough || status == 200)
		return ERR_OK;
	if (r && !c->error[0])
		snprintf(c->error, sizeof(c->error), "%s", curl_easy_strerror(r));
	return r ? error_of(r) : take_answer(c, out);
}

void client_answer_fini(struct client_answer *a)
{
	json_decref(a->json);
	a->json = NULL;
}

const char *client_error(const struct client *c) { return c->error; }

char *client_escape(const char *text, char *out, size_t size)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";
	size_t n = 0;

	for (; *text && n + 4 <= size; text++) {
		if (strchr(plain, *text))
			out[n++] = *text;
		else
			n += (size_t)snprintf(out + n, size - n, "%%%02X", (unsigned char)*text);
	}
	out[n] = '\0';
	return out;
}
