/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a proxy says, and what stands behind "Proxy =". The first byte chooses the kind and whether
 * there is a login, the second how the rest is cut into pieces.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/loop/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_talk(uint8_t how, uint8_t cut, const uint8_t *p, size_t n)
{
	struct proxy proxy = { .kind = (enum proxy_kind)(PROXY_SOCKS4 + how % 3), .port = 1 };
	const size_t step = cut ? cut : n;
	struct proxy_talk t;
	struct buf in, out;
	enum err e = ERR_AGAIN;

	if (how & 0x80)
		memcpy(proxy.user, "user", 5);
	buf_init(&in, PROXY_REPLY_MAX_BYTES);
	buf_init(&out, PROXY_REQUEST_MAX_BYTES);
	BUG_ON(proxy_talk_begin(&t, &proxy, "hub.example.net", 443, &out) != ERR_OK);
	for (size_t at = 0; at < n && e == ERR_AGAIN; at += step) {
		if (buf_put(&in, p + at, n - at < step ? n - at : step))
			break;
		e = proxy_talk_take(&t, &in, &out);
		BUG_ON(e == ERR_OK && buf_len(&in));
		BUG_ON(e && e != ERR_AGAIN && !t.why[0]);
	}
	buf_fini(&in);
	buf_fini(&out);
}

static void try_value(const uint8_t *p, size_t n)
{
	char *text = malloc(n + 1);
	struct proxy proxy;
	const char *why;

	BUG_ON(!text);
	memcpy(text, p, n);
	text[n] = '\0';
	if (proxy_parse(text, &proxy, &why) == ERR_OK)
		BUG_ON(proxy.kind != PROXY_NONE && (!proxy.host[0] || !proxy.port));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_value(data, size);
	if (size > 2)
		try_talk(data[0], data[1], data + 2, size - 2);
	return 0;
}
