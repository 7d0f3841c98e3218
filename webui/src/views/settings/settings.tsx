// SPDX-License-Identifier: GPL-3.0-or-later
// The hub itself: what it is, what its data plane counts, which versions run, how to keep and restore it.
import { useMemo } from "preact/hooks";
import { Card, CopyButton, Head } from "../../parts/bits";
import { bytes, count } from "../../parts/format";
import { Failed, Loading } from "../../parts/states";
import { At } from "../../parts/time";
import { useCell } from "../../state/cell";
import { type Branch, branches, loadAll, loadError, network, type NetworkStatus } from "../../state/live";
import { href } from "../../state/route";
import { IdentityCard } from "./identity";
import { TunnelKeyCard } from "./tunnel_key";

function HubCard({ net }: { net: NetworkStatus }) {
	return (
		<Card title={`Hub ${net.hub.name}`}>
			<dl class="facts card-body">
				<dt>Network</dt>
				<dd>{net.network}</dd>
				<dt>Version</dt>
				<dd>{net.version}</dd>
				<dt>Branches dial</dt>
				<dd>{net.hub.hub_addresses.join(", ")}</dd>
				<dt>Data plane</dt>
				<dd>UDP port {net.hub.udp_port}</dd>
				<dt>Addresses</dt>
				<dd>{net.hub.addresses.join(", ")}</dd>
				<dt>Pools</dt>
				<dd>{net.pools.join(", ")}</dd>
				<dt>MTU inside</dt>
				<dd>{net.mtu} bytes</dd>
				<dt>API since</dt>
				<dd>
					<At at={net.api_started_at} />
				</dd>
			</dl>
		</Card>
	);
}

function Counters({ items, none }: { items: [string, number][]; none: string }) {
	const seen = items.filter(([, n]) => n > 0);
	return (
		<dl class="facts card-body">
			{seen.length === 0 && <p class="muted">{none}</p>}
			{seen.map(([name, n]) => (
				<>
					<dt key={name}>{name.replaceAll("_", " ")}</dt>
					<dd class="num">{n.toLocaleString("en")}</dd>
				</>
			))}
		</dl>
	);
}

function EngineCard({ net }: { net: NetworkStatus }) {
	const e = net.engine;
	if (!e) {
		return (
			<Card title="Data plane">
				<p class="card-body error">It does not answer. The hub starts it again by itself; if this stays, look at its log.</p>
			</Card>
		);
	}
	return (
		<Card title="Data plane">
			<dl class="facts card-body">
				<dt>Encryption</dt>
				<dd>{e.crypto}</dd>
				<dt>Help of the kernel</dt>
				<dd>{e.offloads.join(", ") || "none"}</dd>
				<dt>Sessions</dt>
				<dd>
					{e.sessions.toLocaleString("en")} with {count(e.peers, "peer")}, {count(e.handshakes, "handshake")} so far
				</dd>
				<dt>Relayed</dt>
				<dd>
					{bytes(e.relayed_bytes)} in {count(e.relayed_packets, "packet")} between branches
				</dd>
				<dt>Compression</dt>
				<dd>{e.compression.before_bytes ? `${bytes(e.compression.before_bytes)} became ${bytes(e.compression.after_bytes)}, ${e.compression.us_per_packet.toFixed(1)} µs a packet` : "not used"}</dd>
			</dl>
		</Card>
	);
}

function VersionsCard({ list, own }: { list: Branch[]; own: string }) {
	const versions = useMemo(() => {
		const found = new Map<string, number>();
		for (const b of list) {
			if (b.presence?.version) {
				found.set(b.presence.version, (found.get(b.presence.version) ?? 0) + 1);
			}
		}
		return [...found].sort(([a], [b]) => b.localeCompare(a, "en", { numeric: true }));
	}, [list]);
	return (
		<Card title="Versions">
			<dl class="facts card-body">
				<dt>Hub</dt>
				<dd>{own}</dd>
				{versions.map(([version, n]) => (
					<>
						<dt key={version}>{version}</dt>
						<dd>
							<a href={href(["branches"], { version })}>{count(n, "branch", "branches")}</a>
						</dd>
					</>
				))}
			</dl>
		</Card>
	);
}

function Command({ text }: { text: string }) {
	return (
		<div class="command">
			<pre>
				<code>{text}</code>
			</pre>
			<CopyButton text={text} what="the command" />
		</div>
	);
}

function BackupCard({ net }: { net: NetworkStatus }) {
	return (
		<Card title="Backup">
			<div class="form card-body">
				<p>A backup holds the hub's private keys, so it is made on the hub's server, never through this page. Once, choose its passphrase:</p>
				<Command text={`branchline-hub -n ${net.network} backup passphrase`} />
				<p>Then, as often as you like:</p>
				<Command text={`branchline-hub -n ${net.network} backup create FILE`} />
				<p>Put back, on this server or another, with the hub stopped. Keys that were revoked since stay revoked where branches know it:</p>
				<Command text={`branchline-hub -n ${net.network} backup restore FILE`} />
			</div>
		</Card>
	);
}

export function SettingsView() {
	const net = useCell(network);
	const list = useCell(branches);
	const error = useCell(loadError);
	return (
		<>
			<Head title="Hub" note="What it is set to stands in hub.conf on its server; after a change there: systemctl reload." />
			{!net || !list ? (
				error ? (
					<Failed error={error} retry={() => void loadAll()} />
				) : (
					<Loading what="the hub" />
				)
			) : (
				<div class="columns">
					<HubCard net={net} />
					<IdentityCard />
					<TunnelKeyCard />
					<EngineCard net={net} />
					<VersionsCard list={list} own={net.version} />
					<Card title="Dropped packets">
						<Counters items={Object.entries(net.engine?.drops ?? {})} none="None since the data plane was started." />
					</Card>
					<Card title="Links of branches">
						<Counters items={Object.entries(net.link)} none="None yet." />
					</Card>
					<BackupCard net={net} />
				</div>
			)}
		</>
	);
}
