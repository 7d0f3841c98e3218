// SPDX-License-Identifier: GPL-3.0-or-later
// The frame around every view: signing in, navigation, what is wrong with the connection, and where focus goes.
import { useEffect, useRef, useState } from "preact/hooks";
import { pages, type Page } from "./nav";
import { QuestionDialog } from "./parts/dialog";
import { Icon } from "./parts/icons";
import { Empty, Failed, Loading } from "./parts/states";
import { Toasts } from "./parts/toast";
import { useCell } from "./state/cell";
import { branches, network, startLive, streamState } from "./state/live";
import { type Route, route } from "./state/route";
import { hubAway, loadSession, may, session, sessionOver } from "./state/session";
import { isDown } from "./state/health";
import { AccountMenu } from "./views/account/account";
import { SignedOutDialog, SignInView } from "./views/signin";

export function App() {
	const who = useCell(session);
	const [error, setError] = useState<unknown>(null);
	const load = () => {
		setError(null);
		loadSession().catch(setError);
	};
	useEffect(load, []);
	const signedIn = !!who;
	useEffect(() => {
		if (signedIn) {
			startLive();
		}
	}, [signedIn]);
	if (error && !who) {
		return (
			<main class="signin">
				<Failed error={error} retry={load} />
			</main>
		);
	}
	return (
		<>
			{who === undefined ? <Loading what="the page" /> : who === null ? <SignInView /> : <Frame />}
			<QuestionDialog />
			<Toasts />
		</>
	);
}

function Frame() {
	const where = useCell(route);
	const over = useCell(sessionOver);
	const [drawer, setDrawer] = useState(false);
	const page = pages.find((p) => p.id === where.path[0]);
	const main = useRef<HTMLElement>(null);
	const address = where.path.join("/");
	useEffect(() => {
		setDrawer(false);
		const heading = main.current?.querySelector<HTMLElement>("h1");
		document.title = `${heading?.textContent ?? page?.title ?? "Branchline"} · Branchline`;
		main.current?.scrollTo(0, 0);
		heading?.focus();
	}, [address]);
	return (
		<div class="frame">
			<a class="skip" href="#main" onClick={(e) => (e.preventDefault(), main.current?.querySelector<HTMLElement>("h1")?.focus())}>
				Skip to content
			</a>
			<TopBar openDrawer={() => setDrawer(true)} />
			{drawer && <button type="button" class="drawer-shade" aria-label="Close navigation" onClick={() => setDrawer(false)} />}
			<Navigation current={page} open={drawer} close={() => setDrawer(false)} />
			<main id="main" ref={main} class={page?.fixed && where.path.length === 1 ? "main fixed" : "main"}>
				<ConnectionBanner />
				<View page={page} where={where} />
			</main>
			{over && <SignedOutDialog />}
		</div>
	);
}

function View({ page, where }: { page: Page | undefined; where: Route }) {
	if (!page) {
		return (
			<>
				<h1 tabIndex={-1}>Nothing here</h1>
				<Empty icon="search" title="This page does not exist">
					<a href="#/overview">To the overview</a>
				</Empty>
			</>
		);
	}
	return <>{page.draw(where.path.slice(1))}</>;
}

function TopBar({ openDrawer }: { openDrawer(): void }) {
	const net = useCell(network);
	return (
		<header class="topbar">
			<button type="button" class="ghost square only-narrow" aria-label="Open navigation" onClick={openDrawer}>
				<Icon name="menu" />
			</button>
			<a class="brand" href="#/overview">
				<img src="ui/icon.svg" alt="" />
				<span class="only-wide">Branchline</span>
				<span class="net">{net?.network}</span>
			</a>
			<span class="fill" />
			<AccountMenu />
		</header>
	);
}

function Navigation({ current, open, close }: { current: Page | undefined; open: boolean; close(): void }) {
	const down = (useCell(branches) ?? []).filter(isDown).length;
	const sections = [...new Set(pages.filter((p) => may(p.least ?? "auditor")).map((p) => p.section))];
	return (
		<nav class={open ? "nav open" : "nav"} aria-label="Pages" onKeyDown={(e) => e.key === "Escape" && close()}>
			{sections.map((section) => (
				<div key={section}>
					{section && <h2>{section}</h2>}
					{pages
						.filter((p) => p.section === section && may(p.least ?? "auditor"))
						.map((p) => (
							<a key={p.id} href={`#/${p.id}`} aria-current={p === current ? "page" : undefined} onClick={close}>
								<Icon name={p.icon} />
								{p.title}
								{p.id === "branches" && down > 0 && (
									<span class="count alert" title={`${down} down`}>
										{down}
										<span class="sr-only"> down</span>
									</span>
								)}
							</a>
						))}
				</div>
			))}
		</nav>
	);
}

function ConnectionBanner() {
	const away = useCell(hubAway);
	const lost = useCell(streamState) === "lost";
	if (!away && !lost) {
		return null;
	}
	return (
		<div class={away ? "banner bad" : "banner"} role="status">
			<Icon name="warning" />
			<span>
				{away
					? "The hub does not answer: what you see is the last known state. Tunnels between branches go on without it. Trying again…"
					: "Live updates are interrupted; the page is trying to come back."}
			</span>
		</div>
	);
}
