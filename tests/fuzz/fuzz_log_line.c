/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line of the log as another of our processes sends it: what is taken has clean texts, and can be
 * shown. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/monitor/log_tap.h"
#include "tests/fuzz/taken.h"

unsigned long fuzz_taken;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(const char *s)
{
	for (; *s; s++)
		BUG_ON((unsigned char)*s < 0x20 || *s == 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_line l;
	json_t *j;

	if (log_line_decode(data, size, &l) != ERR_OK)
		return 0;
	BUG_ON(l.level < 0 || l.level > LOG_LEVEL_MAX || l.prio < LOG_PRIO_ERROR ||
	       l.prio > LOG_PRIO_DEBUG || l.at_ms < 0);
	check_clean(l.process);
	check_clean(l.text);
	j = log_line_json(&l, 1);
	BUG_ON(!j);
	json_decref(j);
	fuzz_taken++;
	return 0;
}
