#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `make check`: every suite, then the sum over all of them as the last line. One after the other, but for the packages (CHECK_PACKAGES=1),
# which wait for a mirror and for machines that boot most of their time: they go beside lint and the other builds, with what those leave
# of the processors. Nothing runs beside the integration tests, which measure.
set -u
: "${B:=build}" "${MAKE:=make}"
passed=0 failed=0
out=$(mktemp) && beside=$(mktemp) || exit 1
trap 'rm -f "$out" "$beside"' EXIT
started=$(date +%s)

# report NAME BEGAN STATUS FILE: adds the last "N passed" / "N failed" of FILE to the sum; a command that fails without saying so counts as one.
report() {
	line=$(grep -aE '[0-9]+ (passed|failed)' "$4" | tail -n 1)
	p=$(printf '%s' "$line" | grep -oE '[0-9]+ passed' | tail -n 1 | cut -d' ' -f1)
	f=$(printf '%s' "$line" | grep -oE '[0-9]+ failed' | tail -n 1 | cut -d' ' -f1)
	e=$(printf '%s' "$line" | grep -oE '[0-9]+ error' | tail -n 1 | cut -d' ' -f1)
	p=${p:-0} f=$((${f:-0} + ${e:-0}))
	[ "$3" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	if [ "$3" -eq 0 ]; then tail -n 3 "$4"; else cat "$4"; fi
	passed=$((passed + p)) failed=$((failed + f))
	echo "-- $1: $p passed, $f failed, $(($(date +%s) - $2)) s"
}

# suite NAME COMMAND...
suite() {
	name=$1
	shift
	began=$(date +%s)
	echo "== $name"
	"$@" >"$out" 2>&1
	report "$name" "$began" $? "$out"
}

suite "build" "$MAKE" --no-print-directory -j2 all
suite "unit tests" "$MAKE" --no-print-directory -j2 check-unit
suite "fuzz corpora" "$MAKE" --no-print-directory -j2 fuzz-replay
if [ -n "${CHECK_PACKAGES:-}" ]; then
	sh deploy/deps.sh packages # before, not beside: there is one dpkg
	packages_began=$(date +%s)
	nice -n 10 "$MAKE" --no-print-directory check-packages >"$beside" 2>&1 &
	packages=$!
fi
suite "lint" "$MAKE" --no-print-directory lint
suite "clang build" "$MAKE" --no-print-directory -j2 B="$B/clang" CC=clang all
suite "sanitizers" "$MAKE" --no-print-directory asan
if [ -n "${CHECK_PACKAGES:-}" ]; then
	echo "== packages (beside the last three)"
	wait "$packages"
	report "packages" "$packages_began" $? "$beside"
fi
suite "integration" "$MAKE" --no-print-directory check-integration
echo "all suites in $(($(date +%s) - started)) s"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
