/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * plpmtu: finds out how large a packet one path carries, by asking the other end (Datagram
 * Packetization Layer Path MTU Discovery, RFC 8899; ICMP is not believed, section 4.6 there, so a
 * router that filters it does no harm). Pure: no I/O, `now` is an argument. All sizes are of inner
 * packets, so headers and envelopes count by themselves.
 *
 *              answered
 *       TOP ------------> DONE <----------------------------+
 *        |  not answered   |  traffic, a while               | answered
 *        |                 +-------------------> CHECK ------+
 *        v                                         |  not answered, small ones are
 *     SEARCH <-------------------------------------+
 *        |  PLPMTU_LADDER sizes at once, then between the two that matter, until one byte is left
 *        +--> DONE
 *
 * RFC 8899 section 5.2 calls TOP "Base" (ours begins with what is most likely, since a session has
 * just shown that the path works), CHECK "Search Complete" with its confirmation, and a SEARCH in
 * which nothing is answered but the smallest "Error". Each probing of a size goes together with one
 * of PLPMTU_CONTROL_BYTES, sent last: its answer says that the path is alive and that larger ones
 * should have been answered by now, too.
 *
 *   1. plpmtu_init()
 *   2. plpmtu_step() when data was sent after a time without, and when due_ms is reached: the sizes
 *      that it gives are to be probed, in that order
 *   3. plpmtu_answered(), plpmtu_refused() whenever they happen; due_ms may have moved
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/wire/limits.h"

/* The smallest limit: what every IPv4 host takes (RFC 791 section 3.2, "576 octets"). */
#define PLPMTU_MIN           TUN_MTU_MIN
#define PLPMTU_CONTROL_BYTES EXTENSION_PROBE_BYTES
#define PLPMTU_LADDER        8u
#define PLPMTU_PROBES_MAX    (PLPMTU_LADDER + 1u)
/* MAX_PROBES of RFC 8899 section 5.1.2 for the size in use; for those of a ladder it is less. */
#define PLPMTU_TRIES        3u
#define PLPMTU_LADDER_TRIES 2u
/* How long a round waits: twice the round-trip time and this, up to the second. */
#define PLPMTU_WAIT_MIN_MS 200u
#define PLPMTU_WAIT_MAX_MS 1500u
/* From the control's answer to the end of the round, and an eighth of the round-trip time. */
#define PLPMTU_GRACE_MS 30u
/* Under load the limit is confirmed so often; otherwise so often, and only while there is traffic.
 */
#define PLPMTU_CHECK_MS      2000u
#define PLPMTU_IDLE_CHECK_MS 30000u
/* Load: bytes sent since the step before. */
#define PLPMTU_LOAD_BYTES 8192u
/* PMTU_RAISE_TIMER (RFC 8899 section 5.1.1: 600 s; a branch's line that is back should not wait for
 * so long, and it costs nine packets). */
#ifdef BRANCHLINE_TEST_TIMERS
#define PLPMTU_RAISE_MS 5000u
#else
#define PLPMTU_RAISE_MS 120000u
#endif

enum plpmtu_state { PLPMTU_DONE, PLPMTU_TOP, PLPMTU_SEARCH, PLPMTU_CHECK };

struct plpmtu {
	enum plpmtu_state state;
	uint16_t top;   /* more is not wanted */
	uint16_t limit; /* the largest packet to be sent now, PLPMTU_MIN..top */
	bool known;     /* `limit` was answered; else it is `top`, until that is known better */
	bool cut;       /* not even PLPMTU_MIN gets through whole: let the network cut packets */
	bool alive;     /* the control was answered in this round */
	uint8_t tries;  /* times that the present round was sent */
	uint16_t low, high; /* of a search: low gets through (0: not known yet), high does not */
	uint16_t good;      /* the largest that was answered in this round, 0 none */
	uint16_t bad;       /* the smallest that the kernel refused in this round */
	uint64_t due_ms;    /* of the next step; TIMER_NEVER: when there is traffic */
	uint64_t checked_ms, searched_ms;
};

struct plpmtu_input {
	uint64_t now_ms;
	uint32_t rtt_ms; /* smoothed, 0 not known */
	uint64_t bytes;  /* sent since the last step */
};

/* A new path: nothing is known of it. `top`: PLPMTU_MIN..TUN_MTU_MAX. */
void plpmtu_init(struct plpmtu *m, uint16_t top);
/* `top` is another one now; what is known of the path stays. */
void plpmtu_set_top(struct plpmtu *m, uint16_t top);
/* Returns how many probes are to be sent now, their sizes in `sizes`. */
unsigned plpmtu_step(struct plpmtu *m, const struct plpmtu_input *in,
		     uint16_t sizes[PLPMTU_PROBES_MAX]);
void plpmtu_answered(struct plpmtu *m, uint16_t size, const struct plpmtu_input *in);
/* Our own kernel does not take packets of that size (EMSGSIZE). */
void plpmtu_refused(struct plpmtu *m, size_t size, uint64_t now_ms);
/* Something points to a smaller path: the next step confirms the limit, at once. */
void plpmtu_suspect(struct plpmtu *m, uint64_t now_ms);

/* --- arithmetic ------------------------------------------------------------------------------- */

/* What stands around an inner packet. */
struct plpmtu_around {
	bool ipv6;      /* outer header of 40 bytes instead of 20 */
	bool relayed;   /* in an envelope */
	bool wireguard; /* plaintext is padded to TRANSPORT_PADDING_BYTES */
};

/* The largest inner packet that fits into an outer IP packet of `mtu` bytes; 0: none does. */
size_t plpmtu_inner_max(const struct plpmtu_around *a, size_t mtu);
/* The outer IP packet that an inner one of `len` bytes makes. */
size_t plpmtu_outer_len(const struct plpmtu_around *a, size_t len);
/* The largest inner packet of a UDP payload of `len` bytes. */
size_t plpmtu_inner_of_record(const struct plpmtu_around *a, size_t len);
