// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration file of a stock WireGuard device. Its private key is made in this browser and goes nowhere else: the
// hub gets the public one only.
import type { Node } from "../../api/schema";
import type { NetworkStatus } from "../../state/live";

export interface KeyPair {
	privateKey: string;
	publicKey: string;
}

function base64(bytes: Uint8Array): string {
	return btoa(String.fromCharCode(...bytes));
}

/** X25519 keys as WireGuard writes them; null where the browser cannot make them. */
export async function makeKeys(): Promise<KeyPair | null> {
	try {
		const pair = (await crypto.subtle.generateKey({ name: "X25519" }, true, ["deriveBits"])) as CryptoKeyPair;
		const jwk = await crypto.subtle.exportKey("jwk", pair.privateKey);
		const spki = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
		const secret = (jwk.d ?? "").replaceAll("-", "+").replaceAll("_", "/");
		return { privateKey: secret.padEnd(44, "="), publicKey: base64(spki) };
	} catch {
		return null;
	}
}

/** The hub's first address with the port of its data plane; brackets around IPv6. */
function endpoint(net: NetworkStatus): string {
	const host = net.hub.hub_addresses[0]?.split(" ")[0] ?? "";
	return `${host.includes(":") ? `[${host}]` : host}:${net.hub.udp_port}`;
}

export const PLACEHOLDER = "(the private key of this device)";

export function configFile(node: Node, net: NetworkStatus, others: string[], privateKey: string): string {
	const allowed = [...new Set([...net.pools, ...others])].filter((p) => !node.subnets.some((s) => s.prefix === p));
	return [
		`# ${node.name} in network ${net.network}`,
		"[Interface]",
		`PrivateKey = ${privateKey}`,
		...node.addresses.map((a) => `Address = ${a}/${a.includes(":") ? 128 : 32}`),
		`MTU = ${net.mtu}`,
		"",
		`# the hub ${net.hub.name}`,
		"[Peer]",
		`PublicKey = ${net.hub.tunnel_key ?? ""}`,
		`Endpoint = ${endpoint(net)}`,
		`AllowedIPs = ${allowed.join(", ")}`,
		...(node.keepalive_s ? [`PersistentKeepalive = ${node.keepalive_s}`] : []),
		"",
	].join("\n");
}
