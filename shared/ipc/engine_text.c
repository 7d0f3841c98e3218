/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/engine_text.h"

#include <string.h>

static long long number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* The offloads of one side: "tun-tso" and "tun-uso" as "tun tso+uso". */
static void side_text(const char *side, const json_t *offloads, FILE *out)
{
	const size_t n = strlen(side);
	const char *before = " ";
	const json_t *item;
	size_t i;

	fprintf(out, ", %s", side);
	json_array_foreach(offloads, i, item)
	{
		const char *s = json_string_value(item);

		if (!s || strncmp(s, side, n) != 0 || s[n] != '-')
			continue;
		fprintf(out, "%s%s", before, s + n + 1);
		before = "+";
	}
	if (*before == ' ')
		fputs(" one by one", out);
}

void engine_text_sealing(const json_t *engine, FILE *out)
{
	const char *crypto = json_string_value(json_object_get(engine, "crypto"));
	const json_t *offloads = json_object_get(engine, "offloads");

	fprintf(out, "data plane  %s", crypto ? crypto : "-");
	side_text("tun", offloads, out);
	side_text("udp", offloads, out);
	fputc('\n', out);
}

void engine_text_compression(const json_t *c, FILE *out)
{
	const double before = (double)number(c, "before_bytes");

	if (number(c, "tried") == 0 || before <= 0)
		return;
	fprintf(out,
		"compression %lld of %lld packets tried are smaller, %.1f us each; all bytes to "
		"%.0f %%\n",
		number(c, "compressed"), number(c, "tried"),
		json_number_value(json_object_get(c, "us_per_packet")),
		100.0 * (double)number(c, "after_bytes") / before);
}
