#!/bin/bash
# lab.sh - the users' cluster on this machine: four hosts with Consul, Docker, etcd, nginx and a
# Calico network. See README.md beside this file.

set -euo pipefail
shopt -s nullglob
# The script reads what programs print; what it runs for the operator keeps the operator's locale.
operators_locale=${LC_ALL-}
export LC_ALL=C
umask 022
unset CDPATH http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

usage() {
	cat <<'EOF'
usage: lab.sh VERB [--small]

  deps                    install what the lab needs; fetch consul if there is none
  up [--fresh]            start the lab; with --fresh stop a running one first
  down                    stop it and remove everything it made
  status                  what runs
  env                     addresses, sockets and files, as shell variables
  run HOST CMD ...        run a command on a host
  console [HOST] [ARGS]   the console on a host (default W708-ATMQZLPR-1)
  docker HOST ARGS ...    the docker command against a host's daemon
  plugin stop|start|break HOST
                          the Calico plugin of a host; break: running, but etcd out of its reach
  daemon kill|start HOST  kill Docker and all its containers, as a crash does; start it again
  packages                print the Debian packages that `deps` installs

--small: one agent, one etcd, one nginx on loopback, without root.
BINNACLE_LAB_DIR and BINNACLE_LAB_CACHE move its files.
EOF
}

lab_source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$lab_source/../.." && pwd)

for file in common deps images config full small; do
	# shellcheck source=/dev/null
	. "$lab_source/lib/$file.sh"
done

size=full
fresh=
verb=${1:-help}
[ $# -eq 0 ] || shift
while [ $# -gt 0 ]; do
	case $1 in
	--small) size=small ;;
	--full) size=full ;;
	--fresh) fresh=yes ;;
	--) shift && break ;;
	*) break ;;
	esac
	shift
done

if [ "$(id -u)" = 0 ]; then
	lab=/run/binnacle-lab
	cache=/var/cache/binnacle-lab
else
	lab=${XDG_RUNTIME_DIR:-/tmp}/binnacle-lab-$(id -u)
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/binnacle-lab
	# What `deps` fetched as root serves everybody.
	[ ! -x /var/cache/binnacle-lab/consul/usr/bin/consul ] || cache=/var/cache/binnacle-lab
fi
[ "$size" = full ] || lab=$lab-small
lab=$(realpath -m "${BINNACLE_LAB_DIR:-$lab}")
cache=${BINNACLE_LAB_CACHE:-$cache}
plugin=${BINNACLE_LAB_PLUGIN:-$project/build/calico-plugin}
console=${BINNACLE:-$project/build/binnacle}
if [ "$size" = full ]; then
	etcd_url=http://172.29.150.1:2379
else
	etcd_url=http://127.0.0.1:$small_etcd_port
fi
case $lab in
/*/*) ;;
*) die "BINNACLE_LAB_DIR must be a directory below one of the root's: $lab" ;;
esac
# A socket's path has at most 107 characters; the longest of the lab's has 53 behind the directory.
[ ${#lab} -le 54 ] || die "BINNACLE_LAB_DIR is too long for the sockets in it: $lab"

# One `up` or `down` at a time. The file stays beside the directory, which `down` removes.
take_lock() {
	mkdir -p "${lab%/*}"
	exec 9>"$lab.lock"
	flock -n 9 && return
	# The holder may be an `up` that hangs: `down` ends it rather than wait.
	[ "$verb" = down ] || die "another lab.sh is at work on $lab"
	kill_recorded KILL up
	flock -w 10 9 || die "another lab.sh is at work on $lab"
}

give_up() {
	kill_workers
	say "not up: see the files in $lab/log; 'down' removes what was made"
}

lab_up() {
	local started=$SECONDS
	if [ "$size" = full ]; then
		full_check_machine
		refuse_other_lab
		build_plugin
	fi
	take_lock
	if [ -e "$lab/ready" ] && [ -z "$fresh" ]; then
		say "is up already in $lab"
		return
	fi
	# What a crashed `up` left, or nothing.
	tear_down
	mkdir -p "$lab" "$cache"
	[ -O "$lab" ] || die "$lab belongs to somebody else"
	chmod 755 "$lab"
	record_pid up $$
	trap give_up EXIT
	# The work is done without the lock's descriptor, so that no child of it keeps the lock when
	# this process is killed.
	("${size}_up") 9>&- &
	record_pid worker-up $!
	wait $!
	trap - EXIT
	rm -f "$lab/pids/up" "$lab/pids/worker-up"
	touch "$lab/ready"
	say "up in $((SECONDS - started)) s"
}

# Goes on whatever fails: each step removes what it finds, and a process or a directory may go by
# itself at any moment.
tear_down() {
	rm -f "$lab/ready"
	(
		set +e +o pipefail
		"${size}_down"
		# Every consul makes this directory and leaves it empty.
		rmdir /tmp/consul-test 2>/dev/null || true
	)
}

lab_down() {
	[ "$size" = small ] || refuse_other_lab
	take_lock
	kill_recorded KILL up
	tear_down
	rm -f "$lab.lock"
}

need_lab() { [ -e "$lab/ready" ] || die "no lab is up in $lab"; }

case $verb in
deps) lab_deps ;;
packages) lab_packages ;;
up) lab_up ;;
down) lab_down ;;
status)
	need_lab
	"${size}_status"
	;;
env)
	need_lab
	cat "$lab/env"
	;;
run)
	need_lab
	[ $# -ge 2 ] || die "usage: run HOST CMD ..."
	run_on_host "$@"
	;;
console)
	need_lab
	[ -x "$console" ] || die "no $console: run make first, or set BINNACLE"
	host=${1:-W708-ATMQZLPR-1}
	[ $# -eq 0 ] || shift
	if [ "$size" = small ]; then
		BINNACLE_CONFIG=$lab/binnacle.hcl XDG_STATE_HOME=$lab/state exec "$console" "$@"
	fi
	run_on_host "$host" "$console" "$@"
	;;
docker)
	need_lab
	[ $# -ge 2 ] || die "usage: docker HOST ARGS ..."
	on_docker "$@"
	;;
plugin)
	need_lab
	[ $# -eq 2 ] && [ -n "${part[$2]:-}" ] ||
		die "usage: plugin stop|start|break HOST, HOST one of ${docker_hosts[*]}"
	build_plugin
	stop_plugin "$2"
	case $1 in
	stop) ;;
	start) start_plugin "$2" ;;
	break) start_plugin "$2" http://172.29.150.1:1 ;;
	*) die "plugin: $1 is none of stop, start, break" ;;
	esac
	;;
daemon)
	need_lab
	[ $# -eq 2 ] && [ -n "${part[$2]:-}" ] ||
		die "usage: daemon kill|start HOST, HOST one of ${docker_hosts[*]}"
	case $1 in
	kill) kill_docker "$2" ;;
	start)
		not pid_of "docker-$2" || die "the daemon of $2 runs"
		start_docker "$2"
		wait_for_docker "$2"
		;;
	*) die "daemon: $1 is neither kill nor start" ;;
	esac
	;;
_host) become_host "$1" ;;
help | --help | -h) usage ;;
*)
	usage >&2
	exit 2
	;;
esac
