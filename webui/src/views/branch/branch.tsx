// SPDX-License-Identifier: GPL-3.0-or-later
// Everything about one branch.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Node } from "../../api/schema";
import { Head } from "../../parts/bits";
import { ask } from "../../parts/dialog";
import { HistoryCard } from "../../parts/history";
import { Icon } from "../../parts/icons";
import { Menu } from "../../parts/menu";
import { Empty, Failed, Loading } from "../../parts/states";
import { tell } from "../../parts/toast";
import { useCell } from "../../state/cell";
import { type Branch, branches, loadAll, loadError, network } from "../../state/live";
import { go, href, route } from "../../state/route";
import { may } from "../../state/session";
import { InviteDialog } from "../add/invite";
import { Status } from "../branches/columns";
import { EventsTab } from "./events";
import { FactsTab } from "./facts";
import { KeysTab } from "./keys";
import { PeersTab } from "./peers";
import { RevokeDialog } from "./revoke";
import { SettingsTab } from "./settings";
import { SubnetsTab } from "./subnets";

const TABS = [
	["now", "Now"],
	["traffic", "Traffic"],
	["paths", "Paths"],
	["subnets", "Subnets"],
	["keys", "Keys"],
	["settings", "Settings"],
	["events", "Events"],
] as const;

function askDelete(node: Node): void {
	ask({
		title: `Delete ${node.name}`,
		body: (
			<>
				<p>
					<strong>{node.name}</strong> is cut off at once and forgotten: its keys are worthless, and its name, {node.addresses.join(", ")}
					{node.subnets.length ? ` and ${node.subnets.map((s) => s.prefix).join(", ")}` : ""} are free for others.
				</p>
				<p>The audit log keeps what was done. There is no way back: it would have to be added and joined anew.</p>
			</>
		),
		action: `Delete ${node.name}`,
		danger: true,
		async run() {
			await call("DELETE /api/v1/nodes/{id}", { id: `id:${node.id}` });
			tell(`${node.name} is deleted.`);
			go(["branches"]);
		},
	});
}

function askDisable(node: Node): void {
	ask({
		title: `Disable ${node.name}`,
		body: <p>{`The tunnels of ${node.name} end within a second, and nobody reaches it or what is behind it. It keeps keys, addresses and settings, and can be enabled again at any time.`}</p>,
		action: `Disable ${node.name}`,
		danger: true,
		input: { label: "Reason (for the audit log)" },
		async run(reason) {
			await call("POST /api/v1/nodes/{id}/disable", { id: `id:${node.id}`, body: reason ? { reason } : {} });
			tell(`${node.name} is disabled.`);
		},
	});
}

function askEnable(node: Node): void {
	ask({
		title: `Enable ${node.name}`,
		body: <p>{`${node.name} may connect again, with the keys that it has.`}</p>,
		action: `Enable ${node.name}`,
		async run() {
			await call("POST /api/v1/nodes/{id}/enable", { id: `id:${node.id}`, body: {} });
			tell(`${node.name} is enabled.`);
		},
	});
}

function Actions({ node }: { node: Node }) {
	const [dialog, setDialog] = useState<"revoke" | "invite" | null>(null);
	const open = (what: "revoke" | "invite", close: () => void) => {
		close();
		setDialog(what);
	};
	return (
		<>
			<Menu
				label="Actions"
				button={
					<>
						Actions <span aria-hidden="true">▾</span>
					</>
				}
			>
				{(close) => (
					<>
						{node.kind === "spoke" && node.status !== "disabled" && (
							<button type="button" class="ghost" onClick={() => open("invite", close)}>
								Make a join command…
							</button>
						)}
						{node.status === "active" && (
							<button type="button" class="ghost" onClick={() => (close(), askDisable(node))}>
								Disable…
							</button>
						)}
						{node.status === "disabled" && (
							<button type="button" class="ghost" onClick={() => (close(), askEnable(node))}>
								Enable…
							</button>
						)}
						{node.status !== "revoked" && (
							<button type="button" class="ghost danger-soft" onClick={() => open("revoke", close)}>
								Revoke…
							</button>
						)}
						<button type="button" class="ghost danger-soft" onClick={() => (close(), askDelete(node))}>
							Delete…
						</button>
					</>
				)}
			</Menu>
			{dialog === "revoke" && <RevokeDialog node={node} onClose={() => setDialog(null)} />}
			{dialog === "invite" && <InviteDialog node={node} onClose={() => setDialog(null)} />}
		</>
	);
}

function Tab({ id, b }: { id: string; b: Branch }) {
	switch (id) {
		case "traffic":
			return <HistoryCard node={b.id} who={b.node.name} />;
		case "paths":
			return <PeersTab id={b.id} />;
		case "subnets":
			return <SubnetsTab node={b.node} />;
		case "keys":
			return <KeysTab node={b.node} online={!!b.presence?.online} />;
		case "settings":
			return <SettingsTab id={b.id} />;
		case "events":
			return <EventsTab name={b.node.name} />;
		default:
			return <FactsTab b={b} />;
	}
}

export function BranchView({ name }: { name: string }) {
	const list = useCell(branches);
	const error = useCell(loadError);
	const tab = useCell(route).query.get("tab") ?? "now";
	const b = list?.find((one) => one.node.name === name);
	const hub = useCell(network)?.hub.name === name;
	if (!b) {
		return (
			<>
				<Head title={name} />
				{!list ? (
					error ? <Failed error={error} retry={() => void loadAll()} /> : <Loading what={name} />
				) : (
					<Empty icon="search" title={hub ? "This is the hub itself" : `There is no branch ${name}`}>
						<a href={hub ? href(["settings"]) : href(["branches"])}>{hub ? "To its settings" : "To all branches"}</a>
					</Empty>
				)}
			</>
		);
	}
	return (
		<>
			<a class="back" href={href(["branches"])}>
				<span aria-hidden="true">‹ </span>All branches
			</a>
			<Head title={name} note={<Status b={b} />}>
				{may("operator") ? <Actions node={b.node} /> : <span class="muted"><Icon name="keys" /> you may look only</span>}
			</Head>
			<nav class="tabs" aria-label={`About ${name}`}>
				{TABS.map(([id, title]) => (
					<a key={id} href={href(["branches", name], id === "now" ? {} : { tab: id })} aria-current={tab === id ? "page" : undefined}>
						{title}
					</a>
				))}
			</nav>
			<Tab id={tab} b={b} />
		</>
	);
}
