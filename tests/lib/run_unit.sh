#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs cmocka programs, TEST_JOBS (default 1) at the same time, and adds up their results: "unit: N passed, N failed". What a
# program could not test here (cmocka's skip()) is named.
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT

# Each program's output and, once it has ended, its exit code, under its number in the list.
n=0
for t in "$@"; do
	n=$((n + 1))
	printf '%s\n%s\n' "$logs/$n" "$t"
done | xargs -n 2 -P "${TEST_JOBS:-1}" sh -c 'timeout 600 "$1" >"$0.log" 2>&1; echo $? >"$0.status"'

passed=0 failed=0 n=0
for t in "$@"; do
	n=$((n + 1))
	log=$logs/$n.log
	status=$(cat "$logs/$n.status" 2>/dev/null || echo "none")
	p=$(grep -ac '^\[       OK \]' "$log")
	if [ "$status" != 0 ] || [ "$p" -eq 0 ]; then
		echo "FAILED (exit $status): $t"
		cat "$log"
		failed=$((failed + 1))
	else
		echo "ok: $t ($p)"
		grep -a '^SKIPPED: ' "$log" | sort | uniq -c | sed 's/^ *\([0-9]*\) SKIPPED: /    skipped \1: /'
	fi
	passed=$((passed + p))
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
