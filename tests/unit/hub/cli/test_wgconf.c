/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/cli/wgconf.h"

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return j;
}

#define NODE                                                                                       \
	"{\"id\":5,\"name\":\"phone\",\"addresses\":[\"10.99.0.5\",\"fd00::5\"],\"keepalive_s\":"  \
	"25}"
#define STATUS(addresses, key)                                                                     \
	"{\"network\":\"net\",\"mtu\":1400,\"pools\":[\"10.99.0.0/"                                \
	"16\"],\"hub\":{\"name\":\"hq\",\"tunnel_key\":" key ",\"hub_addresses\":[" addresses      \
	"],\"udp_port\":6655}}"
#define SUBNETS                                                                                    \
	"[{\"node_id\":2,\"prefix\":\"10.20.0.0/24\",\"status\":\"approved\"},"                    \
	"{\"node_id\":3,\"prefix\":\"10.20.0.0/24\",\"status\":\"approved\"},"                     \
	"{\"node_id\":3,\"prefix\":\"10.21.0.0/24\",\"status\":\"proposed\"},"                     \
	"{\"node_id\":5,\"prefix\":\"10.22.0.0/24\",\"status\":\"approved\"}]"

/* A row: the hub's addresses and key; a line that the text must have, or NULL when nothing can be
 * written. */
static const struct {
	const char *status, *want;
} cases[] = {
	{ STATUS("\"hub.example 443\",\"x 1\"", "\"KEY=\""), "\nEndpoint = hub.example:6655\n" },
	{ STATUS("\"2001:db8::1 6655\"", "\"KEY=\""), "\nEndpoint = [2001:db8::1]:6655\n" },
	{ STATUS("\"h 1\"", "\"KEY=\""), "\n[Peer]\nPublicKey = KEY=\n" },
	{ STATUS("\"h 1\"", "\"KEY=\""),
	  "\nAddress = 10.99.0.5/32\nAddress = fd00::5/128\nMTU = 1400\n" },
	/* pools and what others have, each once; not its own, nothing proposed */
	{ STATUS("\"h 1\"", "\"KEY=\""),
	  "\nAllowedIPs = 10.99.0.0/16, 10.20.0.0/24\nPersistentKeepalive = 25\n" },
	{ STATUS("", "\"KEY=\""), NULL },
	{ STATUS("\"h 1\"", "null"), NULL },
};

static void writes_configurations(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *node = parse(NODE), *status = parse(cases[i].status),
		       *subnets = parse(SUBNETS);
		struct buf out;

		buf_init(&out, 4096);
		assert_int_equal(wgconf_write(node, status, subnets, &out),
				 cases[i].want ? ERR_OK : ERR_NOTFOUND);
		if (cases[i].want && !strstr(buf_cstr(&out), cases[i].want))
			fail_msg("not in the text: %s\n%s", cases[i].want, buf_cstr(&out));
		buf_fini(&out);
		json_decref(node);
		json_decref(status);
		json_decref(subnets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
