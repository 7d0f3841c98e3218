/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* rx: the way in: udp -> session or relay -> source check -> tun or forward. */
#include "shared/tunnel/tunnel.h"

/* Receives one batch from a socket and handles it. */
void rx_run(struct tunnel *t, unsigned socket);
