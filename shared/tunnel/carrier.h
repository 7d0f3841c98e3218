/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * carrier: tunnel packets by TCP. To the engine a carrier is an outer endpoint like any other
 * (endpoint_of_carrier()): roaming, envelopes and paths work on it unchanged. Control owns the
 * connection and its queue; packets go to and come from it over a channel of their own. What that
 * does not take at once is dropped and counted (DROP_QUEUE).
 *
 * A mover has no such channel: it hands its sealed packets to the engine, which passes them on as
 * they are, and opens what the engine has got for it (movers.h).
 */
#include "shared/tunnel/tunnel.h"

/* Trains for carriers come here from now on: an engine's, or a mover's. */
void carrier_init(struct tunnel *t);
/* Engine: the channel has come, or has gone with all carriers on it. */
void carrier_up(struct tunnel *t, struct channel *control);
void carrier_down(struct tunnel *t);
/* Engine: one message of control. An error means that it broke the protocol. */
enum err carrier_receive(struct tunnel *t, uint16_t type, struct cursor *body) must_check;
/* Engine: sealed packets of a mover (MOVER_CARRIED), to be sent on a carrier. */
enum err carrier_pass(struct tunnel *t, struct cursor *body) must_check;
/* Spoke: t->hub is another one; it is told of the carrier that is there. */
void carrier_hub_known(struct tunnel *t);
