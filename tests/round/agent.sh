# agent.sh - what the tests of the stand-in for Consul Template share: an agent of their own on free
# ports, starting and ending the program, TAP. Sourced, with $what, by consul-template*.sh.

set -uo pipefail
export LC_ALL=C.UTF-8
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binnacle=${BINNACLE:-$project/build/binnacle}
count=0
failures=0
agent=
daemon=  # the last that was started
daemons= # all of them
scratch=$(mktemp -d)
cd "$scratch" || exit 2

export BINNACLE_SYSLOG_SOCKET=$scratch/no-syslog XDG_STATE_HOME=$scratch/state
finish_up() {
	# shellcheck disable=SC2086
	[ -z "$daemons" ] || kill -9 $daemons 2>/dev/null
	stop_agent
	rm -rf "$scratch"
}
trap finish_up EXIT

consul=$(command -v consul || echo /var/cache/binnacle-lab/consul/usr/bin/consul)
if [ ! -x "$consul" ]; then
	echo "ok 1 - $what # SKIP there is no consul (make deps)"
	echo "1..1"
	exit 0
fi

ok() { # NAME STATUS
	count=$((count + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $count - $1"
	else
		failures=$((failures + 1))
		echo "not ok $count - $1"
		tail -n 20 log 2>/dev/null | sed 's/^/# /'
	fi
}

check() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >/dev/null 2>&1
	ok "$name" $?
}

# The program must end with this status and say this (extended regular expression).
ends() { # NAME STATUS PATTERN FLAGS...
	local name=$1 want=$2 pattern=$3 got
	shift 3
	timeout -k 1 30 "$binnacle" --as consul-template "$@" >log 2>&1 </dev/null
	got=$?
	[ "$got" -eq "$want" ] || echo "# ended with $got, expected $want"
	[ "$got" -eq "$want" ] && { [ -z "$pattern" ] || grep -Eq -- "$pattern" log; }
	ok "$name" $?
}

within() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

put() {
	curl -fsS --max-time 5 -o /dev/null -X PUT -H "X-Consul-Token: ${token:-}" -d "$2" \
		"http://$CONSUL_HTTP_ADDR/v1/kv/$1"
}

start() { # FLAGS...: in the background, as $daemon
	start_as log "$@"
}

start_as() { # LOG FLAGS...
	"$binnacle" --as consul-template "${@:2}" >"$1" 2>&1 </dev/null &
	daemon=$!
	daemons="$daemons $daemon"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

ended_with() { # STATUS
	local got
	within 30 gone "$daemon" || kill -9 "$daemon"
	wait "$daemon"
	got=$?
	daemons=${daemons/ $daemon/}
	daemon=
	[ "$got" -eq "$1" ] || { echo "# ended with $got, expected $1" && false; }
}

# Another program may take a port between the look and the use: then the next ones are tried. What
# the agent answers to is in $CONSUL_HTTP_ADDR; $base is its first port, $base + 4 may be used, too.
start_agent() { # OPTIONS...
	local tries
	base=$((20000 + RANDOM % 10000))
	for tries in 1 2 3 4 5; do
		run_agent "$@" && return 0
		stop_agent
		base=$((base + 7))
	done
	return 1
}
run_agent() { # OPTIONS...
	"$consul" agent -dev -node=n1 -bind=127.0.0.1 -log-level=err -dns-port=-1 -grpc-port=-1 \
		-http-port=$base -server-port=$((base + 1)) -serf-lan-port=$((base + 2)) \
		-serf-wan-port=$((base + 3)) "$@" >>agent.log 2>&1 &
	agent=$!
	export CONSUL_HTTP_ADDR=127.0.0.1:$base
	within 20 ready
}
stop_agent() {
	[ -z "$agent" ] || { kill "$agent"; wait "$agent"; } 2>/dev/null
	agent=
}
# Ours, and not another one on the same port.
ready() {
	kill -0 "$agent" && curl -fsS "http://$CONSUL_HTTP_ADDR/v1/status/leader" | grep -q 127.0.0.1 &&
		put hello world
}

give_up() { # NAME
	cat agent.log
	ok "$1" 1
	finish
	exit 1
}

finish() {
	echo "1..$count"
	[ "$failures" -eq 0 ]
}

unset CONSUL_HTTP_TOKEN CONSUL_TOKEN CT_LOG CONSUL_TEMPLATE_LOG
