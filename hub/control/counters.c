/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/counters.h"

#include <inttypes.h>

#include "shared/base/buf.h"
#include "shared/base/log.h"

static const char *const names[COUNTERS] = {
	[COUNT_ACCEPTED] = "accepted",
	[COUNT_LINKS] = "links",
	[COUNT_CARRIERS] = "carriers",
	[COUNT_JOINED] = "joined",
	[COUNT_REFUSED_SOURCE] = "refused-source",
	[COUNT_REFUSED_EVICTED] = "refused-evicted",
	[COUNT_REFUSED_TLS] = "refused-tls",
	[COUNT_REFUSED_SLOW] = "refused-slow",
	[COUNT_REFUSED_FRAME] = "refused-frame",
	[COUNT_REFUSED_RATE] = "refused-rate",
	[COUNT_REFUSED_JOIN] = "refused-join",
	[COUNT_REFUSED_SIGNATURE] = "refused-signature",
	[COUNT_REFUSED_UNKNOWN_KEY] = "refused-unknown-key",
	[COUNT_REFUSED_REVOKED] = "refused-revoked",
	[COUNT_REFUSED_DISABLED] = "refused-disabled",
	[COUNT_REFUSED_DELETED] = "refused-deleted",
	[COUNT_REFUSED_REPLACED] = "refused-replaced",
	[COUNT_REFUSED_BUSY] = "refused-busy",
	[COUNT_UNKNOWN_TYPE] = "unknown-type",
	[COUNT_LOCATE_LIMITED] = "locate-limited",
	[COUNT_PROPOSAL_LIMITED] = "proposal-limited",
	[COUNT_HELLO_LIMITED] = "hello-limited",
	[COUNT_PAIRS_LIMITED] = "pairs-limited",
	[COUNT_FALSE_ACK] = "false-ack",
	[COUNT_DEAD] = "dead",
	[COUNT_STORE_FAILED] = "store-failed",
};

const char *counter_str(enum counter which) { return which < COUNTERS ? names[which] : "unknown"; }

void counters_log(const struct counters *c)
{
	struct buf line;
	enum err e = ERR_OK;

	buf_init(&line, 4096);
	for (unsigned i = 0; i < COUNTERS && e == ERR_OK; i++)
		if (c->n[i])
			e = buf_printf(&line, " %s=%" PRIu64, names[i], c->n[i]);
	const char *text = buf_cstr(&line);
	if (text && buf_len(&line))
		log_notice("control: counters:%s", text);
	buf_fini(&line);
}
