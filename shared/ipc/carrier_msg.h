/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * What control and engine say to each other about carriers, over a channel of its own beside theirs
 * (struct worker.carrier), so that bulk never stands in the way of what matters. Control owns the
 * TLS connections, the engine the packets.
 *
 *   control -> engine                              engine -> control
 *   CARRIER_OPENED, CARRIER_CLOSED
 *   CARRIER_PACKETS (came on a carrier)            CARRIER_PACKETS (to be sent on it)
 *
 * CARRIER_PACKETS may be lost when the other side is slow (channel_try_send()), as any packet may;
 * the other two never are. A carrier is only known while the channel lives: whoever comes again is
 * told of all of them.
 */
#include "shared/base/cursor.h"
#include "shared/ipc/channel.h"
#include "shared/wire/carry.h"

enum carrier_msg {
	CARRIER_OPENED = 192, /* struct carrier_link */
	CARRIER_CLOSED,       /* struct carrier_link */
	CARRIER_PACKETS,      /* struct carrier_packets */
};

struct carrier_link {
	uint32_t number; /* > 0; endpoint_of_carrier(). Never used again while the channel lives */
	uint32_t node;   /* who has proved its identity key on it; on a spoke the hub */
};

/* Whole frames of carry.h, at least one, no sign of life among them; before them the number. */
#define CARRIER_HEAD_BYTES       4u
#define CARRIER_FRAMES_MAX_BYTES (CHANNEL_MSG_MAX_BYTES - CARRIER_HEAD_BYTES)
_Static_assert(CARRY_HEADER_BYTES + CARRY_MESSAGE_MAX_BYTES <= CARRIER_FRAMES_MAX_BYTES,
	       "the largest message fits one of ours");
struct carrier_packets {
	uint32_t number;
	const uint8_t *frames; /* after decoding in the message's own memory, which the receiver may
				  change */
	size_t len;            /* 1..CARRIER_FRAMES_MAX_BYTES */
};

void carrier_link_encode(const struct carrier_link *m, struct cursor *c);
enum err carrier_link_decode(struct cursor *c, struct carrier_link *m) must_check;
void carrier_packets_encode(const struct carrier_packets *m, struct cursor *c);
/* The head alone, for those who put the frames behind it by themselves. */
void carrier_packets_encode_head(uint32_t number, uint8_t at[CARRIER_HEAD_BYTES]);
enum err carrier_packets_decode(struct cursor *c, struct carrier_packets *m) must_check;
