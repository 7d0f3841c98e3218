// SPDX-License-Identifier: GPL-3.0-or-later
// A QR code, always dark on light: readers do not like it the other way round.
import { useMemo } from "preact/hooks";
import { encode } from "uqr";

export function Qr({ text, label }: { text: string; label: string }) {
	const { size, path } = useMemo(() => {
		const { size, data } = encode(text, { ecc: "M", border: 0 });
		let path = "";
		data.forEach((row, y) =>
			row.forEach((on, x) => {
				path += on ? `M${x} ${y}h1v1h-1z` : "";
			}),
		);
		return { size, path };
	}, [text]);
	return (
		<svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
			<path d={path} fill="#000" />
		</svg>
	);
}
