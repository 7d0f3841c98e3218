#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the admin page: build.sh OUT. Works in OUT, so that the source tree stays as it is; the result is OUT/dist.
set -eu
out=$1
here=$(dirname "$0")

for program in node npm; do
	command -v "$program" >/dev/null || {
		echo "webui: $program is missing: run \`make deps\`, or leave the admin page out: make WEBUI=0" >&2
		exit 1
	}
done
mkdir -p "$out"
# Packages are fetched again only when the lock file is another.
if ! cmp -s "$here/package-lock.json" "$out/installed.json"; then
	cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$out/"
	(cd "$out" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >"$out/npm.log" 2>&1 || {
		cat "$out/npm.log" >&2
		echo "webui: the packages of the admin page could not be fetched; without it: make WEBUI=0" >&2
		exit 1
	}
	cp "$here/package-lock.json" "$out/installed.json"
fi
rm -rf "$out/src" "$out/dist"
cp -R "$here/src" "$here/tsconfig.json" "$here/bundle.mjs" "$out/"
/usr/bin/python3 "$here/make_types.py" "$here/../schema/openapi.yaml" "$out/src/api/schema.ts"
cd "$out"
node node_modules/typescript/bin/tsc --noEmit -p .
node bundle.mjs
