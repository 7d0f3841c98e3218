// SPDX-License-Identifier: GPL-3.0-or-later
// How the network is, at a glance.
import type { ComponentChildren } from "preact";
import { Badge, Card, Head } from "../../parts/bits";
import { count, number, rate } from "../../parts/format";
import { HappeningList } from "../../parts/happening";
import { HistoryCard } from "../../parts/history";
import { Icon } from "../../parts/icons";
import { Empty, Failed, Loading } from "../../parts/states";
import { useCell } from "../../state/cell";
import { healthOf } from "../../state/health";
import { happenings } from "../../state/happenings";
import { applied, type Branch, branches, loadAll, loadError, network, type NetworkStatus } from "../../state/live";
import { href } from "../../state/route";
import { may } from "../../state/session";
import { attention } from "./attention";

const RECENT_SHOWN = 12;

function Tile({ label, value, note, to }: { label: string; value: ComponentChildren; note?: ComponentChildren; to: string }) {
	return (
		<a class="tile" href={to}>
			<span class="muted">{label}</span>
			<strong>{value}</strong>
			<span class="muted small">{note}</span>
		</a>
	);
}

function sum(list: Branch[], of: "rx" | "tx"): number | null {
	const known = list.map((b) => b.rates[of]).filter((v): v is number => v !== null);
	return known.length ? known.reduce((a, b) => a + b, 0) : null;
}

function Tiles({ list, net }: { list: Branch[]; net: NetworkStatus }) {
	const by = (health: string) => list.filter((b) => healthOf(b).health === health).length;
	const active = list.filter((b) => b.node.status === "active");
	const direct = active.filter((b) => b.presence?.path === "direct-udp").length;
	const done = useCell(applied);
	return (
		<div class="tiles">
			<Tile label="Branches up" value={`${number(by("up"))} of ${number(active.length)}`} note={by("invited") ? `${number(by("invited"))} invited` : "of those that have joined"} to={href(["branches"], { status: "up" })} />
			<Tile label="Down" value={number(by("down") + by("partly"))} note={by("partly") ? `${number(by("partly"))} of them partly` : "tunnel or link"} to={href(["branches"], { status: "down" })} />
			<Tile label="Traffic now" value={rate(sum(list, "rx"))} note={sum(list, "tx") === null ? "counting…" : `in; ${rate(sum(list, "tx"))} out`} to={href(["branches"])} />
			<Tile label="Direct by UDP" value={`${number(direct)} of ${number(active.length)}`} note="the rest by TCP, or down" to={href(["branches"], { path: "direct-udp" })} />
			<Tile label="Revision" value={net.revision} note={done ? `applied on ${number(done.applied)} of ${number(done.online)}` : "of the directory"} to={href(["audit"])} />
		</div>
	);
}

function AttentionCard({ list, net }: { list: Branch[]; net: NetworkStatus }) {
	const facts = {
		branches: list,
		network: net,
		applied: useCell(applied),
		now: Date.now(),
	};
	const items = attention(facts);
	return (
		<Card title="Needs attention">
			{items.length ? (
				<ul class="plain attention">
					{items.map((a) => (
						<li key={a.id}>
							<a href={a.href}>
								<Badge tone={a.tone}>{a.text}</Badge>
							</a>
							<p class="muted small">{a.why}</p>
						</li>
					))}
				</ul>
			) : (
				<Empty icon="check" title="Nothing">
					<p>All branches that have joined are up, and nothing waits for you.</p>
				</Empty>
			)}
		</Card>
	);
}

function HubCard({ net }: { net: NetworkStatus }) {
	return (
		<Card title={`Hub ${net.hub.name}`}>
			<dl class="facts card-body">
				<dt>Branches dial</dt>
				<dd>{net.hub.hub_addresses.join(", ")}</dd>
				<dt>Address</dt>
				<dd>{net.hub.addresses.join(", ")}</dd>
				<dt>Pools</dt>
				<dd>{net.pools.join(", ")}</dd>
				<dt>Encryption</dt>
				<dd>{net.engine?.crypto ?? "the data plane does not answer"}</dd>
				<dt>Version</dt>
				<dd>{net.version}</dd>
			</dl>
		</Card>
	);
}

/** From an empty page to the first branch. */
function FirstSteps({ net }: { net: NetworkStatus }) {
	return (
		<Card title="From here to the first branch">
			<ol class="steps card-body">
				<li>The hub runs, and you are signed in. Branches will dial {net.hub.hub_addresses.join(" or ")}: UDP and TCP of this port must reach the hub from outside.</li>
				<li>
					{may("operator") ? <a href="#/add">Add a branch</a> : "An operator adds a branch"}: its name, and the networks behind it. The page shows a command.
				</li>
				<li>Paste the command on the branch's server, and start its service. The branch turns green here by itself.</li>
			</ol>
		</Card>
	);
}

export function OverviewView() {
	const list = useCell(branches);
	const net = useCell(network);
	const error = useCell(loadError);
	const recent = useCell(happenings).slice(0, RECENT_SHOWN);
	return (
		<>
			<Head title="Overview" note={net ? `${net.network}: ${count(net.counts.spokes + net.counts.wireguard, "branch", "branches")}` : undefined}>
				{may("operator") && (
					<a class="button primary" href="#/add">
						<Icon name="plus" /> Add a branch
					</a>
				)}
			</Head>
			{list && net ? (
				<>
					{list.length === 0 ? <FirstSteps net={net} /> : <Tiles list={list} net={net} />}
					<div class="columns">
						<AttentionCard list={list} net={net} />
						{list.length > 0 && <HistoryCard node={null} who="all branches" />}
						<Card title="Last events">{recent.length ? <HappeningList items={recent} /> : <Empty icon="audit" title="Nothing has happened yet" />}</Card>
						<HubCard net={net} />
					</div>
				</>
			) : error ? (
				<Failed error={error} retry={() => void loadAll()} />
			) : (
				<Loading what="the network" />
			)}
		</>
	);
}
