// SPDX-License-Identifier: GPL-3.0-or-later
// How one branch and others reach each other, told from both sides.
import { useCallback, useEffect, useState } from "preact/hooks";
import { callAll } from "../../api/client";
import type { Path } from "../../api/schema";
import { Badge, Card } from "../../parts/bits";
import { bytes, loss, PATH, rtt } from "../../parts/format";
import { List } from "../../parts/list";
import { Content, Empty } from "../../parts/states";
import type { Column } from "../../parts/table";
import { Ago } from "../../parts/time";
import { pathTone } from "../../state/health";
import { href } from "../../state/route";

const REFRESH_MS = 5000;

const columns: Column<Path>[] = [
	{ id: "node", title: "From", sort: (p) => p.node, cell: (p) => p.node },
	{ id: "peer", title: "To", sort: (p) => p.peer, cell: (p) => <a href={href(["branches", p.peer])}>{p.peer}</a> },
	{
		id: "path",
		title: "Path",
		sort: (p) => p.path,
		cell: (p) => (
			<div class="why">
				<Badge tone={pathTone(p.path)}>{PATH[p.path] ?? p.path}</Badge>
				<span class="small">{p.reason}</span>
				{p.advice && <span class="small muted">To do: {p.advice}</span>}
			</div>
		),
	},
	{ id: "rtt", title: "RTT", align: "right", sort: (p) => p.rtt_us, cell: (p) => rtt(p.rtt_us) },
	{ id: "loss", title: "Loss", align: "right", sort: (p) => p.loss_permille, cell: (p) => loss(p.loss_permille) },
	{ id: "pmtu", title: "Path MTU", align: "right", sort: (p) => p.pmtu, cell: (p) => (p.pmtu ? `${p.pmtu} B` : "–") },
	{ id: "traffic", title: "Traffic", align: "right", sort: (p) => p.rx_bytes + p.tx_bytes, cell: (p) => <span class="num">{`${bytes(p.rx_bytes)} in, ${bytes(p.tx_bytes)} out`}</span> },
	{ id: "since", title: "Since", sort: (p) => p.since, cell: (p) => <Ago at={p.since} /> },
];

export function PeersTab({ id }: { id: number }) {
	const [loaded, setLoaded] = useState<{ items: Path[] | null; error: unknown }>({ items: null, error: null });
	const reload = useCallback(() => {
		callAll("GET /api/v1/nodes/{id}/paths", { id: `id:${id}` })
			.then((items) => setLoaded({ items, error: null }))
			.catch((error: unknown) => setLoaded((before) => ({ items: before.items, error })));
	}, [id]);
	useEffect(() => {
		reload();
		const timer = setInterval(reload, REFRESH_MS);
		return () => clearInterval(timer);
	}, [reload]);
	return (
		<Card title="Paths">
			<Content what="paths" loaded={{ ...loaded, reload }}>
				{(items) =>
					items.length ? (
						<List label="Paths" columns={columns} rows={items} keyOf={(p) => `${p.node_id}-${p.peer_id}`} by="peer" />
					) : (
						<Empty icon="map" title="No path is known">
							<p>A branch tells its paths while it is connected, and has one to another branch when there was traffic between them.</p>
						</Empty>
					)
				}
			</Content>
		</Card>
	);
}
