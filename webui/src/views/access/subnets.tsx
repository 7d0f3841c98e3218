// SPDX-License-Identifier: GPL-3.0-or-later
// All networks behind all nodes.
import { useMemo } from "preact/hooks";
import type { Subnet } from "../../api/schema";
import { Card, Head } from "../../parts/bits";
import { count } from "../../parts/format";
import { List } from "../../parts/list";
import { SearchBox } from "../../parts/search";
import { Content, Empty } from "../../parts/states";
import { useCell } from "../../state/cell";
import { subnets, useResource } from "../../state/resource";
import { route } from "../../state/route";
import { subnetColumns } from "../branch/subnets";

export function SubnetsView() {
	const loaded = useResource(subnets);
	return (
		<>
			<Head title="Subnets" note="Which network is behind which branch." />
			<Content what="subnets" loaded={loaded}>
				{(all) => (all.length ? <SubnetList all={all} /> : <Empty icon="subnets" title="No networks yet"><p>They are added with a branch, or at the branch's own page.</p></Empty>)}
			</Content>
		</>
	);
}

function SubnetList({ all }: { all: Subnet[] }) {
	const { query } = useCell(route);
	const text = (query.get("q") ?? "").toLowerCase();
	const status = query.get("status") ?? "";
	const columns = useMemo(() => subnetColumns(true, all), [all]);
	const shown = all.filter((s) => (!status || s.status === status) && `${s.prefix} ${s.node}`.toLowerCase().includes(text));
	return (
		<>
			<SearchBox label="Search networks" placeholder="Network or branch" shown={`${shown.length} of ${count(all.length, "network")}`} />
			<Card>{shown.length ? <List label="Networks" columns={columns} rows={shown} keyOf={(s) => s.id} by="prefix" /> : <Empty icon="search" title="No network fits" />}</Card>
		</>
	);
}
