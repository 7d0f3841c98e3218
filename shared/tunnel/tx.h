/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* tx: the way out: tun -> route -> session -> path -> udp. */
#include "shared/tunnel/tunnel.h"
#include "shared/wire/inner.h"

/* Reads one burst from the TUN device and sends it. */
void tx_run(struct tunnel *t, enum tun_queue queue);
/* The owner of a destination that packets should go to now: by weight, those that do not answer
 * last. NULL: nobody. */
struct peer *tx_choose(struct tunnel *t, const struct addr *dst);
