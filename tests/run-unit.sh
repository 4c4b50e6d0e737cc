#!/bin/sh
# Run the unit test programs one after another and add up what they say.
# usage: run-unit.sh PROGRAM...   prints "N passed, N failed, N skipped"; exit 1 on any failure.
passed=0 failed=0 skipped=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
for program; do
	# The limit is far above any test: it only ends one that hangs.
	CMOCKA_MESSAGE_OUTPUT=STDOUT timeout -k 5 180 "$program" >"$log" 2>&1
	status=$?
	p=$(grep -c '^\[       OK \]' "$log")
	f=$(grep -c '^\[  FAILED  \] [a-z0-9_]*$' "$log")
	s=$(grep -c '^\[  SKIPPED \] [a-z0-9_]*$' "$log")
	f=$((f / 2 + f % 2))
	# A program that died without saying which test failed counts as one failure.
	[ $status -ne 0 ] && [ "$f" -eq 0 ] && f=1
	if [ "$f" -ne 0 ]; then
		echo "FAILED: $program (status $status)"
		grep -v '^\[ RUN\|^\[       OK' "$log" | head -60
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "unit: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
