#!/bin/bash
# check.sh - everything that can be tested, and one line at the end: N passed, N failed, N skipped.
#
# Unit tests (plain, then under AddressSanitizer and UBSan), the order of the layers, the lab
# itself, and the round and its faults on the real lab. A lab that is up already is used and left
# running; otherwise it is started here and stopped at the end, also after a crash.
set -uo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
MAKE=${MAKE:-make}
jobs=$(nproc)
passed=0 failed=0 skipped=0
log=$(mktemp)
started=

cleanup() {
	rm -f "$log"
	[ -z "$started" ] || bash tests/lab/lab.sh down >/dev/null 2>&1
}
trap cleanup EXIT
trap 'exit 130' INT TERM

add() { # PASSED FAILED SKIPPED
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# Suites that print "unit: N passed, N failed, N skipped".
counted() { # NAME COMMAND...
	local name=$1 line
	shift
	echo "== $name"
	"$@" 2>&1 | tee "$log"
	local status=${PIPESTATUS[0]}
	line=$(grep -o 'unit: [0-9]* passed, [0-9]* failed, [0-9]* skipped' "$log" | tail -1)
	if [ -n "$line" ]; then
		# shellcheck disable=SC2046
		add $(echo "$line" | tr -dc '0-9 ')
	fi
	if [ "$status" -ne 0 ] && ! echo "$line" | grep -q ' [1-9][0-9]* failed'; then
		echo "FAILED: $name ended with status $status"
		add 0 1 0
	fi
}

# Suites in TAP.
tap() { # NAME COMMAND...
	local name=$1
	shift
	echo "== $name"
	"$@" 2>&1 | tee "$log"
	local status=${PIPESTATUS[0]} ok bad skip
	skip=$(grep -c '^ok .*# SKIP' "$log")
	ok=$(($(grep -c '^ok ' "$log") - skip))
	bad=$(grep -c '^not ok ' "$log")
	if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ $((ok + skip)) -eq 0 ]; }; then
		echo "FAILED: $name ended with status $status after $ok tests"
		bad=1
	fi
	add "$ok" "$bad" "$skip"
}

one() { # NAME COMMAND... : a single test
	local name=$1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok - $name"
		add 1 0 0
	else
		cat "$log"
		echo "not ok - $name"
		add 0 1 0
	fi
}

one "includes point downward" "$MAKE" -s layers
counted "unit tests" "$MAKE" -s -j"$jobs" check-unit
counted "unit tests under AddressSanitizer and UBSan" "$MAKE" -s -j"$jobs" SAN=1 check-unit
one "the program builds with sanitizers" "$MAKE" -s -j"$jobs" SAN=1
if [ "$(id -u)" != 0 ]; then
	echo "ok - lab and round # SKIP network namespaces need root: run as root, or use the small lab"
	add 0 0 1
else
	if ! bash tests/lab/lab.sh status >/dev/null 2>&1; then
		tap "the lab" bash tests/lab/test-lab.sh
		started=yes
		bash tests/lab/lab.sh up >"$log" 2>&1 || {
			cat "$log"
			echo "not ok - the lab comes up"
			add 0 1 0
		}
	fi
	tap "the round" bash tests/round/round.sh
	tap "faults" bash tests/round/faults.sh
	tap "the console" bash tests/round/console.sh
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
