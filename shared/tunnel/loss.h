/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* loss: how many of the last probes over the way in use were not answered. Pure. */
#include <stdbool.h>
#include <stdint.h>

#define LOSS_PROBES 32u /* that are remembered */

/* Zeros: none yet. */
struct loss {
	uint32_t bits; /* newest lowest; 1: lost */
	uint8_t n;     /* that count, up to LOSS_PROBES */
};

/* `lost` probes were not answered; then one was, if `answered`. */
void loss_note(struct loss *l, unsigned lost, bool answered);
uint16_t loss_permille(const struct loss *l);
