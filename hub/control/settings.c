/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The text of a setting, at most `size` - 1 bytes of it are allowed. */
static enum err text(struct store *s, const char *key, char *out, size_t size)
{
	struct buf b;

	buf_init(&b, size - 1);
	enum err e = store_setting_get(s, key, &b);
	if (e == ERR_OK) {
		memcpy(out, buf_data(&b), buf_len(&b));
		out[buf_len(&b)] = '\0';
	}
	buf_fini(&b);
	return e == ERR_TOOBIG ? ERR_CORRUPT : e;
}

/* A decimal number in min..max; `out` is left alone when the setting is missing. */
static enum err number(struct store *s, const char *key, unsigned long min, unsigned long max,
		       unsigned long *out)
{
	char t[24];
	char *end;
	enum err e = text(s, key, t, sizeof(t));

	if (e)
		return e;
	errno = 0;
	unsigned long v = strtoul(t, &end, 10);
	if (errno || end == t || *end || t[0] == '-' || v < min || v > max)
		return ERR_CORRUPT;
	*out = v;
	return ERR_OK;
}

/* The same, but a missing one is fine. */
static enum err number_or(struct store *s, const char *key, unsigned long min, unsigned long max,
			  unsigned long *out)
{
	enum err e = number(s, key, min, max, out);

	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err pool(struct store *s, const char *key, struct prefix *out)
{
	char t[PREFIX_STR_SIZE];
	enum err e = text(s, key, t, sizeof(t));

	if (e == ERR_NOTFOUND || (e == ERR_OK && t[0] == '\0'))
		return ERR_OK;
	if (e)
		return e;
	return prefix_parse(t, out, NULL) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

enum err settings_read(struct store *s, struct settings *out)
{
	struct settings x = { 0 };
	struct key_settings keys;
	unsigned long hub_id = 0, mtu = TUN_MTU_DEFAULT, keepalive = SETTINGS_KEEPALIVE_S,
		      port = UDP_PORT_DEFAULT;
	enum err e;

	if ((e = text(s, "network", x.network, sizeof(x.network))) ||
	    (e = number(s, "hub_id", 1, UINT32_MAX, &hub_id)) ||
	    (e = pool(s, "pool4", &x.pools[0])) || (e = pool(s, "pool6", &x.pools[1])) ||
	    (e = number_or(s, "mtu", TUN_MTU_MIN, TUN_MTU_MAX, &mtu)) ||
	    (e = number_or(s, "keepalive", 0, UINT16_MAX, &keepalive)) ||
	    (e = number_or(s, "udp_port", 1, UINT16_MAX, &port)) ||
	    (e = key_settings_read(s, &keys)))
		return e;
	x.keys = keys;
	x.hub_id = (uint32_t)hub_id;
	x.mtu = (uint16_t)mtu;
	x.keepalive_s = (uint16_t)keepalive;
	x.udp_port = (uint16_t)port;
	*out = x;
	return ERR_OK;
}
