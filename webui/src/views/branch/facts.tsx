// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of a branch now.
import { Card, Mono } from "../../parts/bits";
import { bytes, fingerprint, KIND, loss, rate, rtt } from "../../parts/format";
import { Ago, At } from "../../parts/time";
import { healthOf, pathText } from "../../state/health";
import type { Branch } from "../../state/live";
import { may } from "../../state/session";
import { ReachTest } from "./reach";
import { PathBadge, Status } from "../branches/columns";

const NAT = {
	unknown: "not known",
	easy: "easy: direct paths work",
	hard: "hard: another outer port for each destination, so that direct paths work only towards easy ones",
};

function Connection({ b }: { b: Branch }) {
	const p = b.presence;
	return (
		<Card title="Connection">
			<dl class="facts card-body">
				<dt>Status</dt>
				<dd>
					<Status b={b} /> {healthOf(b).health !== "up" && <span class="muted">{healthOf(b).why}</span>}
				</dd>
				<dt>Path to the hub</dt>
				<dd>
					<PathBadge b={b} /> <span class="muted">{b.node.status === "active" ? p?.path_reason : ""}</span>
				</dd>
				<dt>Online since</dt>
				<dd>{p?.online ? <Ago at={p.since} /> : "its control link is not up"}</dd>
				<dt>Public address</dt>
				<dd>{p?.endpoint ? <Mono text={p.endpoint} what="the public address" /> : "not known"}</dd>
				<dt>NAT</dt>
				<dd>{NAT[p?.nat ?? "unknown"]}</dd>
				<dt>Version</dt>
				<dd>{p?.version ?? "not known"}</dd>
				<dt>Applied revision</dt>
				<dd>
					{p?.acked_at ? p.acked_revision : "none"} {p?.acked_at && <span class="muted">(<Ago at={p.acked_at} />)</span>}
				</dd>
			</dl>
		</Card>
	);
}

function Tunnel({ b }: { b: Branch }) {
	const p = b.presence;
	return (
		<Card title="Tunnel to the hub">
			<dl class="facts card-body">
				<dt>Last handshake</dt>
				<dd>
					<Ago at={p?.handshake_at} />
				</dd>
				<dt>Round trip</dt>
				<dd>{rtt(p?.rtt_us ?? b.path?.rtt_us)}</dd>
				<dt>Loss of probes</dt>
				<dd>{loss(b.path?.loss_permille)}</dd>
				<dt>Path MTU</dt>
				<dd>{b.path?.pmtu ? `${b.path.pmtu} bytes` : "not measured"}</dd>
				<dt>Traffic now</dt>
				<dd>
					{rate(b.rates.rx)} in, {rate(b.rates.tx)} out
				</dd>
				<dt>Traffic of this session</dt>
				<dd>{p ? `${bytes(p.rx_bytes)} in, ${bytes(p.tx_bytes)} out` : "–"}</dd>
				<dt>Path</dt>
				<dd>
					{pathText(b)} {b.path?.since && <span class="muted">since <At at={b.path.since} /></span>}
				</dd>
			</dl>
		</Card>
	);
}

function Identity({ b }: { b: Branch }) {
	const { node } = b;
	return (
		<Card title="Identity">
			<dl class="facts card-body">
				<dt>Kind</dt>
				<dd>{KIND[node.kind]}</dd>
				<dt>Addresses</dt>
				<dd>
					{node.addresses.map((a) => (
						<div key={a}>
							<Mono text={a} what={`address ${a}`} />
						</div>
					))}
				</dd>
				<dt>Groups</dt>
				<dd>{node.groups.join(", ") || "none: it may talk to the hub only"}</dd>
				{node.identity_fingerprint && (
					<>
						<dt>Fingerprint</dt>
						<dd>
							<Mono text={node.identity_fingerprint} shown={fingerprint(node.identity_fingerprint)} what="the fingerprint" />
						</dd>
					</>
				)}
				<dt>Comment</dt>
				<dd>{node.comment || "–"}</dd>
				<dt>Added</dt>
				<dd>
					<At at={node.created_at} />
				</dd>
				{node.revoked_at && (
					<>
						<dt>Revoked</dt>
						<dd>
							<At at={node.revoked_at} />
							{node.revoked_why ? `: ${node.revoked_why}` : ""}
						</dd>
					</>
				)}
			</dl>
		</Card>
	);
}

export function FactsTab({ b }: { b: Branch }) {
	return (
		<div class="columns">
			<Connection b={b} />
			<Tunnel b={b} />
			<Identity b={b} />
			{b.node.kind === "spoke" && b.node.status === "active" && may("operator") && <ReachTest node={b.node} />}
		</div>
	);
}
