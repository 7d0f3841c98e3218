/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/wgconf.h"

#include <string.h>

#include "hub/cli/call.h"

static enum err write_interface(const json_t *node, const json_t *status, struct buf *out)
{
	const json_t *list = json_object_get(node, "addresses");
	enum err e;

	e = buf_printf(
		out,
		"# %s in network %s\n[Interface]\nPrivateKey = (the private key of this device)\n",
		call_str(node, "name"), call_str(status, "network"));
	for (size_t i = 0; i < json_array_size(list) && !e; i++) {
		const char *address = json_string_value(json_array_get(list, i));

		e = buf_printf(out, "Address = %s/%s\n", address,
			       strchr(address, ':') ? "128" : "32");
	}
	if (!e && call_int(status, "mtu"))
		e = buf_printf(out, "MTU = %lld\n", (long long)call_int(status, "mtu"));
	return e;
}

/* The hub's first address with the port of its data plane: "host port" -> "host:port". */
static enum err write_endpoint(const json_t *hub, struct buf *out)
{
	const char *first =
		json_string_value(json_array_get(json_object_get(hub, "hub_addresses"), 0));
	int host = first ? (int)strcspn(first, " ") : 0;
	bool six = first && memchr(first, ':', (size_t)host);

	if (host == 0)
		return ERR_NOTFOUND;
	return buf_printf(out, "Endpoint = %s%.*s%s:%lld\n", six ? "[" : "", host, first,
			  six ? "]" : "", (long long)call_int(hub, "udp_port"));
}

/* What is behind the hub: the network's own addresses and the subnets of all others. */
static enum err write_allowed(const json_t *node, const json_t *status, const json_t *subnets,
			      struct buf *out)
{
	const json_t *pools = json_object_get(status, "pools");
	json_t *seen = json_object();
	const char *prefix;
	json_t *unused;
	enum err e = ERR_OK;
	bool first = true;

	for (size_t i = 0; i < json_array_size(pools); i++)
		json_object_set_new(seen, json_string_value(json_array_get(pools, i)), json_true());
	for (size_t i = 0; i < json_array_size(subnets); i++) {
		const json_t *s = json_array_get(subnets, i);

		if (call_int(s, "node_id") != call_int(node, "id") &&
		    strcmp(call_str(s, "status"), "approved") == 0)
			json_object_set_new(seen, call_str(s, "prefix"), json_true());
	}
	json_object_foreach(seen, prefix, unused)
	{
		(void)unused;
		e = e ? e : buf_printf(out, "%s%s", first ? "AllowedIPs = " : ", ", prefix);
		first = false;
	}
	json_decref(seen);
	return e || first ? e : buf_put_str(out, "\n");
}

enum err wgconf_write(const json_t *node, const json_t *status, const json_t *subnets,
		      struct buf *out)
{
	const json_t *hub = json_object_get(status, "hub");
	int64_t keepalive = call_int(node, "keepalive_s");
	enum err e;

	if (!*call_str(hub, "tunnel_key"))
		return ERR_NOTFOUND;
	e = write_interface(node, status, out);
	if (!e)
		e = buf_printf(out, "\n# the hub %s\n[Peer]\nPublicKey = %s\n",
			       call_str(hub, "name"), call_str(hub, "tunnel_key"));
	if (!e)
		e = write_endpoint(hub, out);
	if (!e)
		e = write_allowed(node, status, subnets, out);
	if (!e && keepalive)
		e = buf_printf(out, "PersistentKeepalive = %lld\n", (long long)keepalive);
	return e;
}
