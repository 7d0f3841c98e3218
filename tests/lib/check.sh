#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `make check`: every suite, one after the other, then the sum over all of them as the last line.
set -u
: "${B:=build}" "${MAKE:=make}"
passed=0 failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
started=$(date +%s)

# suite NAME COMMAND...: runs it and adds its last "N passed" / "N failed" to the sum; a command that fails without saying so counts as one.
suite() {
	name=$1
	shift
	began=$(date +%s)
	echo "== $name"
	"$@" >"$out" 2>&1
	status=$?
	line=$(grep -aE '[0-9]+ (passed|failed)' "$out" | tail -n 1)
	p=$(printf '%s' "$line" | grep -oE '[0-9]+ passed' | tail -n 1 | cut -d' ' -f1)
	f=$(printf '%s' "$line" | grep -oE '[0-9]+ failed' | tail -n 1 | cut -d' ' -f1)
	e=$(printf '%s' "$line" | grep -oE '[0-9]+ error' | tail -n 1 | cut -d' ' -f1)
	p=${p:-0} f=$((${f:-0} + ${e:-0}))
	[ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	if [ "$status" -eq 0 ]; then tail -n 3 "$out"; else cat "$out"; fi
	passed=$((passed + p)) failed=$((failed + f))
	echo "-- $name: $p passed, $f failed, $(($(date +%s) - began)) s"
}

suite "build" "$MAKE" --no-print-directory -j2 all
suite "unit tests" "$MAKE" --no-print-directory -j2 check-unit
suite "fuzz corpora" "$MAKE" --no-print-directory -j2 fuzz-replay
suite "lint" "$MAKE" --no-print-directory lint
suite "clang build" "$MAKE" --no-print-directory -j2 B="$B/clang" CC=clang all
suite "sanitizers" "$MAKE" --no-print-directory asan
suite "integration" "$MAKE" --no-print-directory check-integration
# Needs a Debian mirror, and a few minutes more.
[ -z "${CHECK_PACKAGES:-}" ] || suite "packages" "$MAKE" --no-print-directory check-packages
echo "all suites in $(($(date +%s) - started)) s"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
