#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Unit tests, fuzz corpora and the four-node scenario with a sanitizer: `make asan`, `make tsan`. Ends with "N passed, N failed".
set -u
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
passed=0 failed=0
run() {
	"$@" >"$out" 2>&1
	status=$?
	line=$(grep -aE '[0-9]+ (passed|failed)' "$out" | tail -n 1)
	p=$(printf '%s' "$line" | grep -oE '[0-9]+ passed' | tail -n 1 | cut -d' ' -f1)
	passed=$((passed + ${p:-0}))
	if [ "$status" -ne 0 ]; then
		cat "$out"
		failed=$((failed + 1))
	fi
}
run "$MAKE" --no-print-directory -j2 B="$B" SANITIZE="$SANITIZE" check-unit
case $SANITIZE in
*address*) run "$MAKE" --no-print-directory -j2 B="$B" SANITIZE="$SANITIZE" fuzz-replay ;;
esac
run "$MAKE" --no-print-directory -j2 B="$B" SANITIZE="$SANITIZE" all
run env BRANCHLINE_BUILD="$(realpath "$B")" /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/integration/test_four_nodes.py
echo "sanitizer $SANITIZE: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
