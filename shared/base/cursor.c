/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/cursor.h"

void cursor_get_bytes(struct cursor *c, void *dst, size_t n)
{
	const uint8_t *p = cursor_get_view(c, n);

	if (n == 0)
		return;
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

void cursor_get_str(struct cursor *c, char *dst, size_t size)
{
	size_t n = cursor_get_u16(c);
	const uint8_t *p;

	BUG_ON(size == 0);
	dst[0] = 0;
	p = cursor_get_view(c, n);
	if (!p)
		return;
	if (n >= size || memchr(p, 0, n)) {
		cursor_fail(c, ERR_INVALID);
		return;
	}
	memcpy(dst, p, n);
	dst[n] = 0;
}

void cursor_put_bytes(struct cursor *c, const void *src, size_t n)
{
	uint8_t *p = cursor_put_space(c, n);

	if (p && n)
		memcpy(p, src, n);
}

void cursor_put_str(struct cursor *c, const char *s)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX) {
		cursor_fail(c, ERR_TOOBIG);
		return;
	}
	cursor_put_u16(c, (uint16_t)n);
	cursor_put_bytes(c, s, n);
}
