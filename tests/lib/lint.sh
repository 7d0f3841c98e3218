#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The rules of the house that a machine can check. Each rule is one line of the result: "lint: N passed, N failed".
set -u
results=$(mktemp) || exit 1
trap 'rm -f "$results"' EXIT
code() { git ls-files -- 'hub/*.[ch]' 'spoke/*.[ch]' 'shared/*.[ch]'; }
tests() { git ls-files -- 'tests/*.[ch]'; }

# rule TEXT: standard input holds the offenders, one a line.
rule() {
	found=$(cat)
	if [ -z "$found" ]; then
		echo ok >>"$results"
	else
		echo bad >>"$results"
		printf 'lint: %s\n%s\n' "$1" "$found"
	fi
}

{ git grep -nE '#include "(hub|spoke)/' -- 'shared/*.[ch]'
  git grep -nE '#include "spoke/' -- 'hub/*.[ch]'
  git grep -nE '#include "hub/' -- 'spoke/*.[ch]'; } | rule "hub, spoke and shared are apart: this include runs the wrong way"
# What each folder of shared/ may include, besides itself.
for row in 'base:' 'wire:base' 'loop:base' 'noise:base|wire' 'keys:base|wire' 'ipc:base|loop|wire' 'monitor:base|loop|wire|ipc' \
	   'carrier:base|loop|wire|ipc' 'conf:base|wire|noise' 'cli:base|conf' \
	   'tunnel:base|loop|wire|ipc|noise|monitor' 'dns:base|loop|wire|ipc|monitor'; do
	dir=${row%%:*} may="${row#*:}|$dir"
	git grep -nE '#include "shared/' -- "shared/$dir/*.[ch]" | grep -vE "#include \"shared/(${may#|})/"
done | rule "includes run downwards only"
git grep -lE 'sqlite3\.h' -- '*.c' '*.h' | grep -v '^hub/store/' | grep -v '^tests/' | rule "only hub/store includes sqlite3.h"
code | xargs grep -nE '\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|alloca|gets|system) ?\(' | rule "banned call"
code | xargs wc -l | awk '$2 != "total" && (($1 > 800) || ($2 ~ /\.h$/ && $1 > 400)) {print $2 ": " $1 " lines"}' | rule "file too long"
code | grep '\.c$' | ctags -L - -f - --c-kinds=f --fields=+ne 2>/dev/null |
	awk -F'\t' '{s = e = 0; for (i = 4; i <= NF; i++) {if ($i ~ /^line:/) s = substr($i, 6); if ($i ~ /^end:/) e = substr($i, 5)}
		if (e - s + 1 > 80) print $2 ": " $1 " has " e - s + 1 " lines"}' | rule "function over 80 lines"
{ code; tests; git ls-files -- '*.sh' '*.py' '*.sql' '*.ts' '*.tsx' '*.mjs' '*.css' Makefile; } | while read -r f; do
	head -n 3 "$f" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || echo "$f"
done | rule "no SPDX line"
git ls-files -- 'webui/*.ts' 'webui/*.tsx' 'webui/*.css' 'tests/webui/*.mjs' | xargs -r wc -l |
	awk '$2 != "total" && $1 > 300 {print $2 ": " $1 " lines"}' | rule "file of the page too long"
git ls-files -- 'hub/*.h' 'spoke/*.h' 'shared/*.h' | while read -r h; do
	grep -q '^#pragma once' "$h" || echo "$h"
done | rule "no #pragma once"
git ls-files -- 'hub/*.h' 'spoke/*.h' 'shared/*.h' | while read -r h; do
	# shellcheck disable=SC2086 # a list of words
	printf '#include "%s"\n' "$h" | $CC $CFLAGS_ALL -fsyntax-only -x c - >/dev/null 2>&1 || echo "$h"
done | rule "header does not compile by itself"
git grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -- '*.c' '*.h' '*.py' '*.sh' '*.ts' '*.tsx' '*.mjs' Makefile ':!tests/lib/lint.sh' | rule "left for later"
git grep -nE 'time\.sleep|\bsleep [0-9]' -- tests ':!tests/lib/lint.sh' | rule "a test sleeps instead of waiting for an event"
git ls-files -- '*.c' '*.h' | xargs clang-format --dry-run 2>&1 | grep -E 'warning:' | cut -d: -f1 | sort -u | rule "make format would change this"
echo "lint: $(grep -c ok "$results") passed, $(grep -c bad "$results") failed"
! grep -q bad "$results"
