/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* context: what one api worker consists of. */
#include "hub/api/auth.h"
#include "hub/api/durations.h"
#include "hub/api/echoes.h"
#include "hub/api/events.h"
#include "hub/api/idempotency.h"
#include "hub/api/logs.h"
#include "hub/api/order_waits.h"
#include "hub/api/waits.h"
#include "hub/config.h"
#include "hub/control/bucket.h"
#include "hub/store/store.h"
#include "shared/base/log.h"
#include "shared/monitor/worker.h"

struct hashing;
struct server;

struct api {
	struct worker *worker;     /* NULL in tests: nobody is nudged */
	struct hub_config *config; /* its ConnectTo lines change with SIGHUP */
	struct store *store;
	struct server *server;
	struct hashing *hashing; /* NULL in tests: then each waits for its own */
	struct idempotency *idempotency;
	struct auth_unix auth_unix;
	struct auth_limit auth_limit;
	struct auth_limit user_limit; /* of failed attempts to sign in, by the user's name */
	struct bucket sign_ins;       /* of everybody: each costs a tenth of a second */
	struct log_limit log_limit;   /* for lines that strangers can trigger */
	struct waits waits;
	struct echoes echoes;
	struct order_waits orders;
	struct events events;
	struct logs logs;
	struct buf https_key; /* PEM; zeroed once TLS is up */
	struct buf https_cert;
	int64_t started_ms; /* wall clock */
	struct durations durations;
};

/* Tells control that the directory has a new revision, or that join tokens have changed. Harmless
 * while control is away: it reads all at its start. */
void api_nudge_revision(struct api *a, uint64_t revision);
void api_nudge_tokens(struct api *a);
/* Something has happened that listeners and webhooks want to know of. */
void api_nudge_events(struct api *a);
/* What is set on a node was changed, and how much the hub logs. */
void api_nudge_settings(struct api *a, uint32_t node_id);
void api_nudge_log_level(struct api *a, int level);
/* Keys are to be replaced, or are not; or what holds for all keys has changed. */
void api_nudge_keys(struct api *a);
/* Monotonic now. */
uint64_t api_now_ms(const struct api *a);
