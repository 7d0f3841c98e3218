/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* feed: what control tells the engine, message by message. */
#include "shared/tunnel/tunnel.h"

/* Decodes and carries out one message. An error means that control broke the protocol: its channel
 * must be closed. */
enum err feed_receive(struct tunnel *t, uint16_t type, struct cursor *body) must_check;
