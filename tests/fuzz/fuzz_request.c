/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client writes into the head of a request, and what an admin writes of a webhook: cookie,
 * id of an event, time of a filter, address and pattern. The first byte says which. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hub/api/auth.h"
#include "hub/api/event_json.h"
#include "hub/api/params.h"
#include "hub/webhook/pattern.h"
#include "hub/webhook/target.h"
#include "shared/base/clock.h"

static void try_event_id(const char *text)
{
	uint64_t audit = 0, presence = 0, a = 0, b = 0;
	char again[64];

	if (!event_json_parse_id(text, &audit, &presence))
		return;
	BUG_ON(audit > INT64_MAX || presence > INT64_MAX);
	snprintf(again, sizeof(again), "%" PRIu64 "-%" PRIu64, audit, presence);
	BUG_ON(!event_json_parse_id(again, &a, &b) || a != audit || b != presence);
}

/* A time that is taken is one that can be told, and is taken again as the same. */
static void try_time(const char *text)
{
	struct params q = { 0 }, other = { 0 };
	char again[CLOCK_RFC3339_SIZE];
	struct problem p = { 0 };
	int64_t ms = 0, same = 0;

	params_add(&q, "since", text);
	if (params_time(&q, "since", &ms, &p) || !ms)
		return;
	params_add(&other, "since", clock_format_rfc3339(ms, again));
	BUG_ON(params_time(&other, "since", &same, &p) != ERR_OK || same != ms);
}

static void try_target(const char *text)
{
	char why[TARGET_WHY_SIZE] = "";
	enum err e = target_check_url(text, why);

	BUG_ON(e == ERR_INVALID && !why[0]);
	BUG_ON(e == ERR_OK && strncmp(text, "http", 4) != 0 && strncmp(text, "HTTP", 4) != 0 &&
	       (text[0] | 0x20) != 'h');
}

static void try_pattern(const char *text)
{
	char event[PATTERN_MAX_CHARS + 8];
	size_t n = strlen(text);

	(void)pattern_list_matches(text, "node.revoke");
	if (!pattern_is_valid(text))
		return;
	snprintf(event, sizeof(event), "%.*s", (int)(text[n - 1] == '*' ? n - 1 : n), text);
	BUG_ON(!pattern_list_matches(text, event));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	BUG_ON(!text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0]) {
	case 'c':
		(void)auth_has_cookie(text);
		(void)auth_is_own_page("1", text, text);
		break;
	case 'e':
		try_event_id(text);
		break;
	case 't':
		try_time(text);
		break;
	case 'u':
		try_target(text);
		break;
	case 'p':
		try_pattern(text);
		break;
	default:
		break;
	}
	free(text);
	return 0;
}
