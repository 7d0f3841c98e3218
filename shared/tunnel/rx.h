/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* rx: the way in: udp -> session or relay -> source check -> tun or forward. */
#include "shared/ipc/mover_msg.h"
#include "shared/tunnel/tunnel.h"

/* Receives one batch from a socket and handles it. */
void rx_run(struct tunnel *t, unsigned socket);
/* Handles packets that came on a carrier: whole frames of wire/carry.h. Their memory is changed. */
void rx_carried(struct tunnel *t, uint8_t *frames, size_t n, uint32_t carrier);
/* Handles one record that came to another worker's socket. Its memory is changed. */
void rx_passed(struct tunnel *t, const struct mover_packet *m, unsigned worker);
