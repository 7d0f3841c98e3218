/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clients of the API send. The first byte says how the rest is cut into pieces, and it comes
 * to the same as in one piece. What goes on of whole requests is HTTP/1.1 that goes on unchanged.
 */
#include <stdint.h>
#include <string.h>

#include "hub/api/framing.h"

#define REQUESTS_MAX 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	struct buf out;
	size_t whole; /* bytes of `out` that are whole requests */
	unsigned requests;
	struct problem p;
};

static void take(struct framing *f, struct result *r, const uint8_t *p, size_t n)
{
	while (n && !r->p.status && r->requests < REQUESTS_MAX) {
		size_t used = 0, before = buf_len(&r->out);
		enum err e = framing_take(f, p, n, &used, &r->out, &r->p);

		BUG_ON(used > n || used == 0 || (e == ERR_AGAIN && used != n));
		BUG_ON((e == ERR_INVALID) != (r->p.status != 0));
		BUG_ON(e == ERR_INVALID && (!r->p.code[0] || !r->p.detail[0]));
		BUG_ON(buf_len(&r->out) > before + n + FRAMING_GROWTH_BYTES);
		p += used;
		n -= used;
		if (e)
			continue;
		r->whole = buf_len(&r->out);
		r->requests++;
		framing_next(f);
	}
}

static void run(const uint8_t *data, size_t size, size_t step, struct result *r)
{
	struct framing f;

	memset(r, 0, sizeof(*r));
	buf_init(&r->out, 2 * size + REQUESTS_MAX * FRAMING_GROWTH_BYTES);
	framing_init(&f);
	for (size_t at = 0; at < size; at += step)
		take(&f, r, data + at, size - at < step ? size - at : step);
	framing_fini(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole, cut, again;

	if (size < 2)
		return 0;
	run(data + 1, size - 1, size, &whole);
	run(data + 1, size - 1, data[0] ? data[0] : 1, &cut);
	BUG_ON(whole.requests != cut.requests || whole.p.status != cut.p.status ||
	       strcmp(whole.p.code, cut.p.code) != 0 || buf_len(&whole.out) != buf_len(&cut.out) ||
	       memcmp(buf_data(&whole.out), buf_data(&cut.out), buf_len(&cut.out)) != 0);
	run(buf_data(&whole.out), whole.whole, size * 8, &again);
	BUG_ON(again.p.status || again.requests != whole.requests ||
	       buf_len(&again.out) != whole.whole ||
	       memcmp(buf_data(&again.out), buf_data(&whole.out), whole.whole) != 0);
	buf_fini(&whole.out);
	buf_fini(&cut.out);
	buf_fini(&again.out);
	return 0;
}
