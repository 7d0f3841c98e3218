/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * choice: which way packets to one peer should take. A pure machine: what happened and the time are
 * arguments, what to do is returned; path.c is its hands.
 *
 * A peer has candidates, outer addresses where it may be reached directly, and a fallback that
 * needs no luck: the relay for a spoke, the TCP carrier for the hub.
 *
 *            data                  a candidate answers            data sent, nothing came back;
 *     REST ---------> SEARCH -------------------------> DIRECT -----------------------------> DOUBT
 *       ^              |  ^  ^                           |  ^  <----------------------------   |
 *       |<-- nobody ---+  |  |                           |  |        the candidate answers     |
 *       |    sends        |  +---------------------------|--|----------------------------------+
 *       |                 |     it does not, the fallback works                                |
 *       +-----------------|------------------------------+  |                                  |
 *            nobody sends |  fallback answers               | a candidate answers              |
 *                         +------------------- STRANDED ----+                                  |
 *                                                 ^-------------- nothing works ---------------+
 *
 *   state     packets take                     what is done
 *   REST      the fallback                     nothing
 *   SEARCH    the fallback (none: direct-only) rounds of probes to all candidates
 *   DIRECT    a candidate                      rare rounds; a look after CHOICE_KEEP_MS of silence
 *   DOUBT     that candidate still             probes it every CHOICE_SHOT_MS, soon all others, too
 *   STRANDED  what they took last              probes everything; the first that answers is taken
 *
 * A round is a burst of probes at the times of choice.c, long enough that both sides' bursts meet
 * and open their NATs for each other. Between rounds the pause doubles. A candidate that was lost
 * is taken back after a hold-down only, which doubles with each loss, and after several answers.
 */
#include "shared/ipc/engine_msg.h"

#define CHOICE_CANDIDATES_MAX                                                                      \
	(ENGINE_ENDPOINTS_MAX + 4u) /* those told, and some that were seen                         \
				     */
#define CHOICE_FALLBACK (-1)
#define CHOICE_NONE     (-2)

#define CHOICE_SHOT_MS     100u      /* between probes of a way in doubt */
#define CHOICE_LOST_MS     600u      /* of doubt without an answer, and 3 round trips: lost */
#define CHOICE_DEAD_MS     3000u     /* of doubt without an answer from anywhere: unreachable */
#define CHOICE_FALLBACK_MS 1000u     /* of a silent hub, and 3 round trips: the carrier is taken, */
				     /* after CHOICE_LOST_MS when others are silent, too */
#define CHOICE_SILENT_MS     300u    /* of doubt: it is time to open a carrier */
#define CHOICE_KEEP_MS       15000u  /* silence on a direct path: ask, so that NATs keep it open */
#define CHOICE_HOLD_MIN_MS   2000u   /* a lost candidate is not taken for so long, doubling, */
#define CHOICE_HOLD_MAX_MS   300000u /* up to this, */
#define CHOICE_STABLE_MS     300000u /* until it was in use for so long without a loss */
#define CHOICE_PAUSE_MIN_MS  30000u  /* between rounds, doubling */
#define CHOICE_PAUSE_MAX_MS  300000u
#define CHOICE_PAUSE_LOST_MS 3000u  /* the first pause after a loss */
#define CHOICE_PAUSE_HUB_MS  20000u /* on the carrier: is there UDP again? */
#define CHOICE_AGAIN_MS      10000u /* a round that others ask for: not sooner after the last */
#define CHOICE_UNUSED_MS     60000u /* nobody sends: the search ends */

enum choice_state {
	CHOICE_REST,
	CHOICE_SEARCH,
	CHOICE_DIRECT,
	CHOICE_DOUBT,
	CHOICE_STRANDED,
	CHOICE_STATES
};
const char *choice_state_str(enum choice_state s);

enum choice_event {
	CHOICE_USED,     /* a packet is for the peer or came from it */
	CHOICE_TOLD,     /* new candidates: candidates_tell() said so */
	CHOICE_CALLED,   /* the peer is searching, too: it sent a probe through the relay, or asked
			    the   hub */
	CHOICE_KNOCKED,  /* a probe of the peer came from candidate `which`, not in use */
	CHOICE_SEEN,     /* the peer's packets came from candidate `which`, not in use */
	CHOICE_LEFT,     /* the peer's packets come through the relay, and ours go direct */
	CHOICE_ANSWERED, /* a probe to `which` was answered */
	CHOICE_MET,      /* a handshake was completed over `which` */
	CHOICE_DOUBTED,  /* nothing came back over the way in use, or it comes by another one */
	CHOICE_REBOUND,  /* our own addresses have changed */
	CHOICE_SET,      /* c->set was changed */
	CHOICE_EVICTED,  /* its direct path is needed for another peer */
	CHOICE_TICK,
	CHOICE_EVENTS
};

struct choice_candidate {
	struct endpoint endpoint;
	bool told;            /* by control, not only seen */
	uint8_t answers;      /* in this round */
	uint8_t losses;       /* lately */
	uint32_t rtt_us;      /* least of this round, until there is one of the last; 0 none */
	bool rtt_is_old;      /* it is of the last round */
	uint64_t answered_ms; /* 0 never */
	uint64_t seen_ms;     /* packets of the peer came from there; 0 never */
	uint64_t hold_ms;     /* not taken before */
};

struct choice_settings {
	enum path_policy policy;
	bool to_hub; /* the peer is the hub, the fallback the carrier: never given up for want of
			use, UDP is always better */
	bool fallback_up;  /* the hub answers / the carrier is there */
	bool warm;         /* kept without traffic */
	bool corroborated; /* to_hub: a direct path to somebody else was lost just now, too */
	uint64_t idle_ms;  /* a direct path that nobody used for so long is given up; 0 never */
};

struct choice {
	struct choice_settings set; /* change it, then say CHOICE_SET */
	enum choice_state state;
	int way; /* in use: number of a candidate, CHOICE_FALLBACK or CHOICE_NONE */
	unsigned n;
	struct choice_candidate candidates[CHOICE_CANDIDATES_MAX];
	struct choice_candidate fallback; /* seen_ms: CHOICE_LEFT */
	uint64_t state_ms;                /* when it began */
	uint64_t moved_ms;                /* when the way in use became that */
	uint64_t doubt_ms;                /* DOUBT, STRANDED: since when nothing answers */
	uint64_t shot_ms;                 /* DOUBT, STRANDED: next probes */
	unsigned shot;                    /* of the round under way: number of the next burst */
	bool in_round;
	uint64_t round_ms; /* when the last round began; 0 never */
	uint64_t next_round_ms;
	uint64_t pause_ms;                /* after the next round */
	bool searched;                    /* a whole round went by */
	bool dead;                        /* was said once for this doubt */
	bool lost, slower, limited, idle; /* why there is no direct path */
};

struct choice_input {
	uint64_t now_ms;
	uint64_t used_ms;  /* last data packet to or from the peer */
	uint64_t heard_ms; /* last packet over the way in use */
	bool may_direct;   /* another direct path is within the limit */
	int which;
	uint32_t rtt_us; /* CHOICE_ANSWERED */
};

struct choice_orders {
	uint32_t probe; /* bit i: candidate i */
	bool probe_fallback;
	bool moved;   /* c->way is another one */
	bool dead;    /* the peer is unreachable: handshakes, everywhere */
	bool limited; /* would have gone direct, but for may_direct */
	bool lost;    /* the direct path does not answer: the fallback was taken */
	bool locate;  /* ask where the peer is */
};

/* `way`: CHOICE_FALLBACK, or CHOICE_NONE for a peer that is not met yet. */
void choice_init(struct choice *c, const struct choice_settings *set, uint64_t now_ms);
void choice_run(struct choice *c, enum choice_event e, const struct choice_input *in,
		struct choice_orders *out);
/* When CHOICE_TICK is due; UINT64_MAX never. */
uint64_t choice_next_ms(const struct choice *c, const struct choice_input *in);
