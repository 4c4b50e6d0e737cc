#!/bin/bash
# test-lab.sh - checks the lab itself, in TAP: that it is what README.md says, and that it leaves
# nothing behind. Where a full lab is up already, only that one is looked at; nothing is stopped.
# With --long also the accident that takes Docker a minute.

set -uo pipefail
shopt -s nullglob
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab=${BINNACLE_LAB_DIR:-/run/binnacle-lab}
etcd=http://172.29.150.1:2379
one=W708-ATMQZLPR-1
two=W708-ATMQZLPR-2
hosts=("$one" "$two" W708-ATMQZLPR-3 w708-payyhuat-3)
count=0
failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

lab() { "$here/lab.sh" "$@"; }

# The test's name says what must be true; the command says whether it is.
check() { # NAME COMMAND...
	local name=$1
	shift
	count=$((count + 1))
	if "$@" >"$scratch/output" 2>&1; then
		echo "ok $count - $name"
	else
		failures=$((failures + 1))
		echo "not ok $count - $name"
		tail -n 20 "$scratch/output" | sed 's/^/# /'
	fi
}

same() { # WANTED GOT
	[ "$1" = "$2" ] || {
		printf 'wanted: %s\ngot:    %s\n' "$1" "$2"
		return 1
	}
}

get() { curl --noproxy '*' --silent --max-time 5 "$@"; }

within() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1 + 1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# ---- what the lab may have changed on the machine ----------------------------------------------

processes_of_lab() {
	local file
	for file in /proc/[0-9]*/cmdline; do
		# This test and what it runs may name the directory, too.
		[ "${file#/proc/"$$"/}" = "$file" ] || continue
		tr '\0' ' ' <"$file" 2>/dev/null | grep -E "binnacle-lab" | grep -v -E 'lab\.sh|grep'
	done
	find /sys/fs/cgroup -path '*binnacle-lab*' -name cgroup.procs -exec cat {} + 2>/dev/null
}

picture() {
	echo "namespaces:" && ip netns
	echo "links:" && ip -o link | sed 's/^[0-9]*: //; s/ qlen.*//' | sort
	echo "routes:" && ip -4 route
	echo "rules:" && iptables-save 2>/dev/null | grep -v '^#'
	echo "mounts:" && sort /proc/mounts
	echo "control groups:" && find /sys/fs/cgroup -maxdepth 2 -name '*binnacle*'
	echo "files:" && ls -dA /run/* /etc/docker/* /etc/nginx/* /opt/* /var/lib/docker /var/log/nginx/* \
		/var/lib/nginx/* /tmp/containerd* 2>/dev/null
	echo "processes:" && processes_of_lab
}

nothing_is_left() {
	local i
	# A link is taken down by the kernel a moment after its namespace.
	for i in 1 2 3 4 5 6 7 8 9 10; do
		picture >"$scratch/after"
		diff "$scratch/before" "$scratch/after" && return
		sleep 0.2
	done
	return 1
}

# ---- the running lab ---------------------------------------------------------------------------

consul_is_whole() {
	local host
	for host in "${hosts[@]}"; do
		same 4 "$(lab run "$host" curl -s http://127.0.0.1:8500/v1/catalog/nodes |
			grep -o '"Node":' | wc -l)" || return
		same "$host" "$(lab run "$host" curl -s http://127.0.0.1:8500/v1/agent/self |
			grep -o '"NodeName": *"[^"]*"' | head -n 1 | cut -d '"' -f 4)" || return
	done
	same '"quark-consul"' "$(lab run "$one" curl -s http://127.0.0.1:8500/v1/catalog/datacenters |
		tr -d '[] \n')"
}

consul_listens_where_the_container_looks() {
	lab docker "$one" exec forgotten wget -q -O - http://172.29.150.202:8500/v1/status/leader |
		grep :
}

page_of() { # HOST ADDRESS
	lab run "$1" curl -s --max-time 5 "http://$2/"
}

page_in() { # HOST CONTAINER ADDRESS
	lab docker "$1" exec "$2" timeout 5 wget -q -O - "http://$3/"
}

containers_reach_each_other() {
	same 'nginx-test-2 at 10.233.61.129 answers' "$(page_in "$one" nginx-test-1 10.233.61.129)" &&
		same 'nginx-test-1 at 10.233.49.254 answers' \
			"$(page_in "$two" nginx-test-2 10.233.49.254)" &&
		same 'nginx-test-1 at 10.233.49.254 answers' \
			"$(page_in "$one" forgotten 10.233.49.254)"
}

hosts_reach_containers() {
	local host
	for host in "${hosts[@]}"; do
		same 'nginx-test-1 at 10.233.49.254 answers' "$(page_of "$host" 10.233.49.254)" || return
		same 'nginx-test-2 at 10.233.61.129 answers' "$(page_of "$host" 10.233.61.129)" || return
	done
	same 'nginx-test-1 at 10.233.49.254 answers' "$(get http://10.233.49.254/)"
}

ports_are() { # HOST CONTAINER WANTED
	same "$3" "$(lab docker "$1" inspect -f '{{json .NetworkSettings.Ports}}' "$2")"
}

endpoint_id() { # HOST CONTAINER
	lab docker "$1" inspect -f '{{.NetworkSettings.Networks.calico.EndpointID}}' "$2"
}

endpoint_key() { # HOST ENDPOINT
	echo "$etcd/v2/keys/calico/v1/host/$1/workload/libnetwork/libnetwork/endpoint/$2"
}

ingress_has_labels() {
	local id
	id=$(endpoint_id "$one" calico-nginx1-consul-template)
	get "$(endpoint_key "$one" "$id")" | tee /dev/stderr |
		grep -cF '\"ipv4_nets\":[\"10.233.49.100/32\"],\"ipv6_nets\":[],\"labels\":{\"role\":\"nginx\"}'
}

network_is_global() {
	same global "$(lab docker "$two" network inspect -f '{{.Scope}}' calico)" &&
		lab docker "$two" network inspect calico |
		grep -c "\"ep-$(endpoint_id "$one" nginx-test-1)\""
}

conflict='IpamDriver.RequestAddress: IP assignment error, data: {IP:10.233.49.10 HandleID:<nil> Attrs:map[] Hostname:W708-ATMQZLPR-1}: Address already assigned in block'

fixed_a_cannot_start() {
	same "$conflict" "$(lab docker "$one" inspect -f '{{.State.Error}}' fixed-a)" &&
		lab docker "$one" start fixed-a 2>&1 | grep -F "$conflict" >"$scratch/conflict" ||
		[ -s "$scratch/conflict" ] &&
		same created "$(lab docker "$one" inspect -f '{{.State.Status}}' fixed-a)"
}

slot() { # BLOCK-KEY ORDINAL (from 0)
	get "$etcd/v2/keys/calico/ipam/v2/assignment/ipv4/block/$1" |
		sed 's/.*\\"allocations\\":\[\([^]]*\)\].*/\1/' | cut -d , -f "$(($2 + 1))"
}

two_endpoints_are_stale() {
	local endpoints
	endpoints=$(get "$(endpoint_key "$one" '')?recursive=true")
	grep -cF '\"10.233.49.10/32\"' <<<"$endpoints" &&
		grep -cF '\"10.233.49.11/32\"' <<<"$endpoints" &&
		same 0 "$(slot 10.233.49.0-26 10)" && same 0 "$(slot 10.233.49.0-26 11)" &&
		same null "$(slot 10.233.49.0-26 12)" &&
		same '' "$(lab docker "$one" ps -q --filter name=fixed-a)$(lab docker "$one" ps -aq \
			--filter name=gone-b)"
}

removal_leaves_nothing() {
	local id
	lab docker "$two" run -d --name passing --network calico --ip 10.233.61.140 \
		--label org.projectcalico.label.role=app lab/web || return
	id=$(endpoint_id "$two" passing)
	same 0 "$(slot 10.233.61.128-26 12)" &&
		get --fail "$(endpoint_key "$two" "$id")" &&
		within 6 labelled "$two" "$id" &&
		lab docker "$two" rm -f passing || return
	same null "$(slot 10.233.61.128-26 12)" &&
		get "$(endpoint_key "$two" "$id")" | grep -c '"errorCode":100'
}

labelled() { get "$(endpoint_key "$1" "$2")" | grep -cF '\"labels\":{\"role\":\"app\"}'; }

plugin_call() { # HOST SOCKET CALL JSON
	get --fail --unix-socket "$lab/$1/run/docker/plugins/$2.sock" -d "$4" "http://plugin/$3"
}

# The address is what keeps a container from starting; the stale endpoint then stands beside the new.
released_address_lets_fixed_a_start() {
	plugin_call "$one" calico-ipam IpamDriver.ReleaseAddress \
		'{"PoolID":"10.233.0.0/16","Address":"10.233.49.10"}' &&
		lab docker "$one" start fixed-a &&
		same 2 "$(get "$(endpoint_key "$one" '')?recursive=true" |
			grep -oF '\"10.233.49.10/32\"' | wc -l)"
}

# Docker repeats each of its four calls for 15 seconds, then removes the container all the same.
removal_with_plugin_down_leaves_both() {
	local id started
	id=$(endpoint_id "$two" nginx-test-2)
	lab plugin stop "$two" || return
	started=$SECONDS
	lab docker "$two" rm -f nginx-test-2 || return
	[ $((SECONDS - started)) -ge 50 ] && lab plugin start "$two" &&
		get --fail "$(endpoint_key "$two" "$id")" && same 0 "$(slot 10.233.61.128-26 1)"
}

# The next start gives the address back, not the endpoint; both stand side by side then.
crash_of_docker_leaves_the_endpoint() {
	lab daemon kill "$two" && lab daemon start "$two" &&
		same exited "$(lab docker "$two" inspect -f '{{.State.Status}}' nginx-test-2)" &&
		same null "$(slot 10.233.61.128-26 1)" &&
		lab docker "$two" start nginx-test-2 && same 0 "$(slot 10.233.61.128-26 1)" &&
		same 2 "$(get "$(endpoint_key "$two" '')?recursive=true" |
			grep -oF '\"10.233.61.129/32\"' | wc -l)" &&
		within 5 grep_in 'nginx-test-2 at' get http://10.233.61.129/
}

address_of_itself() {
	local got
	lab docker "$two" run -d --name passing --network calico lab/web || return
	got=$(lab docker "$two" inspect -f '{{.NetworkSettings.Networks.calico.IPAddress}}' passing)
	lab docker "$two" rm -f passing
	grep -E '^10\.233\.61\.[0-9]+$' <<<"$got"
}

through_nginx_host() { # HOST-NAME
	get -H "Host: $1" http://172.29.150.202/
}

in_ingress() { lab docker "$one" exec calico-nginx1-consul-template "$@"; }

# What the users' template makes of nginx-test's two instances.
ingress_serves_a_rendered_file() {
	local file=$lab/$one/opt/platform/nginx-calico/conf/conf.d/app.conf status=0
	[ ! -e "$file" ] || { echo "# a rendered file is there: left alone" && return; }
	cat >"$file" <<'EOF'
upstream nginx-test {
	least_conn;
	server 10.233.49.254:80 max_fails=3;
	server 10.233.61.129:80 max_fails=3;
}
server {
	listen 80;
	server_name nginx.test.flyclock.cn;
	location / {
		proxy_pass http://nginx-test;
	}
}
EOF
	in_ingress nginx -t && in_ingress nginx -s reload &&
		within 5 grep_in 'nginx-test-. at 10.233' through_nginx_host nginx.test.flyclock.cn ||
		status=1
	rm -f "$file"
	in_ingress nginx -s reload
	within 5 grep_in 'no such host here' through_nginx_host nginx.test.flyclock.cn && return "$status"
}

grep_in() { # TEXT COMMAND...
	local text=$1
	shift
	"$@" | grep -c "$text"
}

ingress_outlives_its_nginx() {
	in_ingress sh -c 'kill -9 $(cat /run/nginx.pid)' &&
		within 5 nginx_is_dead &&
		same true "$(lab docker "$one" inspect -f '{{.State.Running}}' calico-nginx1-consul-template)" ||
		return
	in_ingress sh -c 'pkill -9 nginx; rm -f /run/nginx.pid'
	lab docker "$one" exec -d calico-nginx1-consul-template nginx &&
		within 5 grep_in 'no such host here' get http://10.233.49.100/
}

nginx_is_dead() { ! in_ingress sh -c 'kill -0 $(cat /run/nginx.pid)' 2>/dev/null; }

host_is_itself() {
	same "$two" "$(lab run "$two" hostname)" &&
		same "$lab/$two/binnacle.hcl" "$(lab run "$two" printenv BINNACLE_CONFIG)" &&
		lab run "$two" ip -4 -o addr show eth0 | grep -c 172.29.150.203 &&
		lab run "$one" getent hosts "$one" | grep -c 172.29.150.202
}

# Of what is new only containerd's directory is allowed, which has no option to be elsewhere.
machine_is_untouched() {
	local part new
	for part in rules files; do
		new=$(diff <(sed -n "/^$part:/,/^[a-z ]*:\$/p" "$scratch/before") \
			<(picture | sed -n "/^$part:/,/^[a-z ]*:\$/p" | grep -v '^/run/') |
			sed -n '/^> \/opt\/containerd$/d; /^>/p')
		[ -z "$new" ] || { echo "$new" && return 1; }
	done
}

check_running_lab() {
	check "every agent knows a leader's catalog of four nodes" consul_is_whole
	check "the agent listens where a container is told to look" consul_listens_where_the_container_looks
	check "containers reach each other, also across hosts" containers_reach_each_other
	check "hosts and this machine reach containers" hosts_reach_containers
	check "Docker reports no ports for a container on calico" ports_are "$one" nginx-test-1 '{}'
	check "Docker reports the published port" ports_are "$one" published \
		'{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"18080"},{"HostIp":"::","HostPort":"18080"}]}'
	check "the published port answers" grep_in 'published at 172.17' get http://172.29.150.202:18080/
	check "the ingress' endpoint has its labels in etcd" ingress_has_labels
	check "the network is global: the other Docker lists the endpoint" network_is_global
	check "fixed-a cannot start: its address is assigned" fixed_a_cannot_start
	check "two endpoints and their addresses stayed behind" two_endpoints_are_stale
	check "a container that goes in order leaves neither endpoint nor address" removal_leaves_nothing
	check "an address that nobody asked for comes out of the host's part" address_of_itself
	check "nginx-host passes *.flyclock.cn on to the ingress" \
		grep_in 'no such host here' through_nginx_host any.flyclock.cn
	check "the ingress serves what a template would render" ingress_serves_a_rendered_file
	check "the ingress container outlives its nginx, which starts anew" ingress_outlives_its_nginx
	check "a host has its own name, address and configuration" host_is_itself
}

# ---- coming and going --------------------------------------------------------------------------

killed_while_coming_up() { # AFTER-SECONDS
	local pid
	"$here/lab.sh" up &
	pid=$!
	sleep "$1"
	kill -KILL "$pid"
	wait "$pid"
	return 0
}

up_in_time() {
	local started=$SECONDS
	lab up && [ $((SECONDS - started)) -le 60 ]
}

small_works() {
	lab up --small &&
		same 'no such host here' "$(get http://127.0.0.1:18080/)" &&
		get --fail http://127.0.0.1:12379/v2/keys/calico/v1/Ready &&
		get --fail http://127.0.0.1:18500/v1/status/leader | grep :
}

if [ -e "$lab/ready" ]; then
	check_running_lab
else
	picture >"$scratch/before"
	check "the lab comes up within 60 seconds" up_in_time
	check_running_lab
	check "packet filter and files of the machine are as before" machine_is_untouched
	check "'up' again changes nothing" grep_in 'up already' sh -c "'$here/lab.sh' up 2>&1"
	check "an address that was given back lets fixed-a start" released_address_lets_fixed_a_start
	check "a crash of Docker leaves the endpoint, and the container starts again" \
		crash_of_docker_leaves_the_endpoint
	if [ "${1:-}" = --long ]; then
		check "removed while the plugin is down, a container leaves endpoint and address" \
			removal_with_plugin_down_leaves_both
	fi
	check "'down' ends well" lab down
	check "'down' leaves nothing" nothing_is_left
	check "'down' once more ends well" lab down
	for after in 0.3 1 2 3; do
		killed_while_coming_up "$after" >/dev/null 2>&1
		check "'down' after a kill in the middle of 'up' ($after s) ends well" lab down
		check "'down' after a kill in the middle of 'up' ($after s) leaves nothing" nothing_is_left
	done
	killed_while_coming_up 2 >/dev/null 2>&1
	check "'up' after a kill in the middle of 'up' works" up_in_time
	check "containers reach each other then, too" containers_reach_each_other
	lab plugin stop "$one"
	check "'down' with a plugin down does not wait for it" timeout 10 "$here/lab.sh" down
	check "and leaves nothing" nothing_is_left
	check "the small lab comes up and answers" small_works
	check "the small lab goes" lab down --small
	check "the small lab leaves nothing" nothing_is_left
fi
echo "1..$count"
[ "$failures" -eq 0 ]
