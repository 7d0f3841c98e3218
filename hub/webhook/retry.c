/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/webhook/retry.h"

#include <stdio.h>

/* After the first, second ... attempt. */
static const uint32_t delays_s[RETRY_ATTEMPTS_MAX - 1] = { 1, 5, 30, 120, 600, 3600, 21600 };

static void fail(struct store_delivery *d, const struct retry_outcome *o)
{
	if (o->error)
		snprintf(d->error, sizeof(d->error), "%s", o->error);
	else
		snprintf(d->error, sizeof(d->error), "the receiver answered %u", o->http_status);
	if (d->attempts >= RETRY_ATTEMPTS_MAX) {
		d->status = DELIVERY_FAILED;
		d->next_ms = 0;
	} else {
		d->next_ms = o->at_ms + (int64_t)delays_s[d->attempts - 1] * 1000;
	}
}

bool retry_note(struct store_delivery *d, struct store_webhook *w, const struct retry_outcome *o)
{
	d->attempts++;
	d->last_ms = o->at_ms;
	d->http_status = o->http_status;
	d->took_ms = o->took_ms;
	d->error[0] = '\0';
	if (!o->error && o->http_status >= 200 && o->http_status < 300) {
		d->status = DELIVERY_DELIVERED;
		d->next_ms = 0;
		w->failures = 0;
		w->failing_ms = 0;
		return false;
	}
	fail(d, o);
	if (w->failures++ == 0)
		w->failing_ms = o->at_ms;
	if (!o->error && o->http_status == 410)
		snprintf(w->disabled_why, sizeof(w->disabled_why),
			 "the receiver answered 410: it is gone");
	else if (w->failures >= RETRY_DISABLE_FAILURES &&
		 o->at_ms - w->failing_ms >= RETRY_DISABLE_MS)
		snprintf(w->disabled_why, sizeof(w->disabled_why),
			 "%u attempts in a row have failed, for a day: %.150s", w->failures,
			 d->error);
	else
		return false;
	return true;
}
