/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages between our own processes. The first byte chooses one; what is taken encodes to the
 * very bytes it came from. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/ipc/carrier_msg.h"
#include "shared/ipc/channel.h"
#include "shared/ipc/dns_msg.h"
#include "shared/ipc/engine_msg.h"
#include "shared/ipc/monitor_msg.h"
#include "shared/ipc/mover_msg.h"
#include "shared/ipc/nudge_msg.h"
#include "tests/fuzz/taken.h"

unsigned long fuzz_taken;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES(X)                                                                                \
	X(engine_self)                                                                             \
	X(engine_peer)                                                                             \
	X(engine_peer_gone)                                                                        \
	X(engine_revision)                                                                         \
	X(engine_tag)                                                                              \
	X(engine_node_id)                                                                          \
	X(engine_endpoints)                                                                        \
	X(engine_ping)                                                                             \
	X(engine_pong)                                                                             \
	X(engine_path)                                                                             \
	X(engine_status)                                                                           \
	X(engine_status_end)                                                                       \
	X(monitor_prefix)                                                                          \
	X(monitor_net_end)                                                                         \
	X(monitor_script)                                                                          \
	X(monitor_link)                                                                            \
	X(monitor_done)                                                                            \
	X(nudge_revision)                                                                          \
	X(mover_keypair)                                                                           \
	X(mover_index)                                                                             \
	X(mover_path)                                                                              \
	X(mover_packet)                                                                            \
	X(mover_inner)                                                                             \
	X(mover_extension)                                                                         \
	X(mover_event)                                                                             \
	X(mover_counters)                                                                          \
	X(carrier_link)                                                                            \
	X(carrier_packets)                                                                         \
	X(monitor_socket)                                                                          \
	X(engine_nat)                                                                              \
	X(engine_hub_silent)                                                                       \
	X(monitor_port)                                                                            \
	X(monitor_log_level)                                                                       \
	X(nudge_node)                                                                              \
	X(engine_keys)                                                                             \
	X(monitor_key)                                                                             \
	X(monitor_dns_socket)                                                                      \
	X(dns_self)                                                                                \
	X(dns_node)                                                                                \
	X(dns_subnets)                                                                             \
	X(dns_gone)                                                                                \
	X(dns_ready)                                                                               \
	X(engine_forget)                                                                           \
	X(engine_forgotten)                                                                        \
	X(nudge_order)                                                                             \
	X(nudge_order_done)                                                                        \
	X(monitor_signal)                                                                          \
	X(monitor_log_tap)

#define TRY(msg)                                                                                   \
	static void try_##msg(const uint8_t *data, size_t size)                                    \
	{                                                                                          \
		struct msg m;                                                                      \
		uint8_t out[CHANNEL_MSG_MAX_BYTES];                                                \
		struct cursor c;                                                                   \
                                                                                                   \
		cursor_init_read(&c, data, size);                                                  \
		if (msg##_decode(&c, &m))                                                          \
			return;                                                                    \
		cursor_init_write(&c, out, sizeof(out));                                           \
		msg##_encode(&m, &c);                                                              \
		BUG_ON(cursor_end(&c) != ERR_OK || cursor_pos(&c) != size);                        \
		BUG_ON(size > 0 && memcmp(out, data, size) != 0);                                  \
		fuzz_taken++;                                                                      \
	}
MESSAGES(TRY)

#define ROW(msg) try_##msg,
static void (*const tries[])(const uint8_t *data, size_t size) = { MESSAGES(ROW) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && size - 1 <= CHANNEL_MSG_MAX_BYTES)
		tries[data[0] % ARRAY_LEN(tries)](data + 1, size - 1);
	return 0;
}
