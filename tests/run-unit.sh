#!/bin/sh
# Run the unit test programs one after another and add up what they say.
# usage: run-unit.sh PROGRAM...   prints "N passed, N failed, N skipped"; exit 1 on any failure.
passed=0 failed=0 skipped=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM

# Names of the tests that ended with this word. They are told twice: at once, and at the end.
tests_that() { # WORD
	sed -n "s/^\[ *$1 *\] \([A-Za-z0-9_]*\)\$/\1/p" "$log" | sort -u
}

for program; do
	started=$(date +%s)
	# The limit is far above any test: it only ends one that hangs.
	CMOCKA_MESSAGE_OUTPUT=STDOUT timeout -k 5 180 "$program" >"$log" 2>&1 </dev/null
	status=$?
	p=$(grep -ac '^\[       OK \]' "$log")
	f=$(tests_that FAILED | wc -l)
	s=$(tests_that SKIPPED | wc -l)
	# A program that died without saying which test failed counts as one failure, as does one
	# that ran nothing.
	[ "$f" -eq 0 ] && { [ $status -ne 0 ] || [ $((p + s)) -eq 0 ]; } && f=1
	echo "${program#build/}: $p passed, $f failed, $s skipped, $(($(date +%s) - started)) s"
	if [ "$f" -ne 0 ]; then
		echo "FAILED: $program (status $status)"
		grep -av '^\[ RUN\|^\[       OK' "$log" | head -60
	fi
	tests_that SKIPPED | sed "s|^|SKIPPED: $program: |"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "unit: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
