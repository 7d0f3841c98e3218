#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs cmocka programs one after another and adds up their results: "unit: N passed, N failed". What a program could not
# test here (cmocka's skip()) is named.
passed=0 failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for t in "$@"; do
	if timeout 300 "$t" >"$log" 2>&1; then status=0; else status=$?; fi
	p=$(grep -ac '^\[       OK \]' "$log")
	if [ "$status" -ne 0 ] || [ "$p" -eq 0 ]; then
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
