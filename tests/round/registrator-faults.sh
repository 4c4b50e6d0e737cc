#!/bin/bash
# registrator-faults.sh - what must not make the stand-in for Registrator lose anything: a burst,
# containers that end at once, ids that collide, and a Docker or a Consul that hangs, is killed or
# has forgotten everything. On a Docker and a Consul of its own (support/world.sh), which it may
# hurt. Needs root and no lab. Prints TAP.
set -uo pipefail
export LC_ALL=C
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binnacle=${BINNACLE:-$project/build/binnacle}
scratch=$(mktemp -d)
dir=$scratch/world
log=$scratch/log
burst=${BURST:-40}
count=0
failures=0
pid=

world() { bash "$project/tests/support/world.sh" "$@"; }

finish_up() {
	[ -z "$pid" ] || kill "$pid"
	[ ! -d "$scratch/full" ] || umount "$scratch/full"
	world down "$dir"
	rm -rf "$scratch"
} 2>/dev/null
trap finish_up EXIT
trap 'exit 130' INT TERM

ok() { # NAME STATUS
	count=$((count + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $count - $1"
	else
		failures=$((failures + 1))
		echo "not ok $count - $1"
		registered | sed 's/^/# has /' | tail -n 5
		tail -n 8 "$log" 2>/dev/null | sed 's/^/# /'
	fi
}

check() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >/dev/null 2>&1
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

boxes() { DOCKER_CONFIG=$scratch/client timeout 60 docker "$@"; }
create() { # NAME [OPTIONS...]
	local name=$1
	shift
	boxes create --name "$name" --net none "$@" tiny
}
# The ids that are registered, one a line; empty when the agent does not answer.
registered() {
	curl -fsS --max-time 5 "http://$CONSUL_HTTP_ADDR/v1/agent/services" |
		grep -o '"ID":"h1:[^"]*"\|"ID":"shared"' | cut -d'"' -f4
}
has() { grep -qx "$1" <<<"$(registered)"; }
has_none() { curl -fsS "http://$CONSUL_HTTP_ADDR/v1/agent/services" | grep -qx '{}'; }
has_count() { [ "$(registered | grep -c "^h1:$1")" -eq "$2" ]; }
is_not() { ! "$@"; }
lives() { kill -0 "$pid" 2>/dev/null; }
port_of_shared() {
	curl -fsS "http://$CONSUL_HTTP_ADDR/v1/agent/service/shared" | grep -o '"Port": *[0-9]*' |
		head -n 1 | tr -dc 0-9
}

settings=$(world up "$dir") || {
	echo "not ok 1 - a Docker and a Consul of our own start"
	exit 1
}
# shellcheck disable=SC2046
export $settings
"$binnacle" --as registrator -hostname h1 -ip 192.0.2.1 -resync 1 "consul://$CONSUL_HTTP_ADDR" \
	2>"$log" &
pid=$!
check "it listens" within 20 grep -q 'Listening for Docker events' "$log"

# ---- many at once
for i in $(seq "$burst"); do create "burst-$i" >/dev/null; done
boxes start $(seq -f 'burst-%g' "$burst" | head -n $((burst / 2))) >/dev/null &
boxes start $(seq -f 'burst-%g' "$burst" | tail -n +$((burst / 2 + 1))) >/dev/null
wait $!
check "of $burst started at once none is missing" within 10 has_count burst- "$burst"
boxes kill $(seq -f 'burst-%g' "$burst") >/dev/null
check "of $burst killed at once none is left over" within 10 has_none
boxes rm $(seq -f 'burst-%g' "$burst") >/dev/null

# ---- gone before anybody can look
# By their ids: a wait for whatever is left would wait for the stand-in when nothing is.
short=
for i in 1 2 3 4 5 6 7 8; do
	boxes run -d --rm --name "short-$i" --net none tiny 50 >/dev/null &
	short="$short $!"
	[ $((i % 4)) -ne 0 ] || wait $!
done
# shellcheck disable=SC2086
wait $short
within 10 is_not grep -q . <(boxes ps -q)
check "containers that live 50 ms leave nothing" within 10 has_none

# ---- one id for two
create first -e SERVICE_ID=shared --expose 81 -e SERVICE_80_IGNORE=1 >/dev/null
create second -e SERVICE_ID=shared >/dev/null
boxes start first >/dev/null
check "an id that a container chose" within 10 has shared
boxes start second >/dev/null
check "the last one started has it" within 10 eval '[ "$(port_of_shared)" = 80 ]'
boxes kill second >/dev/null
check "the other one takes it over when that ends" within 10 eval '[ "$(port_of_shared)" = 81 ]'
boxes kill first >/dev/null
check "it goes with the last of them" within 10 has_none
boxes rm first second >/dev/null

# ---- Consul
create keeps >/dev/null
create ends >/dev/null
create begins >/dev/null
boxes start keeps ends >/dev/null
within 10 has_count '' 2
kill -STOP "$(cat "$dir/consul.process")"
boxes kill ends >/dev/null
boxes start begins >/dev/null
check "Docker is followed while Consul hangs" lives
sleep 0.5
kill -CONT "$(cat "$dir/consul.process")"
check "what happened meanwhile reaches it: a start" within 15 has h1:begins:80
check "and an end" within 15 is_not has h1:ends:80
world kill consul "$dir"
boxes kill begins >/dev/null
boxes start ends >/dev/null
check "a Consul that was killed is told of" within 15 grep -q 'cannot reach 127' "$log"
world start consul "$dir"
check "after its restart it learns of a start" within 20 has h1:ends:80
check "and of an end" within 20 is_not has h1:begins:80
world kill consul "$dir"
world wipe consul "$dir"
world start consul "$dir"
check "a Consul without its data is filled again" within 20 has_count '' 2

# ---- Docker
kill -STOP "$(cat "$dir/docker.process")"
sleep 0.5
check "while Docker hangs nothing is removed" has_count '' 2
kill -CONT "$(cat "$dir/docker.process")"
boxes start begins >/dev/null
check "afterward its events are read on" within 15 has h1:begins:80
world kill docker "$dir"
check "a Docker that was killed is told of" within 15 grep -Eq 'docker.*(ended|broke|closed|reach)' "$log"
check "nothing is removed on its account" has_count '' 3
world start docker "$dir"
boxes start keeps ends begins >/dev/null
boxes kill ends >/dev/null
check "after its restart ends are seen" within 20 is_not has h1:ends:80
check "and what runs is registered" within 20 has_count '' 2
boxes rm -f keeps ends begins >/dev/null
check "and removals" within 15 has_none
check "all this is one process" lives
kill "$pid"
wait "$pid" 2>/dev/null
pid=

# ---- no room for the journal: what cannot be recorded is not done
mkdir "$scratch/full"
mount -t tmpfs -o size=64k tmpfs "$scratch/full"
create box >/dev/null
boxes start box >/dev/null
batch() {
	XDG_STATE_HOME=$scratch/full timeout 20 "$binnacle" --consul "$CONSUL_HTTP_ADDR" \
		--docker "$DOCKER_HOST" --node h1 --batch "$@" --timeout 10
}
dd if=/dev/zero of="$scratch/full/filler" bs=1k count=128 2>/dev/null
batch register box --yes >"$scratch/out" 2>&1
status=$?
check "a full disk for the journal refuses the action" test $status -ne 0
check "and says why" grep -Eqi 'no space|journal' "$scratch/out"
check "and nothing was done" has_none
rm "$scratch/full/filler"
batch register box --yes >"$scratch/out" 2>&1
check "with room it is done" within 5 is_not has_none

echo "1..$count"
[ "$failures" -eq 0 ]
