// SPDX-License-Identifier: GPL-3.0-or-later
// The hub's own tunnel key, and its replacement while the old one is still answered for.
import { useCallback, useEffect, useState } from "preact/hooks";
import { call } from "../../api/client";
import type { HubTunnelKey } from "../../api/schema";
import { Card, Mono } from "../../parts/bits";
import { ask } from "../../parts/dialog";
import { fingerprint, number } from "../../parts/format";
import { Content } from "../../parts/states";
import { At } from "../../parts/time";
import { tell } from "../../parts/toast";
import { useCell } from "../../state/cell";
import { happenings } from "../../state/happenings";
import { may } from "../../state/session";

const NAMED_MAX = 10;
/** How often it is looked who has changed over by now. */
const LOOK_MS = 3000;

/** Read again when the log has something new of it, and now and then while the key is being replaced: not every node's change is in the log. */
function useTunnelKey() {
	const [loaded, setLoaded] = useState<{ items: HubTunnelKey[] | null; error: unknown }>({ items: null, error: null });
	const reload = useCallback(() => {
		call("GET /api/v1/hub/tunnel-key").then(
			({ data }) => setLoaded({ items: [data], error: null }),
			(error: unknown) => setLoaded({ items: null, error }),
		);
	}, []);
	const heard = useCell(happenings).find((h) => h.kind === "audit" && h.entry.action.startsWith("hub.tunnel_"))?.key;
	useEffect(reload, [reload, heard]);
	const changing = loaded.items?.[0]?.state !== "stable";
	useEffect(() => {
		const timer = changing ? setInterval(reload, LOOK_MS) : undefined;
		return () => clearInterval(timer);
	}, [changing, reload]);
	return { ...loaded, reload };
}

function names(x: HubTunnelKey, kind: "spoke" | "wireguard"): string {
	const all = x.missing.filter((m) => m.kind === kind).map((m) => m.name);
	const more = all.length - NAMED_MAX;
	return more > 0 ? `${all.slice(0, NAMED_MAX).join(", ")} and ${number(more)} more` : all.join(", ");
}

function Facts({ x }: { x: HubTunnelKey }) {
	return (
		<dl class="facts card-body">
			<dt>Fingerprint</dt>
			<dd>
				<Mono text={x.fingerprint} shown={fingerprint(x.fingerprint)} what="the fingerprint of the hub's tunnel key" />
			</dd>
			<dt>Since</dt>
			<dd>
				<At at={x.created_at} />
			</dd>
			{x.state !== "stable" && (
				<>
					<dt>Changed over</dt>
					<dd>
						{number(x.changed_over)} of {number(x.nodes)}
						{names(x, "spoke") && <p>Not yet {names(x, "spoke")}</p>}
						{x.wireguard_missing > 0 && (
							<p class="warning">
								{names(x, "wireguard")}: served with the old key until the new public key is in the configuration: <Mono text={x.public_key} shown={x.public_key} what="the hub's public key" />
							</p>
						)}
					</dd>
				</>
			)}
		</dl>
	);
}

function askToReplace(reload: () => void) {
	ask({
		title: "Replace the hub's tunnel key?",
		body: <p>Tunnels go on, and branches change over by themselves. WireGuard devices need the new public key in their configuration; they are served with the old one until then.</p>,
		action: "Replace the key",
		run: async () => {
			await call("POST /api/v1/hub/tunnel-key/rotate", { body: {} });
			tell("The hub makes a new tunnel key.");
			reload();
		},
	});
}

function askToFinish(x: HubTunnelKey, reload: () => void) {
	const lost = x.wireguard_missing;
	ask({
		title: "Forget the old key now?",
		body: lost ? (
			<p>{names(x, "wireguard")} will be cut off until the new public key is in the configuration.</p>
		) : (
			<p>Branches that have not changed over learn the new key when they are back.</p>
		),
		action: lost ? "Forget it all the same" : "Forget the old key",
		danger: lost > 0,
		run: async () => {
			await call("POST /api/v1/hub/tunnel-key/finish", { body: { force: lost > 0 } });
			tell("The hub has one tunnel key again.");
			reload();
		},
	});
}

function Actions({ x, reload }: { x: HubTunnelKey; reload(): void }) {
	if (!may("admin")) {
		return null;
	}
	return x.state === "stable" ? (
		<button type="button" onClick={() => askToReplace(reload)}>
			Replace…
		</button>
	) : (
		<button type="button" disabled={x.state !== "overlap"} onClick={() => askToFinish(x, reload)}>
			Forget the old one…
		</button>
	);
}

export function TunnelKeyCard() {
	const loaded = useTunnelKey();
	const x = loaded.items?.[0];
	return (
		<Card title="Tunnel key" actions={x && <Actions x={x} reload={loaded.reload} />}>
			<Content what="the hub's tunnel key" loaded={loaded}>
				{([item]) => (item ? <Facts x={item} /> : null)}
			</Content>
		</Card>
	);
}
