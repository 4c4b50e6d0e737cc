#!/bin/bash
# console.sh - the console itself, used as an operator would, in a terminal of its own (tmux) on the
# real lab: live panes at three sizes, a container that starts is seen at once, the diff and its
# approval, auto mode, a stale endpoint cleaned through the dialog, Cancel by default.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

terminal="tmux -S $scratch/tmux"
app_conf=$LAB_INGRESS_CONF/conf.d/app.conf

finish_up() {
	$terminal kill-server 2>/dev/null
	docker_on $one rm -f seen >/dev/null 2>&1
	rm -rf "$scratch"
}
trap finish_up EXIT

keys() { $terminal send-keys -t console "$@"; }
# Apart from what follows: an Esc right before another key is an Alt chord to a terminal.
escape() {
	keys Escape
	sleep 0.3
}
# Text that comes in one read with the key before it would be taken for a paste into the list.
filter() {
	keys '/'
	within 5 shows '^/'
	keys "$1" Enter
}
workloads() { etcd_get "/calico/v1/host/$one/workload?recursive=true&sorted=true"; }
screen() { $terminal capture-pane -t console -p; }
shows() { screen | grep -E -- "$1" >/dev/null; }
hides() { ! shows "$1"; }
resize() { $terminal resize-window -t console -x "$1" -y "$2"; }
see() { # NAME SECONDS PATTERN: on the screen within that time
	within "$2" shows "$3" || true
	screen >"$scratch/screen"
	if grep -Eq -- "$3" "$scratch/screen"; then
		[ -z "$verbose" ] || sed 's/^/    /' "$scratch/screen"
		pass "$1"
	else
		fail "$1" "$scratch/screen"
	fi
}

# From the beginning: nothing registered by hand, a fresh accident for the dialog.
docker_on $one rm -f seen accident >/dev/null 2>&1
batch $one mode hold >/dev/null 2>&1
docker_on $one run -d --name accident --net calico --ip 10.233.49.66 lab/web >/dev/null
lab plugin break $one >/dev/null
docker_on $one rm -f accident >/dev/null 2>&1
lab plugin start $one >/dev/null
docker_on $one create --name accident --net calico --ip 10.233.49.66 lab/web >/dev/null

$terminal -f /dev/null new-session -d -s console -x 120 -y 40 \
	"bash $project/tests/lab/lab.sh run $one $binnacle; echo ended with \$?; sleep 1000"

section "1. Five panes at three sizes"
see "the members are alive" 10 'W708-ATMQZLPR-1 +alive'
see "all five panes are there" 5 'Renders'
for pane in Members Services Events Renders Endpoints; do
	check "pane $pane" shows "[1-5] $pane"
done
see "the accident is judged" 20 'STALE .*10\.233\.49\.66'
resize 80 24
see "80x24: one column, the focused pane open" 5 '^= 2 Services|^═ 2 Services|2 Services'
resize 200 60
see "200x60: with a preview" 5 'Preview'
resize 59 15
see "59x15: a notice in the place of half a screen" 5 'needs 60 x 15'
resize 120 40
see "120x40 again" 5 '5 Endpoints'

section "2. Looking"
keys '?'
see "help lists what the keys do" 5 'ACT \(asks first\)'
escape
keys 5
filter 10.233.49.66
see "a filter says what it hides" 5 '1 of [0-9]+'
keys Enter
see "the detail view shows the evidence" 5 '[Ee]vidence'
escape
escape

section "3. A dialog that cancels by default"
before=$(workloads | sha256sum)
keys 5
keys X
see "X asks for all that is stale" 10 'Remove [0-9]+'
sleep 0.4
keys Enter
see "Enter cancels" 5 'not confirmed|canceled|nothing was changed'
check "nothing was removed" test "$(workloads | sha256sum)" = "$before"

section "4. A stale endpoint, cleaned through the dialog"
docker_on $one start accident >"$scratch/start" 2>&1
check "its container cannot start" grep -q 'Address already assigned in block' "$scratch/start"
keys u
filter 10.233.49.66
see "found" 10 '1 of [0-9]+'
keys D
see "the dialog tells what, why, and how to undo" 10 'Undo'
sleep 0.4
keys y
see "done" 15 'done|removed'
check "its container starts again with its address" within 10 docker_on $one start accident
escape

section "5. Auto mode: seen at once, served, gone"
keys M
see "M offers the modes, Cancel first" 5 '(>|›) Cancel'
sleep 0.4
keys j
keys j
keys Enter
see "auto is asked for by a dialog of its own" 5 'Undo'
sleep 0.4
keys y
see "the engine is in auto" 10 '\[AUTO'
keys 3
docker_on $one run -d --name seen --net calico -e SERVICE_NAME=seen-web -e SERVICE_TAGS=calico lab/web >/dev/null
see "a container that starts is in the events pane" 5 'added +seen-web'
check "it is served through nginx-host" within 15 bash -c "
	curl -sS --max-time 5 -H 'Host: seen.web.flyclock.cn' http://172.29.150.202/ | grep -q 'at 10.233'"
docker_on $one kill seen >/dev/null
see "killed, it is removed" 10 'removed +seen-web'
check "and leaves the configuration" within 15 bash -c "! grep -q seen-web '$app_conf'"

section "6. Leaving"
keys q
see "q ends it, the terminal is as before" 10 'ended with 0'

finish
