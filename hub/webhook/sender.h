/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * sender: takes deliveries that are due out of the database, sends them with libcurl inside our
 * loop, and writes down what came of it. Of one webhook one at a time, in order. A delivery is sent
 * at least once: what was under way when the worker ended is sent again.
 *
 * Timers: `due`, when the next delivery is due, or when the database may be asked again after it
 * failed; `curl`, when the library wants to be called.
 */
#include <curl/curl.h>

#include "hub/store/store.h"
#include "shared/base/list.h"
#include "shared/base/log.h"
#include "shared/loop/loop.h"

#define SENDER_TRANSFERS_MAX 16u
#define SENDER_CONNECT_MS    5000u
#define SENDER_TIMEOUT_MS    10000u
#define SENDER_ANSWER_MAX    (64u << 10) /* of an answer's body, which is thrown away */
#define SENDER_REST_MS       5000u       /* after the database failed */

struct sender {
	struct loop *loop;
	struct store *store;
	const char *network;
	CURLM *multi;
	struct list transfers;
	unsigned n;
	struct timer due, curl;
	struct loop_later reap; /* answers are looked at outside of the library's callbacks */
	uint64_t rest_until_ms;
	struct log_limit log_limit;
};

enum err sender_init(struct sender *x, struct loop *l, struct store *s,
		     const char *network) must_check;
/* There may be something to send. */
void sender_look(struct sender *x);
void sender_fini(struct sender *x);
