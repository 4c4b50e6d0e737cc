# lib.sh - what the scripts on the real lab share: commands on its hosts, waiting, TAP.
# Sourced by round.sh, repair.sh, policy.sh, faults.sh and console.sh.

set -uo pipefail
export LC_ALL=C.UTF-8
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$project" || exit 2
binnacle=${BINNACLE:-$project/build/binnacle}
one=W708-ATMQZLPR-1
two=W708-ATMQZLPR-2
count=0
failures=0
verbose=${VERBOSE:-}
scratch=$(mktemp -d)

lab() { bash "$project/tests/lab/lab.sh" "$@"; }
if ! lab status >/dev/null 2>&1; then
	echo "not ok 1 - the lab is up (tests/lab/lab.sh up)"
	exit 1
fi
eval "$(lab env)"

on() { lab run "$1" "${@:2}"; }                      # HOST CMD...
batch() { on "$1" "$binnacle" --batch "${@:2}"; }    # HOST VERB...
docker_on() { lab docker "$@"; }                     # HOST ARGS...
etcd_get() { curl -fsS --max-time 5 "$LAB_ETCD/v2/keys$1"; }
instances_of() { # SERVICE: "ADDRESS:PORT" lines, from the catalog
	curl -fsS --max-time 5 "$LAB_CONSUL_1/v1/catalog/service/$1" |
		grep -o '"ServiceAddress":"[^"]*"\|"ServicePort":[0-9]*' |
		sed 's/.*:"\{0,1\}\([^"]*\)"\{0,1\}$/\1/' | paste -d: - - | sort
}
# What a browser would get through nginx-host of host 1.
page() { curl -sS --max-time 5 -H "Host: $1" "http://172.29.150.202/"; }

section() {
	echo "# ---- $*"
}

say() { [ -z "$verbose" ] || printf '%s\n' "$*" | sed 's/^/    /'; }

pass() {
	count=$((count + 1))
	echo "ok $count - $1"
}

fail() { # NAME [FILE with the output]
	count=$((count + 1))
	failures=$((failures + 1))
	echo "not ok $count - $1"
	[ $# -lt 2 ] || tail -n 25 "$2" | sed 's/^/# /'
}

# The name says what must be true; the command says whether it is. With VERBOSE its output is shown.
check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@" >"$scratch/output" 2>&1; then
		[ -z "$verbose" ] || sed 's/^/    /' "$scratch/output"
		pass "$name"
	else
		fail "$name" "$scratch/output"
	fi
}

# A command must end with this status, say this (extended regular expression), and nothing else is
# looked at.
check_status() { # NAME STATUS PATTERN COMMAND...
	local name=$1 want=$2 pattern=$3 got
	shift 3
	"$@" >"$scratch/output" 2>&1
	got=$?
	[ -z "$verbose" ] || sed 's/^/    /' "$scratch/output"
	if [ "$got" -eq "$want" ] && grep -Eq -- "$pattern" "$scratch/output"; then
		pass "$name"
	else
		echo "# ended with $got, expected $want and /$pattern/"
		fail "$name" "$scratch/output"
	fi
}

# Wait until a command succeeds, at most SECONDS: for what happens in other processes.
within() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || {
			"$@"
			return 1
		}
		sleep 0.1
	done
}

finish() {
	echo "1..$count"
	[ "$failures" -eq 0 ]
}
