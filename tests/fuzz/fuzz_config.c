/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration parser: the first byte says whether a main file or a host file, the rest is its
 * text. Always: a refused text leaves nothing and a message without control characters; an accepted
 * one gives values of their types.
 */
#include <string.h>

#include "shared/base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config_var vars[] = {
	{ "Name", CONFIG_NAME, CONFIG_SERVER, 0, 0, NULL, "" },
	{ "ConnectTo", CONFIG_NAME, CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL, "" },
	{ "Port", CONFIG_INT, CONFIG_SERVER | CONFIG_HOST, 1, 65535, "6655", "" },
	{ "StrictKeys", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "no", "" },
	{ "Subnet", CONFIG_PREFIX, CONFIG_HOST | CONFIG_MULTIPLE, 0, 0, NULL, "" },
	{ "Address", CONFIG_ADDRESS, CONFIG_HOST | CONFIG_MULTIPLE, 0, 0, NULL, "" },
	{ "Device", CONFIG_PATH, CONFIG_SERVER, 0, 0, NULL, "" },
	{ "Title", CONFIG_STRING, CONFIG_SERVER | CONFIG_HOST, 0, 0, NULL, "" },
};

static void check_refused(const struct config *c, size_t before)
{
	BUG_ON(c->count != before || !c->error[0]);
	for (const char *p = c->error; *p; p++)
		BUG_ON((unsigned char)*p < 0x20);
}

static void check_accepted(const struct config *c)
{
	int64_t port = config_int(c, "Port");

	BUG_ON(port < 1 || port > 65535);
	config_bool(c, "StrictKeys");
	for (size_t i = 0; i < c->count; i++)
		BUG_ON(!c->entries[i].value[0] || c->entries[i].line == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	unsigned where;
	char *text;

	if (size == 0)
		return 0;
	where = data[0] % 2 ? CONFIG_HOST : CONFIG_SERVER;
	config_init(&c, vars, ARRAY_LEN(vars));
	if (config_parse(&c, "fuzz", (const char *)data + 1, size - 1, where))
		check_refused(&c, 0);
	else
		check_accepted(&c);
	text = strndup((const char *)data + 1, size - 1);
	if (text) {
		size_t before = c.count;

		if (config_override(&c, text))
			check_refused(&c, before);
	}
	free(text);
	config_fini(&c);
	return 0;
}
