#!/bin/bash
# check.sh - everything that can be tested, and one line at the end: N passed, N failed, N skipped.
#
# The order of the layers, the lab itself, unit tests (plain, then under AddressSanitizer and
# UBSan), and the round and its faults on the real lab. A lab that is up already is used and left
# running; otherwise it is started here and stopped at the end.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C.UTF-8
MAKE=${MAKE:-make}
jobs=$(nproc)
passed=0 failed=0 skipped=0
# Exists while the lab, if one is up, is ours. After a crash it tells the next run to end that lab.
ours=build/check-started-the-lab
# The process group of the step that runs.
group=build/check-group

end_lab() {
	bash tests/lab/lab.sh down >/dev/null 2>&1 8>&-
	bash tests/lab/lab.sh down --small >/dev/null 2>&1 8>&-
	rm -f "$ours"
}

# Ends what an interrupted check.sh was running, this one or an earlier one.
end_step() {
	local pid tries=0
	pid=$(cat "$group" 2>/dev/null) || return 0
	if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = timeout ]; then
		kill -TERM -- "-$pid"
		while [ -e "/proc/$pid" ] && [ $((tries += 1)) -lt 150 ]; do sleep 0.1; done
	fi
	rm -f "$group"
}

cleanup() {
	end_step
	[ ! -e "$ours" ] || end_lab
	rm -f "$log"
	# Every consul makes this directory and leaves it empty.
	rmdir /tmp/consul-test 2>/dev/null
}

# A step that hangs is ended after ten minutes. timeout(1) leads a process group of its own.
run() { # COMMAND...
	bash -c 'echo $$ >"$0" && exec timeout -k 10 600 "$@"' "$group" "$@" </dev/null 2>&1 8>&-
}

add() { # PASSED FAILED SKIPPED
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# Suites that print "unit: N passed, N failed, N skipped".
counted() { # NAME COMMAND...
	local name=$1 line
	shift
	echo "== $name"
	run "$@" 8>&- | tee "$log" 8>&-
	local status=${PIPESTATUS[0]}
	line=$(grep -ao 'unit: [0-9]* passed, [0-9]* failed, [0-9]* skipped' "$log" | tail -1)
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
	run "$@" 8>&- | tee "$log" 8>&-
	local status=${PIPESTATUS[0]} ok bad skip
	skip=$(grep -ac '^ok .*# SKIP' "$log")
	ok=$(($(grep -ac '^ok ' "$log") - skip))
	bad=$(grep -ac '^not ok ' "$log")
	# A suite that ended early has not told its number of tests.
	if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || ! grep -qx "1\.\.$((ok + skip))" "$log"; }; then
		echo "FAILED: $name ended with status $status after $ok tests"
		bad=1
	fi
	add "$ok" "$bad" "$skip"
}

one() { # NAME COMMAND... : a single test
	local name=$1
	shift
	if run "$@" >"$log"; then
		echo "ok - $name"
		add 1 0 0
	else
		cat "$log"
		echo "not ok - $name"
		add 0 1 0
	fi
}

mkdir -p build
# Its descriptor is handed down to nobody, so that it tells whether this very script lives.
exec 8>build/check.lock
flock -n 8 || { echo "another check runs here: waiting for its end" && flock 8; }
log=$(mktemp)
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
end_step
[ ! -e "$ours" ] || end_lab

one "includes point downward" "$MAKE" -s layers
if [ "$(id -u)" != 0 ]; then
	echo "ok - lab and round # SKIP network namespaces need root: run as root, or use the small lab"
	add 0 0 1
elif ! bash tests/lab/lab.sh status >/dev/null 2>&1; then
	touch "$ours"
	tap "the lab" bash tests/lab/test-lab.sh
	one "the lab comes up for the other tests" bash tests/lab/lab.sh up
fi
# The unit tests use the real Docker of the lab, too.
if settings=$(bash tests/lab/lab.sh env 2>/dev/null); then
	eval "$settings"
	export TEST_DOCKER_HOST=$LAB_DOCKER_2 TEST_DOCKER_IMAGE=lab/web
fi
counted "unit tests" "$MAKE" -s -j"$jobs" check-unit
counted "unit tests under AddressSanitizer and UBSan" "$MAKE" -s -j"$jobs" SAN=1 check-unit
one "the program builds with sanitizers" "$MAKE" -s -j"$jobs" SAN=1
tap "consul-template's command line" bash tests/round/consul-template.sh
tap "consul-template and its Consul" bash tests/round/consul-template-consul.sh
if [ "$(id -u)" = 0 ]; then
	tap "the round" bash tests/round/round.sh
	tap "repair" bash tests/round/repair.sh
	tap "policies" bash tests/round/policy.sh
	tap "faults" bash tests/round/faults.sh
	tap "the console" bash tests/round/console.sh
	tap "standing in for registrator" bash tests/round/registrator.sh
	tap "its faults" bash tests/round/registrator-faults.sh
	tap "its networks, registries and TLS" bash tests/round/registrator-networks.sh
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
