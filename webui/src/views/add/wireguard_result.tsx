// SPDX-License-Identifier: GPL-3.0-or-later
// What a new WireGuard device needs: its file, also as a QR code; and whether its packets arrive.
import type { Node } from "../../api/schema";
import { Badge, Card, CopyButton } from "../../parts/bits";
import { download } from "../../parts/csv";
import { Qr } from "../../parts/qr";
import { Loading } from "../../parts/states";
import { useCell } from "../../state/cell";
import { healthOf } from "../../state/health";
import { branches, network } from "../../state/live";
import { subnets, useResource } from "../../state/resource";
import { href } from "../../state/route";
import { configFile, type KeyPair, PLACEHOLDER } from "./wireguard";

export function WireGuardResult({ node, keys }: { node: Node; keys: KeyPair | null }) {
	const net = useCell(network);
	const all = useResource(subnets).items;
	const b = useCell(branches)?.find((one) => one.id === node.id);
	if (!net || !all) {
		return <Loading what="the configuration" />;
	}
	const others = all.filter((s) => s.node_id !== node.id && s.status === "approved").map((s) => s.prefix);
	const text = configFile(node, net, others, keys?.privateKey ?? PLACEHOLDER);
	return (
		<div class="columns">
			<Card title="Configuration" actions={<CopyButton text={text} what="the configuration" />}>
				<div class="form card-body">
					{keys && <p>It holds the device's private key, which is in this browser only: it is gone when you leave this page.</p>}
					<div class="command">
						<pre>
							<code>{text}</code>
						</pre>
					</div>
					<button type="button" onClick={() => download(`${node.name}.conf`, "text/plain", text)}>
						Download {node.name}.conf
					</button>
				</div>
			</Card>
			<Card title={keys ? "Scan it" : "State"}>
				<div class="form card-body">
					{keys && <Qr text={text} label={`Configuration of ${node.name}`} />}
					<p role="status">
						{b && healthOf(b).health === "up" ? (
							<>
								<Badge tone="good">up</Badge> Its packets arrive. <a href={href(["branches", node.name])}>Look at it</a>
							</>
						) : (
							<>
								<Badge tone="off">not yet</Badge> Waiting for its first packet…
							</>
						)}
					</p>
				</div>
			</Card>
		</div>
	);
}
