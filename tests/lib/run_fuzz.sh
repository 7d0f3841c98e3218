#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Replays each fuzz target over its committed corpus (tests/fuzz/corpus/NAME for fuzz_NAME): "fuzz: N passed, N failed".
passed=0 failed=0
for t in "$@"; do
	name=$(basename "$t"); corpus=tests/fuzz/corpus/${name#fuzz_}
	if [ -z "$(ls "$corpus" 2>/dev/null)" ]; then
		echo "FAILED: $name has no corpus in $corpus"; failed=$((failed + 1)); continue
	fi
	if timeout 120 "$t" "$corpus"/*; then passed=$((passed + 1)); else echo "FAILED: $name"; failed=$((failed + 1)); fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
