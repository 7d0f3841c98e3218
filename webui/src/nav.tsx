// SPDX-License-Identifier: GPL-3.0-or-later
// The pages of this page: where they are listed, and what draws each.
import type { ComponentChildren } from "preact";
import type { IconName } from "./parts/icons";
import type { Role } from "./state/session";
import { AddView } from "./views/add/add";
import { ApiTokensView } from "./views/access/api_tokens";
import { SubnetsView } from "./views/access/subnets";
import { TokensView } from "./views/access/tokens";
import { UsersView } from "./views/access/users";
import { AuditView } from "./views/audit/audit";
import { BranchView } from "./views/branch/branch";
import { BranchesView } from "./views/branches/branches";
import { KeysView } from "./views/keys/keys";
import { MapView } from "./views/map/map";
import { OverviewView } from "./views/overview/overview";
import { PoliciesView } from "./views/policies/policies";
import { RevocationsView } from "./views/revocations/revocations";
import { SettingsView } from "./views/settings/settings";
import { WebhookView } from "./views/webhooks/webhook";
import { WebhooksView } from "./views/webhooks/webhooks";

export interface Page {
	/** The first part of its address: #/branches. */
	id: string;
	title: string;
	icon: IconName;
	section: string;
	/** Who does not have this role does not see it in the navigation. */
	least?: Role;
	/** The table inside scrolls, not the page. */
	fixed?: boolean;
	/** `rest`: what follows in the address. */
	draw(rest: string[]): ComponentChildren;
}

export const pages: Page[] = [
	{ id: "overview", title: "Overview", icon: "overview", section: "", draw: () => <OverviewView /> },
	{ id: "branches", title: "Branches", icon: "branches", section: "", fixed: true, draw: ([name]) => (name ? <BranchView key={name} name={name} /> : <BranchesView />) },
	{ id: "map", title: "Map", icon: "map", section: "", draw: () => <MapView /> },
	{ id: "add", title: "Add a branch", icon: "plus", section: "", least: "operator", draw: () => <AddView /> },
	{ id: "subnets", title: "Subnets", icon: "subnets", section: "Network", draw: () => <SubnetsView /> },
	{ id: "policies", title: "Policies", icon: "policies", section: "Network", draw: () => <PoliciesView /> },
	{ id: "keys", title: "Keys", icon: "keys", section: "Network", draw: () => <KeysView /> },
	{ id: "revocations", title: "Revocations", icon: "revocations", section: "Network", draw: () => <RevocationsView /> },
	{ id: "tokens", title: "Join tokens", icon: "tokens", section: "Network", draw: () => <TokensView /> },
	{ id: "users", title: "Users", icon: "users", section: "Administration", draw: () => <UsersView /> },
	{ id: "api-tokens", title: "API tokens", icon: "api-tokens", section: "Administration", draw: () => <ApiTokensView /> },
	{ id: "webhooks", title: "Webhooks", icon: "webhooks", section: "Administration", least: "admin", draw: ([name]) => (name ? <WebhookView key={name} id={name} /> : <WebhooksView />) },
	{ id: "audit", title: "Audit", icon: "audit", section: "Administration", draw: () => <AuditView /> },
	{ id: "settings", title: "Hub", icon: "settings", section: "Administration", draw: () => <SettingsView /> },
];
