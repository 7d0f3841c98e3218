/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/cli/log_text.h"

#include "shared/base/log.h"

bool log_text_print(const json_t *line, bool as_json, FILE *out)
{
	const char *at, *process, *text;
	json_int_t prio, lost;

	if (json_unpack((json_t *)(uintptr_t)line, "{s:s, s:s, s:s, s:I, s:I}", "at", &at,
			"process", &process, "text", &text, "priority", &prio, "lost", &lost))
		return false;
	if (as_json)
		return json_dumpf(line, out, JSON_COMPACT) == 0 && fputc('\n', out) != EOF &&
		       fflush(out) == 0;
	if (lost)
		fprintf(out, "(%lld lines are missing: more was written than could be read)\n",
			(long long)lost);
	fprintf(out, "%s %s: %s%s\n", at, process,
		prio <= LOG_PRIO_ERROR     ? "error: "
		: prio == LOG_PRIO_WARNING ? "warning: "
					   : "",
		text);
	return fflush(out) == 0;
}
