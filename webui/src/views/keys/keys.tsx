// SPDX-License-Identifier: GPL-3.0-or-later
// All keys of all nodes, and the new ones that are under way.
import { useMemo } from "preact/hooks";
import type { Key } from "../../api/schema";
import { Card, Head } from "../../parts/bits";
import { count } from "../../parts/format";
import { List } from "../../parts/list";
import { SearchBox } from "../../parts/search";
import { Content, Empty } from "../../parts/states";
import { useCell } from "../../state/cell";
import { keyRotations, keys, useResource } from "../../state/resource";
import { route, setQuery } from "../../state/route";
import { keyColumns } from "../branch/keys";
import { RotationsCard } from "../branch/rotation";
import { RulesCard } from "./rules";

export function KeysView() {
	const loaded = useResource(keys);
	const underWay = useResource(keyRotations).items ?? [];
	return (
		<>
			<Head title="Keys" note="Public keys only: private ones never leave the machine on which they were made." />
			<RotationsCard rows={underWay} />
			<RulesCard />
			<Content what="keys" loaded={loaded}>
				{(all) => (all.length ? <KeyList all={all} /> : <Empty icon="keys" title="No keys yet"><p>A branch makes its keys when it joins.</p></Empty>)}
			</Content>
		</>
	);
}

/** Whether a key is of the status that was chosen; "due" is about its age. */
function fits(k: Key, status: string): boolean {
	return status === "all" || (status === "due" ? k.due !== "no" : k.status === status);
}

function KeyList({ all }: { all: Key[] }) {
	const { query } = useCell(route);
	const text = (query.get("q") ?? "").toLowerCase();
	const status = query.get("status") ?? "current";
	const columns = useMemo(() => keyColumns(true), []);
	const shown = all.filter((k) => fits(k, status) && `${k.node} ${k.fingerprint} ${k.kind}`.toLowerCase().includes(text));
	return (
		<>
			<SearchBox label="Search keys" placeholder="Branch or fingerprint" shown={count(shown.length, "key")}>
				<select aria-label="Status" value={status} onChange={(e) => setQuery({ status: e.currentTarget.value })}>
					<option value="current">Current</option>
					<option value="due">Too old, or soon</option>
					<option value="retired">Retired</option>
					<option value="revoked">Revoked</option>
					<option value="all">Any status</option>
				</select>
			</SearchBox>
			<Card>{shown.length ? <List label="Keys" columns={columns} rows={shown} keyOf={(k) => k.id} by="node" /> : <Empty icon="search" title="No key fits" />}</Card>
		</>
	);
}
