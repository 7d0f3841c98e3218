/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/loss.h"

static void push(struct loss *l, unsigned bit)
{
	l->bits = l->bits << 1 | bit;
	if (l->n < LOSS_PROBES)
		l->n++;
}

void loss_note(struct loss *l, unsigned lost, bool answered)
{
	for (unsigned i = 0; i < lost && i < LOSS_PROBES; i++)
		push(l, 1);
	if (answered)
		push(l, 0);
}

uint16_t loss_permille(const struct loss *l)
{
	const uint32_t mask = l->n < LOSS_PROBES ? (1u << l->n) - 1 : UINT32_MAX;

	if (!l->n)
		return 0;
	return (uint16_t)(1000u * (unsigned)__builtin_popcount(l->bits & mask) / l->n);
}
