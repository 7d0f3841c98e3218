/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses, endpoints and prefixes as text. Always: what was accepted comes out as text that is
 * accepted as the same thing. */
#include <string.h>

#include "shared/base/prefix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_addr(const char *s)
{
	char text[ADDR_STR_SIZE];
	struct addr a, b;

	if (addr_parse(s, &a))
		return;
	BUG_ON(addr_parse(addr_format(&a, text), &b) || !addr_equal(&a, &b));
	addr_is_special(&a);
}

static void check_endpoint(const char *s, uint16_t default_port)
{
	char text[ENDPOINT_STR_SIZE];
	struct sockaddr_storage ss;
	struct endpoint a, b;
	socklen_t n;

	if (endpoint_parse(s, default_port, &a))
		return;
	BUG_ON(a.port == 0);
	BUG_ON(endpoint_parse(endpoint_format(&a, text), 0, &b) || !endpoint_equal(&a, &b));
	n = endpoint_to_sockaddr(&a, &ss);
	BUG_ON(endpoint_from_sockaddr(&ss, n, &b) || b.port != a.port);
}

static void check_prefix(const char *s)
{
	char text[PREFIX_STR_SIZE];
	struct prefix a, b, fixed = { 0 };

	if (!prefix_parse(s, &a, &fixed)) {
		BUG_ON(fixed.addr.family != 0 || !prefix_contains(&a, &a.addr));
		BUG_ON(prefix_parse(prefix_format(&a, text), &b, NULL) || !prefix_equal(&a, &b));
	} else if (fixed.addr.family) {
		BUG_ON(prefix_parse(prefix_format(&fixed, text), &b, NULL) ||
		       !prefix_equal(&fixed, &b));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = strndup((const char *)data, size);

	if (!s)
		return 0;
	check_addr(s);
	check_endpoint(s, 0);
	check_endpoint(s, 6655);
	check_prefix(s);
	free(s);
	return 0;
}
