/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void secret_zero(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}

/* The differences are gathered in a volatile, so that no compiler leaves the loop early. */
bool secret_equal(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;
	volatile uint8_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff = diff | (x[i] ^ y[i]);
	return diff == 0;
}

bool secret_is_zero(const void *p, size_t n)
{
	const uint8_t *x = p;
	volatile uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any = any | x[i];
	return any == 0;
}

void secret_random(void *p, size_t n)
{
	uint8_t *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			fprintf(stderr, "no random numbers from the system: %s\n", strerror(errno));
			abort();
		}
		at += got;
		n -= (size_t)got;
	}
}

uint32_t secret_random_u32(void)
{
	uint32_t v;

	secret_random(&v, sizeof(v));
	return v;
}

uint32_t secret_random_below(uint32_t below)
{
	uint32_t v, surplus;

	BUG_ON(below == 0);
	/* 2^32 mod below: values under it would make the small results likelier, so they are drawn
	 * again. */
	surplus = (0u - below) % below;
	do
		v = secret_random_u32();
	while (v < surplus);
	return v % below;
}
