// SPDX-License-Identifier: GPL-3.0-or-later
// Bundles src/ into dist/: one script, one style sheet, whose names hold their hash, and the page that names them.
import { build } from "esbuild";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

const result = await build({
	entryPoints: { app: "src/main.tsx" },
	bundle: true,
	minify: true,
	format: "esm",
	target: ["es2022", "chrome123", "firefox121", "safari17.5"],
	jsx: "automatic",
	jsxImportSource: "preact",
	entryNames: "[name]-[hash]",
	outdir: "dist",
	metafile: true,
	legalComments: "none",
	logLevel: "warning",
});
const names = Object.keys(result.metafile.outputs).map((name) => path.basename(name));
const script = names.find((name) => name.endsWith(".js"));
const style = names.find((name) => name.endsWith(".css"));
const page = await readFile("src/index.html", "utf8");
await writeFile("dist/index.html", page.replace("app.js", script).replace("app.css", style));
await copyFile("src/icon.svg", "dist/icon.svg");
