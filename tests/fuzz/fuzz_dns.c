/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS questions: the decoder, and the whole way to the reply over a small network. What is answered
 * is a reply to that question: its id, QR, the same question, within the size that was asked for.
 * Flags in the first byte choose who asks.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/dns/answer.h"
#include "tests/fuzz/taken.h"

unsigned long fuzz_taken;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zone zone;

static void make_zone(void)
{
	static const struct dns_self self = {
		.id = 1,
		.addresses = { { .family = AF_INET, .b = { 192, 168, 100, 1 } } },
		.pools = { { .addr = { .family = AF_INET, .b = { 192, 168, 100 } }, .len = 24 } },
	};
	static const char *const names[] = { "linodeHQ", "oslo", "bergen.north" };
	static struct dns_subnets subnets = { .n = 1 };

	BUG_ON(zone_init(&zone, "linodeVPN") != ERR_OK);
	zone_reset(&zone, &self);
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		struct dns_node n = { .id = i + 1, .hub = i == 0, .groups = 1u << i, .reach = 1 };

		memcpy(n.name, names[i], strlen(names[i]));
		n.addresses[0] = (struct addr){ .family = AF_INET,
						.b = { 192, 168, 100, (uint8_t)(i + 1) } };
		n.addresses[1] =
			(struct addr){ .family = AF_INET6, .b = { 0xfd, [15] = (uint8_t)i } };
		BUG_ON(zone_put(&zone, &n) != ERR_OK);
		subnets.id = n.id;
		subnets.list[0].prefix = (struct prefix){
			.addr = { .family = AF_INET, .b = { 10, (uint8_t)(i / 2) } }, .len = 16
		};
		BUG_ON(zone_put_subnets(&zone, &subnets) != ERR_OK);
	}
	zone.ready = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const askers[] = { "linodehq", "oslo", "bergen.north", "nobody" };
	uint8_t out[DNS_TCP_BYTES];
	struct dns_query q;
	size_t cap, n;

	if (!zone.ready)
		make_zone();
	if (size == 0 || dns_query_decode(data + 1, size - 1, &q) != ERR_OK)
		return 0;
	BUG_ON(q.udp_bytes < DNS_UDP_BYTES || q.udp_bytes > DNS_EDNS_BYTES);
	BUG_ON(strlen(q.name) > 253);
	cap = data[0] & 4 ? DNS_TCP_BYTES : q.udp_bytes;
	memset(out, 0xa5, sizeof(out));
	n = answer_query(&zone, zone_find(&zone, askers[data[0] & 3]), &q, out, cap);
	BUG_ON(n < DNS_HEADER_BYTES || n > cap);
	BUG_ON(memcmp(out, data + 1, 2) != 0 || !(out[2] & 0x80));
	BUG_ON(q.question && (n < DNS_HEADER_BYTES + q.question_bytes ||
			      memcmp(out + DNS_HEADER_BYTES, q.question, q.question_bytes) != 0));
	for (size_t i = n; i < sizeof(out); i++)
		BUG_ON(out[i] != 0xa5);
	fuzz_taken++;
	return 0;
}
