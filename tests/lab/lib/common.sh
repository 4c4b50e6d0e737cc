# common.sh - what every part of the lab uses: messages, pid records, waiting
# shellcheck shell=bash

say() { printf 'lab: %s\n' "$*" >&2; }

die() {
	say "$*"
	exit 1
}

# The start time of a process in clock ticks since boot. Together with the pid it names one process
# for good, so a number that was given out again is never mistaken for ours.
process_start() {
	local stat
	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	# The name in parentheses may hold anything; what follows it does not.
	read -r -a stat <<<"${stat##*) }"
	printf '%s\n' "${stat[19]}"
}

record_pid() { # NAME PID
	mkdir -p "$lab/pids"
	printf '%s %s\n' "$2" "$(process_start "$2" || echo 0)" >"$lab/pids/$1"
}

# Prints the pid of NAME if that very process still runs.
pid_of() { # NAME
	local pid start
	[ -r "$lab/pids/$1" ] || return 1
	read -r pid start <"$lab/pids/$1" || return 1
	[ "$(process_start "$pid" || echo gone)" = "$start" ] || return 1
	# A zombie has a start time too.
	case $(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) in
	Z | X | '') return 1 ;;
	esac
	printf '%s\n' "$pid"
}

kill_recorded() { # SIGNAL NAME...
	local signal=$1 name pid
	shift
	for name in "$@"; do
		pid=$(pid_of "$name") && kill -s "$signal" "$pid" 2>/dev/null
	done
	return 0
}

# Waits until NAME's process is gone; false after the time.
wait_gone() { # SECONDS NAME...
	local limit=$1 name
	shift
	for name in "$@"; do
		wait_until "$limit" not pid_of "$name" || return 1
	done
}

not() { ! "$@" >/dev/null; }

# Runs a command every 50 ms until it succeeds.
wait_until() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

# Starts a program that stays: own session, no terminal, log in $lab/log/NAME, pid recorded.
start_daemon() { # NAME COMMAND...
	local name=$1
	shift
	mkdir -p "$lab/log"
	# 9 is the lock: a daemon that inherited it would hold it for the life of the lab.
	setsid "$@" </dev/null >"$lab/log/$name" 2>&1 9>&- &
	record_pid "$name" $!
	disown $!
}

declare -A workers=()

# A part of `up` that runs beside the others. `down` ends those that a killed `up` left.
start_worker() { # NAME FUNCTION ARGS...
	local name=worker-$1
	shift
	mkdir -p "$lab/log"
	( trap - EXIT; "$@" ) >"$lab/log/$name" 2>&1 &
	record_pid "$name" $!
	workers["$name"]=$!
}

# worker-up, which makes the others, goes first.
kill_workers() {
	local record
	kill_recorded KILL worker-up
	for record in "$lab"/pids/worker-*; do
		kill_recorded KILL "${record##*/}"
	done
}

join_workers() { # NAME...
	local name failed=
	for name in "$@"; do
		name=worker-$name
		wait "${workers[$name]}" || failed="$failed ${name#worker-}"
		rm -f "$lab/pids/$name"
	done
	[ -z "$failed" ] && return 0
	for name in $failed; do
		say "failed: $name. The end of $lab/log/worker-$name:"
		tail -n 12 "$lab/log/worker-$name" >&2
	done
	return 1
}

http_get() { curl --noproxy '*' --silent --fail --max-time 3 "$@"; }

# Puts text into a file in one step, so that no reader ever sees half of it.
write_file() { # PATH < TEXT
	mkdir -p "${1%/*}"
	cat >"$1.new"
	mv -f "$1.new" "$1"
}

etcd_put() { # KEY VALUE
	curl --noproxy '*' --silent --fail --max-time 3 -o /dev/null -X PUT \
		--data-urlencode "value=$2" "$etcd_url/v2/keys$1"
}

need_tools() {
	local tool missing=
	for tool in "$@"; do
		command -v "$tool" >/dev/null || missing="$missing $tool"
	done
	[ -z "$missing" ] || die "missing programs:$missing. Run '$0 deps' first."
}

# A consul from the PATH, or the one that `deps` fetched.
find_consul() {
	command -v consul && return
	[ -x "$cache/consul/usr/bin/consul" ] && echo "$cache/consul/usr/bin/consul"
}
