#!/bin/bash
# registrator.sh - binnacle in the place of Registrator, as a process on the real lab.
#
# Host 1 may be registered by somebody else meanwhile: the stand-in calls itself like a host that has
# no Docker, so that its ids are apart, and registers only containers that ask for it by a name.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

log=$scratch/log
self=$LAB_HOST_3
box=standin-$$
prefix=binnacle-$box
pid=

services() { curl -fsS --max-time 5 "$LAB_CONSUL_1/v1/agent/services"; }
deregister() { curl -fsS --max-time 5 -X PUT "$LAB_CONSUL_1/v1/agent/service/deregister/$1"; }

# lab.sh ends in an exec, so that $! is the stand-in itself.
start() { # ARGS...
	: >"$log"
	DOCKER_HOST=$LAB_DOCKER_1 bash "$project/tests/lab/lab.sh" run $one "$binnacle" --as registrator \
		-hostname "$self" -explicit "$@" 2>>"$log" &
	pid=$!
}

stop() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	[ -z "$pid" ] || wait "$pid"
	ended=$?
	pid=
}

finish_up() {
	stop 2>/dev/null
	docker_on $one rm -f "$box-a" "$box-b" >/dev/null 2>&1
	for id in $(services | grep -o "\"ID\":\"$self:[^\"]*\"" | cut -d'"' -f4); do
		deregister "$id"
	done
	curl -sS --max-time 5 -X DELETE "$LAB_CONSUL_1/v1/kv/$prefix?recurse" >/dev/null
	curl -sS --max-time 5 -X DELETE "$LAB_ETCD/v2/keys/$prefix?recursive=true" >/dev/null
	rm -rf "$scratch"
}
trap finish_up EXIT

# Not through a pipe: grep -q ends before curl has written everything.
has() {
	local list
	list=$(services) && grep -q "\"$self:$1\"" <<<"$list"
}
has_not() {
	local list
	list=$(services) && ! grep -q "\"$self:$1\"" <<<"$list"
}
logged() { grep -Eq -- "^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8} $1\$" "$log"; }
run_box() { # NAME: prints its short id
	docker_on $one run -d --name "$1" --net calico -e SERVICE_NAME="$1" -e SERVICE_TAGS=one,two lab/web |
		cut -c1-12
}
as() { on $one timeout 10 "$binnacle" --as registrator "$@"; }
as_without_docker() { DOCKER_HOST=unix:///nonexistent/docker.sock as "$@"; }

section "1. What an operator types"
check_status "--version" 0 'binnacle' as --version
check_status "an unknown flag shows the usage" 2 'flag provided but not defined: -nope' as -nope consul:
check_status "no registry" 2 'Missing required argument for registry URI' as -internal
check_status "half of a lifetime" 1 '[0-9] -ttl and -ttl-refresh must be specified together' as -ttl 5 etcd:
check_status "an unknown registry" 1 '[0-9] unrecognized adapter: nosuch' as nosuch://h/a
check_status "no ZooKeeper" 1 'cannot reach zookeeper 127.0.0.1:1: ' as zookeeper://127.0.0.1:1/a
check_status "no Consul: as many attempts as asked for" 1 'Connecting to backend \(1/1\)' \
	as -retry-attempts 1 -retry-interval 10 consul://127.0.0.1:1
check_status "no Docker at the start" 1 'docker.*nonexistent' as_without_docker consul://127.0.0.1:8500
mkdir "$scratch/bin"
ln -s "$binnacle" "$scratch/bin/registrator"
check_status "called by the name of what it stands in for" 1 'unrecognized adapter: nosuch' \
	on $one "$scratch/bin/registrator" nosuch://h/a

section "2. Consul's agent"
a=$(run_box "$box-a")
curl -fsS --max-time 5 -X PUT "$LAB_CONSUL_1/v1/agent/service/register" \
	-d "{\"ID\":\"$self:gone:80\",\"Name\":\"gone\"}"
start -cleanup -resync 1 consul://127.0.0.1:8500
check "what runs is registered" within 10 has "$box-a:80"
check "the leader is named" logged 'consul: current leader  [0-9.]+:8300'
check "events are followed before the first sync" bash -c "
	grep -E 'Listening for Docker events \.\.\.|Syncing services on [0-9]+ containers' '$log' |
		head -1 | grep -q Listening"
check "the first sync is logged" logged 'Syncing services on [0-9]+ containers'
check "and that is logged" within 5 logged "added: $a $self:$box-a:80"
check "with its own address, and the tags turned around" bash -c "
	curl -fsS '$LAB_CONSUL_1/v1/agent/service/$self:$box-a:80' | tr -d ' \n\t' |
		grep -Eq '\"Tags\":\[\"two\",\"one\"\].*\"Address\":\"10\.233\.'"
check "what dangles is removed" within 5 has_not "gone:80"
check "and that is logged" within 5 logged "$self:gone:80 removed"
check "... after its announcement" logged "dangling: $self:gone:80"
b=$(run_box "$box-b")
check "what starts is registered" within 5 has "$box-b:80"
docker_on $one kill "$box-b" >/dev/null
check "what ends is removed" within 5 has_not "$box-b:80"
check "and that is logged" within 5 logged "removed: $b $self:$box-b:80"
deregister "$self:$box-a:80"
check "a resync brings back what was lost" within 6 has "$box-a:80"
stop
check "SIGTERM ends it by that signal" test "$ended" -eq 143
check "and leaves what is registered" has "$box-a:80"

section "3. Other registries"
key=/$prefix/$box-a/$self:$box-a:80
start -resync 1 -ttl 20 -ttl-refresh 1 "etcd://${LAB_ETCD#http://}/$prefix"
check "etcd holds address and port, with a lifetime" within 10 bash -c "
	curl -fsS '$LAB_ETCD/v2/keys$key' | grep -Eq '\"value\":\"10\.233\.[0-9.]+:80\".*\"ttl\":'"
check "the lifetime begins again" within 5 logged "refreshed: $a $self:$box-a:80"
curl -fsS -X DELETE "$LAB_ETCD/v2/keys$key" >/dev/null
check "what was lost is written again" within 5 etcd_get "$key"
docker_on $one kill "$box-a" >/dev/null
check "what ends is removed" within 5 bash -c "! curl -fsS '$LAB_ETCD/v2/keys$key'"
stop
start "consulkv://127.0.0.1:8500/$prefix"
check "consulkv listens" within 5 logged 'Syncing services on [0-9]+ containers'
docker_on $one start "$box-a" >/dev/null
check "consulkv holds address and port" within 5 bash -c "
	curl -fsS '$LAB_CONSUL_1/v1/kv$key?raw' | grep -Eq '^10\.233\.[0-9.]+:80\$'"
stop
[ "$failures" -eq 0 ] || sed 's/^/# /' "$log"

finish
