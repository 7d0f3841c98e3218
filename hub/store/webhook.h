/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* webhook: the part of the store's interface that says whom the hub tells of events, and what it
 * has to tell them; see store.h, which includes it. */
#include "hub/store/store.h"

#define STORE_URL_SIZE            1024u
#define STORE_WEBHOOK_EVENTS_SIZE 1024u
#define STORE_WEBHOOK_SECRET_SIZE 64u
#define STORE_WEBHOOKS_MAX        32u
#define STORE_DELIVERIES_WAITING  1000u /* of one webhook; the oldest are dropped */
#define STORE_DELIVERIES_DONE     1000u /* of one webhook that are remembered */

struct store_webhook {
	uint32_t id;
	char name[NAME_SIZE];
	char url[STORE_URL_SIZE];
	char secret[STORE_WEBHOOK_SECRET_SIZE]; /* zero the struct after use */
	char events[STORE_WEBHOOK_EVENTS_SIZE]; /* patterns, with blanks between */
	char comment[STORE_TEXT_SIZE];
	bool enabled;
	int64_t created_ms;
	char created_by[STORE_TEXT_SIZE];
	int64_t disabled_ms; /* 0: it was never, or is enabled again */
	char disabled_why[STORE_TEXT_SIZE];
	uint32_t failures;  /* attempts in a row that failed */
	int64_t failing_ms; /* the first of them; 0 none */
	uint32_t waiting;   /* deliveries; not written */
};
/* A new one (id 0) gets its id; otherwise the row is replaced. ERR_EXISTS: the name is taken. */
enum err store_webhook_put(struct store *s, struct store_webhook *w) must_check;
enum err store_webhook_get(struct store *s, uint32_t id, struct store_webhook *out) must_check;
enum err store_webhook_find(struct store *s, const char *name,
			    struct store_webhook *out) must_check;
enum err store_webhook_remove(struct store *s, uint32_t id) must_check; /* with its deliveries */
typedef enum err (*store_webhook_cb)(void *arg, const struct store_webhook *w);
enum err store_webhooks_list(struct store *s, uint32_t after_id, uint32_t limit,
			     store_webhook_cb cb, void *arg) must_check;

enum delivery_status { DELIVERY_PENDING, DELIVERY_DELIVERED, DELIVERY_FAILED, DELIVERY_DROPPED };
struct store_delivery {
	uint32_t id, webhook_id;
	char event[64];
	const char *body; /* JSON; valid during the callback, or the caller's */
	enum delivery_status status;
	int64_t created_ms;
	uint32_t attempts;
	int64_t next_ms, last_ms; /* wall time; 0 none */
	uint16_t http_status;     /* 0: no answer */
	uint32_t took_ms;
	char error[STORE_TEXT_SIZE];
	uint32_t redelivery_of; /* 0 none */
};
/* A new one gets its id. The oldest that wait are dropped, the oldest that are done forgotten,
 * where there are too many. */
enum err store_delivery_add(struct store *s, struct store_delivery *d) must_check;
/* What came of an attempt: status, attempts, next_ms, last_ms, http_status, took_ms, error.
 * ERR_NOTFOUND: it is gone, with its webhook. */
enum err store_delivery_update(struct store *s, const struct store_delivery *d) must_check;
typedef enum err (*store_delivery_cb)(void *arg, const struct store_delivery *d);
/* Calls back for one. ERR_NOTFOUND. */
enum err store_delivery_get(struct store *s, uint32_t id, store_delivery_cb cb,
			    void *arg) must_check;
/* Of one webhook, the newest first: those with an id below `before` (0: from the newest). */
enum err store_deliveries_list(struct store *s, uint32_t webhook_id, uint32_t before,
			       uint32_t limit, store_delivery_cb cb, void *arg) must_check;
/* The first that waits and is due by then. ERR_NOTFOUND: none, and `*next_ms` is when the next will
 * be, 0 never. */
enum err store_delivery_due(struct store *s, uint32_t webhook_id, int64_t now_ms, int64_t *next_ms,
			    store_delivery_cb cb, void *arg) must_check;
/* All that wait are dropped, because of `why`. */
enum err store_deliveries_drop(struct store *s, uint32_t webhook_id, const char *why) must_check;
