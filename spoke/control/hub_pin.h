/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * hub_pin: by which identity key the hub is known, and how that key is replaced while we are
 * connected. The monitor keeps both files.
 *
 *     hub.pin alone
 *       |  1. the hub announces its next key (welcome, hub-key), signed by the present one: kept in
 *       |     hub.pin.next, then confirmed (hub-key-known)
 *     hub.pin and hub.pin.next: a hub with either is ours
 *       |  2. it has shown the next key in TLS, or the directory of the hub names it:
 *       |     hub.pin.next takes hub.pin's place
 *     hub.pin alone, with the new key
 *
 * When the hub takes it back, hub.pin.next is removed. Who missed the announcement and was
 * connected when the hub changed over (an older version, a full disk) follows by the chain of
 * signatures in the hub's directory record; who was away for all of it is told what to do:
 * hub_pin_check(), branchline-spoke pin.
 *
 * A crash between any two steps is harmless: the files are one or two keys, each good. A step of
 * the monitor that failed is tried again when the hub or the directory speaks next.
 */
#include "shared/base/addr.h"
#include "shared/base/secret.h"
#include "shared/wire/control.h"

struct spoke;
struct monitor_done;

struct hub_pin {
	bool has_pin, has_next;
	struct public_key pin, next; /* hub.pin, hub.pin.next */
	struct public_key shown;     /* by the hub of the present link */
	uint32_t keep_tag;           /* `keeping` is on its way into hub.pin.next; 0: none is */
	struct public_key keeping;
	bool adopt;                     /* it is in force already: from there to hub.pin at once */
	uint32_t promote_tag;           /* request to the monitor, 0 none */
	bool unpromoted;                /* `pin` is still in hub.pin.next */
	struct control_hub_key waiting; /* announced meanwhile */
	/* The last hub that we did not take, until one that we take has welcomed us. */
	bool has_refused;
	struct public_key refused;
};

/* Reads the two files. An error is logged, and means that no hub could be told from another. */
enum err hub_pin_read(struct spoke *s) must_check;
/* The admin has changed them. */
void hub_pin_reload(struct spoke *s);
/* Is this the key of our hub? If not it says what to do. */
bool hub_pin_check(struct spoke *s, const struct endpoint *at, const struct public_key *peer);
/* The hub at the other end of the new link has this key, which was checked. */
void hub_pin_shown(struct spoke *s, const struct public_key *peer);
/* The hub has welcomed us, or speaks of its next key. */
void hub_pin_welcomed(struct spoke *s, const struct control_welcome *w);
void hub_pin_told(struct spoke *s, const struct control_hub_key *k);
/* The directory has changed. */
void hub_pin_settle(struct spoke *s);
/* False: that is the answer to something else. */
bool hub_pin_monitor_done(struct spoke *s, const struct monitor_done *m);
