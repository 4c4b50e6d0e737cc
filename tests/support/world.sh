#!/bin/bash
# world.sh - a Docker and a Consul agent of our own, beside the lab and whatever runs here.
#
#   world.sh up DIR       start both in DIR and import the image "tiny"; print their addresses
#   world.sh down DIR     stop both, with every container, and remove DIR
#   world.sh start|stop|kill docker|consul DIR
#   world.sh wipe consul DIR      what the agent has written; it must not run
#
# Containers have no network but the loopback: nothing of the machine's own network is touched.
# For networks WORLD_DOCKERD starts the daemon, in a namespace of its own, and WORLD_NETWORK has its
# options in the place of "--bridge none".
# The image EXPOSEs port 80; its program sleeps for ever, or as many milliseconds as it is told.
# Needs root.
set -uo pipefail
export LC_ALL=C
unset DOCKER_HOST DOCKER_CONFIG CONSUL_HTTP_ADDR http_proxy HTTP_PROXY

die() { echo "world.sh: $*" >&2 && exit 1; }

docker_here() { DOCKER_CONFIG=$dir/client timeout 60 docker -H "unix://$dir/docker.sock" "$@"; }
consul_program() { PATH=$PATH:/var/cache/binnacle-lab/consul/usr/bin command -v consul; }

within() { # TENTHS COMMAND...
	local left=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((left -= 1)) -gt 0 ] || return 1
		sleep 0.1
	done
}

start_docker() {
	mkdir -p "$dir/tmp"
	echo '{}' >"$dir/daemon.json"
	# shellcheck disable=SC2086
	TMPDIR=$dir/tmp setsid ${WORLD_DOCKERD:-dockerd} --config-file "$dir/daemon.json" --data-root "$dir/data" \
		--exec-root "$dir/exec" --pidfile "$dir/docker.pid" -H "unix://$dir/docker.sock" \
		${WORLD_NETWORK:---bridge none} --iptables=false --ip-masq=false --ip-forward=false \
		--exec-opt native.cgroupdriver=cgroupfs --shutdown-timeout 5 >>"$dir/docker.log" 2>&1 </dev/null &
	echo $! >"$dir/docker.process"
	within 300 docker_here version || die "dockerd does not answer: $(tail -n 3 "$dir/docker.log")"
}

# The ports stay the same when it is started again.
start_consul() {
	local ports
	[ -s "$dir/ports" ] || free_ports 4 >"$dir/ports"
	read -r -a ports <"$dir/ports"
	setsid "$(consul_program)" agent -server -bootstrap-expect 1 -node world -bind 127.0.0.1 \
		-data-dir "$dir/consul" -dns-port -1 -http-port "${ports[0]}" \
		-server-port "${ports[1]}" -serf-lan-port "${ports[2]}" -serf-wan-port "${ports[3]}" \
		-hcl 'ports { grpc = -1 } performance { raft_multiplier = 1 }' \
		>>"$dir/consul.log" 2>&1 </dev/null &
	echo $! >"$dir/consul.process"
	within 300 has_leader || die "consul has no leader: $(tail -n 3 "$dir/consul.log")"
}

has_leader() {
	curl -fsS --max-time 2 "http://$(consul_address)/v1/status/leader" | grep -q :
}

consul_address() { echo "127.0.0.1:$(cut -d' ' -f1 "$dir/ports")"; }

# Between the ports that the lab, this machine's servers and outgoing connections use.
free_ports() { # COUNT
	local port=$((20000 + RANDOM % 10000)) found=()
	while [ ${#found[@]} -lt "$1" ]; do
		port=$((port + 1))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || found+=("$port")
	done
	echo "${found[@]}"
}

stop() { # NAME SIGNAL
	local pid
	pid=$(cat "$dir/$1.process" 2>/dev/null) || return 0
	kill "-$2" "$pid" 2>/dev/null
	within 200 is_gone "$pid" || kill -KILL "$pid" 2>/dev/null
	rm -f "$dir/$1.process"
}

# What a daemon that was killed leaves running and mounted, as if the machine had gone down.
clear_after_docker() {
	local left container
	# A container outlives its shim: it is known by its control group.
	for left in /proc/[0-9]*; do
		container=$(tail -n 1 "$left/cgroup") && container=${container##*/docker/}
		[ "${#container}" = 64 ] && [ -d "$dir/data/containers/$container" ] &&
			kill -KILL "${left#/proc/}"
		tr '\0' ' ' <"$left/cmdline" | grep -qF -- "$dir/exec/" && kill -KILL "${left#/proc/}"
	done 2>/dev/null
	for container in "$dir"/data/containers/*/; do
		find /sys/fs/cgroup -depth -type d -path "*/docker/$(basename "$container")*" \
			-exec rmdir {} + 2>/dev/null
	done
	awk -v dir="$dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r left; do umount -l "$left"; done
	rm -rf "$dir/exec" "$dir/docker.pid" "$dir/docker.sock"
}

is_gone() { ! [ -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

import_tiny() {
	mkdir "$dir/root"
	cat >"$dir/tiny.c" <<'EOC'
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	signal(SIGTERM, _exit);
	while (argc < 2)
		pause();
	return usleep(1000 * (unsigned)atoi(argv[1]));
}
EOC
	${CC:-cc} -Os -static -s -o "$dir/root/tiny" "$dir/tiny.c" || die "no static program"
	tar -C "$dir/root" -cf "$dir/tiny.tar" .
	docker_here import -c 'EXPOSE 80' -c 'ENTRYPOINT ["/tiny"]' "$dir/tiny.tar" tiny >/dev/null ||
		die "the image cannot be imported"
}

up() {
	[ "$(id -u)" = 0 ] || die "needs root"
	command -v dockerd >/dev/null || die "there is no dockerd"
	consul_program >/dev/null || die "there is no consul"
	mkdir -p "$dir"
	start_docker
	start_consul
	import_tiny
	echo "DOCKER_HOST=unix://$dir/docker.sock"
	echo "CONSUL_HTTP_ADDR=$(consul_address)"
}

down() {
	local containers
	containers=$(docker_here ps -aq 2>/dev/null)
	# shellcheck disable=SC2086
	[ -z "$containers" ] || docker_here rm -f $containers >/dev/null 2>&1
	stop docker TERM
	stop consul KILL
	clear_after_docker
	rm -rf "$dir"
}

verb=${1:-}
case $verb in
up | down) dir=${2:?directory} && "$verb" ;;
start) dir=${3:?directory} && "start_$2" ;;
stop) dir=${3:?directory} && stop "$2" TERM ;;
kill)
	dir=${3:?directory}
	stop "$2" KILL
	[ "$2" != docker ] || clear_after_docker
	;;
wipe) dir=${3:?directory} && rm -rf "$dir/consul" ;;
*) die "see its beginning" ;;
esac
