# full.sh - the users' four hosts, each in namespaces of its own
#
# A host is a process that only sleeps. It holds the host's network, host name and mount namespaces;
# everything that runs "on" the host enters them. Its mount namespace has its own /run, /etc/hosts,
# /etc/resolv.conf, /etc/docker and /etc/nginx, so nothing writes to the machine's.
#
# The bridge has a network namespace of its own, too. The machine's packet filter then has no say in
# the hosts' traffic, whatever a dockerd of the machine makes of it, and the lab needs no rule there.
# The machine is on the network as 172.29.150.254.
# shellcheck shell=bash

hosts=(W708-ATMQZLPR-1 W708-ATMQZLPR-2 W708-ATMQZLPR-3 w708-payyhuat-3)
docker_hosts=(W708-ATMQZLPR-1 W708-ATMQZLPR-2)
declare -A address=(
	[W708-ATMQZLPR-1]=172.29.150.202
	[W708-ATMQZLPR-2]=172.29.150.203
	[W708-ATMQZLPR-3]=172.29.150.204
	[w708-payyhuat-3]=172.29.150.199
)
# Each host's share of the pool: where its plugin takes new blocks from, and what is routed to it.
declare -A part=(
	[W708-ATMQZLPR-1]=10.233.49.0/24
	[W708-ATMQZLPR-2]=10.233.61.0/24
)
switch=binnacle-lab
machine_link=lab0
ingress=calico-nginx1-consul-template

docker_socket() { printf '%s\n' "$lab/$1/docker/docker.sock"; }

on_docker() { # HOST DOCKER-ARGS...
	local host=$1
	shift
	DOCKER_CONFIG=$lab/docker-client docker -H "unix://$(docker_socket "$host")" "$@"
}

# Runs a command on a host. exec'ed where it can be, so that a signal reaches the command itself.
enter() { # HOST COMMAND...
	local host=$1 pid
	shift
	pid=$(pid_of "host-$host") || die "host $host is not up"
	nsenter --target "$pid" --net --uts --mount -- "$@"
}

start_on() { # NAME HOST COMMAND...
	local name=$1 host=$2 pid
	shift 2
	pid=$(pid_of "host-$host") || die "host $host is not up"
	start_daemon "$name" nsenter --target "$pid" --net --uts --mount -- "$@"
}

# ---- network -----------------------------------------------------------------------------------

make_network() {
	local host last other
	# Seen before the first `ip netns add` makes it; `down` then takes it away again.
	[ -d /run/netns ] || touch "$lab/made-run-netns"
	! ip -4 route show to root 172.29.150.0/24 | grep -q . ||
		die "this machine already routes 172.29.150.0/24: the lab needs that network"
	ip netns add "$switch"
	{
		echo "link add $machine_link type veth peer name uplink netns $switch"
		echo "link set $machine_link up"
		echo "addr add 172.29.150.254/24 dev $machine_link"
	} | ip -batch -
	{
		echo "link set lo up"
		echo "link add lab type bridge forward_delay 0"
		echo "link set uplink master lab up"
		echo "addr add 172.29.150.1/24 dev lab"
		echo "link set lab up"
	} | ip -netns "$switch" -batch -
	for host in "${hosts[@]}"; do
		last=${address[$host]##*.}
		ip netns add "$host"
		{
			echo "link add h$last type veth peer name eth0 netns $host"
			echo "link set h$last master lab up"
		} | ip -netns "$switch" -batch -
		{
			echo "link set lo up"
			echo "link set eth0 up"
			echo "addr add ${address[$host]}/24 dev eth0"
			# Proxy ARP answers for the link-local gateway only if there is a route to it.
			echo "route add 169.254.1.1/32 dev eth0 scope link"
			for other in "${docker_hosts[@]}"; do
				[ "$other" = "$host" ] ||
					echo "route add ${part[$other]} via ${address[$other]}"
			done
		} | ip -netns "$host" -batch -
	done
	for host in "${docker_hosts[@]}"; do
		ip route add "${part[$host]}" via "${address[$host]}"
		ip -netns "$switch" route add "${part[$host]}" via "${address[$host]}"
	done
}

# Runs as the host's own process, inside its network, host name and mount namespaces.
become_host() { # HOST
	local host=$1 root=$lab/$1 other resolver
	hostname "$host"
	mkdir -p "$root"/run/{lock,docker/plugins} "$root"/etc/{docker,nginx} \
		"$root"/var/{log,lib}/nginx
	{
		echo '127.0.0.1 localhost'
		for other in "${hosts[@]}"; do echo "${address[$other]} $other"; done
	} >"$root/etc/hosts"
	# Nobody answers there: a name that is not in /etc/hosts fails at once.
	echo 'nameserver 172.29.150.1' >"$root/etc/resolv.conf"
	mount -n --bind "$root/etc/hosts" /etc/hosts
	resolver=$(readlink -f /etc/resolv.conf)
	case $resolver in
	/run/*) # below the /run that is about to be covered
		mkdir -p "$root${resolver%/*}"
		cp "$root/etc/resolv.conf" "$root$resolver"
		;;
	*) mount -n --bind "$root/etc/resolv.conf" "$resolver" ;;
	esac
	mount_over "$root/etc/docker" /etc/docker
	mount_over "$root/etc/nginx" /etc/nginx
	mount_over "$root/var/log/nginx" /var/log/nginx
	mount_over "$root/var/lib/nginx" /var/lib/nginx
	if ! mountpoint -q /sys/fs/cgroup; then
		mount -n -t cgroup2 none /sys/fs/cgroup ||
			echo "no cgroups are mounted and cgroup2 cannot be: Docker will not start"
	fi
	case $lab in
	/run/*)
		mkdir -p "$root/run/${lab#/run/}"
		mount -n --bind "$lab" "$root/run/${lab#/run/}"
		;;
	esac
	mount -n --rbind "$root/run" /run
	touch "$root/up"
	exec -a "binnacle-lab host $host" sleep infinity
}

mount_over() { # SOURCE TARGET
	[ ! -d "$2" ] || mount -n --bind "$1" "$2"
}

start_hosts() {
	local host
	for host in "${hosts[@]}"; do
		mkdir -p "$lab/$host"
		start_daemon "host-$host" nsenter "--net=/run/netns/$host" \
			unshare --mount --uts --propagation private -- \
			env "BINNACLE_LAB_DIR=$lab" bash "$lab_source/lab.sh" _host "$host"
	done
	for host in "${hosts[@]}"; do
		wait_until 5 test -e "$lab/$host/up" ||
			die "host $host does not come up: see $lab/log/host-$host"
	done
}

# ---- services ----------------------------------------------------------------------------------

start_etcd() {
	mkdir -p "$lab/etcd"
	chmod 700 "$lab/etcd"
	start_daemon etcd nsenter "--net=/run/netns/$switch" env ETCD_UNSUPPORTED_ARCH="$(uname -m |
		sed 's/aarch64/arm64/')" etcd --name lab --data-dir "$lab/etcd" --enable-v2 \
		--listen-client-urls http://172.29.150.1:2379,http://127.0.0.1:2379 \
		--advertise-client-urls "$etcd_url" --listen-peer-urls http://127.0.0.1:2380 \
		--initial-advertise-peer-urls http://127.0.0.1:2380 \
		--initial-cluster lab=http://127.0.0.1:2380 --logger zap --log-level warn
}

# The users' server.json and client.json; lab.json holds only what a lab needs beside them.
write_consul_config() { # HOST
	local host=$1 client=127.0.0.1 server=true expect=3 name=server
	case $host in
	W708-ATMQZLPR-1 | W708-ATMQZLPR-2) client="127.0.0.1 ${address[$host]}" ;;
	w708-payyhuat-3) server=false expect=0 name=client ;;
	esac
	write_file "$lab/$host/consul.d/$name.json" <<EOF
{
  "datacenter": "quark-consul",
  "data_dir": "$lab/$host/consul",
  "server": $server,
  "ui": $server,
  "bind_addr": "${address[$host]}",
  "client_addr": "$client",
  "bootstrap_expect": $expect,
  "retry_join": ["172.29.150.202", "172.29.150.203", "172.29.150.204"],
  "retry_interval": "3s",
  "rejoin_after_leave": true,
  "skip_leave_on_interrupt": true
}
EOF
	# No call to the maker's update service, and elections at the speed of one machine.
	write_file "$lab/$host/consul.d/lab.json" <<EOF
{
  "disable_update_check": true,
  "performance": { "raft_multiplier": 1 }
}
EOF
}

start_consul() {
	local host consul
	consul=$(find_consul)
	for host in "${hosts[@]}"; do
		write_consul_config "$host"
		start_on "consul-$host" "$host" env -u CONSUL_HTTP_ADDR "$consul" agent \
			-config-dir "$lab/$host/consul.d"
	done
}

consul_is_whole() {
	local host
	for host in "${hosts[@]}"; do
		enter "$host" curl --noproxy '*' -sf http://127.0.0.1:8500/v1/status/leader |
			grep -q : || return 1
	done
	[ "$(enter w708-payyhuat-3 curl --noproxy '*' -sf http://127.0.0.1:8500/v1/catalog/nodes |
		grep -o '"Node":' | wc -l)" -eq 4 ]
}

start_plugin() { # HOST [ETCD-URL]
	local host=$1 url=${2:-$etcd_url}
	start_on "plugin-$host" "$host" "$plugin" --node="$host" --address="${address[$host]}" \
		--etcd="$url" --docker="$(docker_socket "$host")" --sockets=/run/docker/plugins \
		--part="${part[$host]}"
	wait_until 5 plugin_answers "$host" || die "no plugin on $host: see $lab/log/plugin-$host"
}

plugin_answers() { # HOST
	http_get -X POST --unix-socket "$lab/$1/run/docker/plugins/calico-ipam.sock" \
		http://plugin/Plugin.Activate
}

stop_plugin() { # HOST
	kill_recorded KILL "plugin-$1"
	wait_gone 5 "plugin-$1"
}

start_docker() { # HOST
	local host=$1 root=$lab/$1/docker
	mkdir -p "$root/tmp"
	echo '{}' >"$root/daemon.json"
	# containerd writes its stacks there when it is in trouble.
	start_on "docker-$host" "$host" env "PATH=$lab/bin:$PATH" "TMPDIR=$root/tmp" dockerd \
		--config-file "$root/daemon.json" --data-root "$root/data" \
		--exec-root "$root/exec" --pidfile "$root/docker.pid" \
		-H "unix://$root/docker.sock" --bip 172.17.0.1/16 --dns 172.29.150.1 \
		--cgroup-parent "/$switch/$host" --exec-opt native.cgroupdriver=cgroupfs \
		--cluster-store "etcd://172.29.150.1:2379" \
		--cluster-advertise "${address[$host]}:2376" --shutdown-timeout 5
}

# As when the machine goes down: Docker and all its containers at once, and nobody cleans up.
kill_docker() { # HOST
	local host=$1 pid dir
	kill_recorded KILL "docker-$host"
	for pid in $(processes_in_namespace "/run/netns/$host"); do
		if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$lab/$host/docker/exec/"; then
			kill -KILL "$pid" || true
		fi
	done 2>/dev/null
	for dir in $(lab_cgroups); do
		find "$dir/$host" -name cgroup.procs -exec cat {} + 2>/dev/null || true
	done | sort -u | while read -r pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	wait_gone 5 "docker-$host"
	# A reboot would have emptied /run. A process that its parent has not collected yet still counts
	# as running for the next daemon.
	rm -f "$lab/$host/docker/docker.pid" "$lab/$host/docker/exec/containerd/containerd.pid"
}

# iptables of the kind that this kernel has; dockerd finds the same one first.
choose_iptables() {
	mkdir -p "$lab/bin"
	ip netns exec "$switch" iptables -t nat -S >/dev/null 2>&1 && return
	command -v iptables-legacy >/dev/null &&
		ip netns exec "$switch" iptables-legacy -t nat -S >/dev/null 2>&1 ||
		die "neither iptables nor iptables-legacy works here: the kernel lacks their modules"
	ln -s "$(command -v iptables-legacy)" "$lab/bin/iptables"
}

# Docker drops what it did not ask for. Calico's own agent puts such rules in front of Docker's.
open_forwarding() { # HOST
	local host=$1
	enter "$host" env "PATH=$lab/bin:$PATH" sh -e -c '
		iptables -w -I DOCKER-USER -s 10.233.0.0/16 -d 10.233.0.0/16 -j ACCEPT
		iptables -w -I DOCKER-USER -s 172.29.150.0/24 -j ACCEPT
		iptables -w -I DOCKER-USER -s 10.233.0.0/16 -d 172.29.150.0/24 -j ACCEPT
		iptables -w -t nat -I POSTROUTING -s 10.233.0.0/16 -d 10.233.0.0/16 -j RETURN'
}

wait_for_docker() { # HOST
	wait_until 30 on_docker "$1" version && return
	tail -n 5 "$lab/log/docker-$1" >&2
	say "dockerd on $1 does not answer"
	return 1
}

bring_up_docker() { # HOST
	local host=$1
	wait_for_docker "$host"
	DOCKER_CONFIG=$lab/docker-client import_images "$(docker_socket "$host")"
	open_forwarding "$host"
}

make_docker_network() {
	# The cluster store may need a moment after the API is there.
	wait_until 10 on_docker W708-ATMQZLPR-1 network create --driver calico \
		--ipam-driver calico-ipam --subnet 10.233.0.0/16 calico || {
		on_docker W708-ATMQZLPR-1 network create --driver calico --ipam-driver calico-ipam \
			--subnet 10.233.0.0/16 calico
		return 1
	}
	wait_until 10 on_docker W708-ATMQZLPR-2 network inspect calico
}

start_nginx_host() {
	local host=W708-ATMQZLPR-1
	host_nginx_conf >"$lab/$host/etc/nginx/nginx.conf"
	mkdir -p "$lab/$host/etc/nginx/conf.d"
	enter "$host" nginx 9>&-
}

# ---- containers --------------------------------------------------------------------------------

run_container() { # HOST NAME ARGS...
	local host=$1 name=$2
	shift 2
	on_docker "$host" run -d --name "$name" --hostname "$name" "$@"
}

endpoint_is_labelled() { # HOST ADDRESS
	http_get "$etcd_url/v2/keys/calico/v1/host/$1/workload/libnetwork/libnetwork/endpoint?recursive=true" |
		tr '}' '\n' | grep "\\\\\"$2/32\\\\\"" | grep -q labels
}

# Two containers go while their plugin cannot reach etcd. Docker gives up on the plugin, and
# endpoint and address stay behind. Both are given back their names at the end: fixed-a's new
# container waits for the address, the other one's address is leaked with nobody waiting.
have_accidents() {
	local host=W708-ATMQZLPR-1 pid
	run_container "$host" fixed-a --network calico --ip 10.233.49.10 \
		--label org.projectcalico.label.role=app lab/web &
	pid=$!
	run_container "$host" gone-b --network calico --ip 10.233.49.11 \
		--label org.projectcalico.label.role=app lab/web
	wait "$pid"
	wait_until 6 endpoint_is_labelled "$host" 10.233.49.10
	wait_until 6 endpoint_is_labelled "$host" 10.233.49.11
	stop_plugin "$host"
	start_plugin "$host" http://172.29.150.1:1
	on_docker "$host" rm -f fixed-a gone-b
	stop_plugin "$host"
	start_plugin "$host"
}

# Ends with Docker's "Address already assigned in block", which is what it is for.
start_hopeless() {
	if run_container W708-ATMQZLPR-1 fixed-a --network calico --ip 10.233.49.10 \
		-e SERVICE_TAGS=calico -e SERVICE_NAME=fixed-a lab/web; then
		echo "fixed-a started: the accident left its address free"
		return 1
	fi
}

start_ingress() {
	local platform=$lab/W708-ATMQZLPR-1/opt/platform/nginx-calico
	run_container W708-ATMQZLPR-1 "$ingress" --network calico --ip 10.233.49.100 \
		--label org.projectcalico.label.role=nginx \
		-v "$platform/conf:/etc/nginx" lab/nginx
}

start_web_containers() {
	local host=W708-ATMQZLPR-1
	start_worker ingress start_ingress
	start_worker nginx-test-1 run_container "$host" nginx-test-1 --network calico \
		--ip 10.233.49.254 -e SERVICE_NAME=nginx-test -e SERVICE_TAGS=calico lab/web
	# The users' mistake: SERVICE_TAG makes an attribute, not a tag.
	start_worker forgotten run_container "$host" forgotten --network calico \
		-e SERVICE_NAME=forgotten -e SERVICE_TAG=calico lab/web
	start_worker fixed-a start_hopeless
	join_workers ingress nginx-test-1 forgotten fixed-a
}

# ---- configuration -----------------------------------------------------------------------------

write_host_config() { # HOST
	local host=$1 platform=$lab/$1/opt/platform/nginx-calico other
	{
		printf 'consul {\n  address = "127.0.0.1:8500"\n}\n\n'
		for other in "${docker_hosts[@]}"; do
			printf 'docker "%s" {\n  host = "unix://%s"\n}\n\n' "$other" \
				"$(docker_socket "$other")"
		done
		printf 'calico {\n  datastore = "etcdv2"\n  grace     = "5s"\n  endpoints = ["%s"]\n}\n' "$etcd_url"
		if [ "$host" = W708-ATMQZLPR-1 ]; then
			cat <<EOF

nginx "ingress" {
  container = "$ingress"
  conf      = "$platform/conf"
}

nginx "host" {
  conf = "/etc/nginx"
}

template {
  source      = "$platform/ctmpl/ctmpl"
  destination = "$platform/conf/conf.d/app.conf"
  nginx       = "ingress"
}
EOF
		fi
		case $host in
		W708-ATMQZLPR-1 | W708-ATMQZLPR-2)
			cat <<EOF

register {
  registry = "consul://127.0.0.1:8500"
  mode     = "hold"
}
EOF
			;;
		esac
	} | write_file "$lab/$host/binnacle.hcl"
}

write_configs() {
	local host platform=$lab/W708-ATMQZLPR-1/opt/platform/nginx-calico
	for host in "${hosts[@]}"; do
		write_host_config "$host"
		mkdir -p "$lab/$host/state" "$lab/$host/runtime"
		chmod 700 "$lab/$host/state" "$lab/$host/runtime"
	done
	mkdir -p "$platform/conf/conf.d"
	users_template | write_file "$platform/ctmpl/ctmpl"
	ingress_nginx_conf 'user www-data;' /run/nginx.pid /var/log/nginx 80 |
		write_file "$platform/conf/nginx.conf"
}

# ---- verbs -------------------------------------------------------------------------------------

build_plugin() {
	[ -n "${BINNACLE_LAB_PLUGIN:-}" ] || make -s -C "$project" build/calico-plugin >&2
}

full_check_machine() {
	[ "$(id -u)" = 0 ] || die "the full lab needs root; 'up --small' does not"
	need_tools dockerd docker etcd nginx busybox ip iptables nsenter unshare curl hostname
	find_consul >/dev/null || die "no consul on the PATH nor in $cache. Run '$0 deps' first."
	[ -f /usr/bin/containerd ] || [ -n "$(command -v containerd)" ] ||
		die "no containerd: dockerd cannot start containers"
	[ -e /proc/self/ns/net ] && [ -e /proc/self/ns/uts ] ||
		die "this kernel has no network or host name namespaces"
}

# The names and addresses are the users', so there is one full lab at a time. Prints the directory
# of another one.
other_lab() {
	local pid
	for pid in $(processes_in_namespace "/run/netns/$switch"); do
		{ tr '\0' '\n' <"/proc/$pid/cmdline" | awk -v own="$lab/etcd" 'after == "--data-dir" && $0 != own { print } { after = $0 }'; } 2>/dev/null || true
	done | sed -n '1s|/etcd$||p'
}

refuse_other_lab() {
	local other
	other=$(other_lab)
	[ -z "$other" ] || die "the lab that runs is that of $other: set BINNACLE_LAB_DIR to it"
}

full_up() {
	local host
	start_worker images build_images
	# containerd makes it when it starts; `down` then takes it away again.
	[ -d /opt/containerd ] || touch "$lab/made-opt-containerd"
	make_network
	choose_iptables
	start_hosts
	start_etcd
	start_consul
	write_configs
	start_worker nginx-host start_nginx_host
	wait_until 15 http_get "$etcd_url/health" || die "etcd does not answer: see $lab/log/etcd"
	etcd_put /calico/v1/policy/tier/default/policy/allow-tcp-80 "$allow_tcp_80"
	for host in "${docker_hosts[@]}"; do
		start_plugin "$host"
		start_docker "$host"
	done
	join_workers images nginx-host
	build_images # only sets the directory's name now
	for host in "${docker_hosts[@]}"; do
		start_worker "docker-$host" bring_up_docker "$host"
	done
	join_workers "${docker_hosts[@]/#/docker-}"
	make_docker_network
	start_worker nginx-test-2 run_container W708-ATMQZLPR-2 nginx-test-2 --network calico \
		--ip 10.233.61.129 -e SERVICE_NAME=nginx-test -e SERVICE_TAGS=calico lab/web
	start_worker published run_container W708-ATMQZLPR-1 published -p 18080:80 lab/web
	start_worker accidents have_accidents
	join_workers accidents
	start_web_containers
	join_workers nginx-test-2 published
	wait_until 30 consul_is_whole || die "consul has no leader or not all four nodes: see $lab/log"
	full_env >"$lab/env"
}

full_env() {
	cat <<EOF
LAB_DIR=$lab
LAB_SIZE=full
LAB_ETCD=$etcd_url
LAB_HOST_1=${hosts[0]}
LAB_HOST_2=${hosts[1]}
LAB_HOST_3=${hosts[2]}
LAB_HOST_4=${hosts[3]}
LAB_DOCKER_1=unix://$(docker_socket W708-ATMQZLPR-1)
LAB_DOCKER_2=unix://$(docker_socket W708-ATMQZLPR-2)
LAB_CONSUL_1=http://172.29.150.202:8500
LAB_CONSUL_2=http://172.29.150.203:8500
LAB_CONFIG_1=$lab/${hosts[0]}/binnacle.hcl
LAB_CONFIG_2=$lab/${hosts[1]}/binnacle.hcl
LAB_TEMPLATE=$lab/W708-ATMQZLPR-1/opt/platform/nginx-calico/ctmpl/ctmpl
LAB_INGRESS_CONF=$lab/W708-ATMQZLPR-1/opt/platform/nginx-calico/conf
LAB_INGRESS=10.233.49.100
EOF
}

# Pids of every process inside a network namespace, given by its file.
processes_in_namespace() { # FILE
	local inode
	inode=$(stat -L -c %i "$1" 2>/dev/null) || return 0
	find /proc -mindepth 3 -maxdepth 3 -path '/proc/[0-9]*/ns/net' -lname "net:\[$inode\]" \
		2>/dev/null | cut -d / -f 3 || true
}

lab_cgroups() {
	find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name "$switch" 2>/dev/null
}

kill_cgroups() {
	local dir pids
	for dir in $(lab_cgroups); do
		pids=$(find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null)
		# shellcheck disable=SC2086 # a list of pids
		[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	done
	return 0
}

cgroups_are_empty() {
	local dir
	for dir in $(lab_cgroups); do
		[ -z "$(find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null)" ] || return 1
	done
}

remove_cgroups() {
	local dir
	for dir in $(lab_cgroups); do
		find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	[ -z "$(lab_cgroups)" ]
}

kill_namespaces() {
	local name pids
	for name in "$switch" "${hosts[@]}"; do
		[ -e "/run/netns/$name" ] || continue
		pids=$(processes_in_namespace "/run/netns/$name")
		# shellcheck disable=SC2086 # a list of pids
		[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	done
	return 0
}

namespaces_are_empty() {
	local name
	for name in "$switch" "${hosts[@]}"; do
		[ ! -e "/run/netns/$name" ] ||
			[ -z "$(processes_in_namespace "/run/netns/$name")" ] || return 1
	done
}

# Does not ask what is there: each step removes what it finds, whatever state an earlier `up` or
# `down` stopped in. Docker goes first, so that it does not clean up behind the containers, which
# would take a minute wherever the plugin is down; then the containers, while their own keepers
# still collect them; then all that is left in the hosts' namespaces.
full_down() {
	local name
	[ "$(id -u)" = 0 ] || die "the full lab needs root"
	kill_workers
	kill_recorded KILL "${docker_hosts[@]/#/docker-}"
	wait_gone 5 "${docker_hosts[@]/#/docker-}"
	kill_cgroups
	wait_until 5 cgroups_are_empty || say "processes of containers do not end"
	kill_namespaces
	for name in "$lab"/pids/*; do
		[ "${name##*/}" = up ] || kill_recorded KILL "${name##*/}"
	done
	wait_until 5 namespaces_are_empty || say "processes of the hosts do not end"
	wait_until 5 remove_cgroups || say "control groups stay: $(lab_cgroups | tr '\n' ' ')"
	for name in "${hosts[@]}" "$switch"; do
		[ ! -e "/run/netns/$name" ] || ip netns delete "$name"
	done
	[ ! -e "/sys/class/net/$machine_link" ] || ip link delete "$machine_link" 2>/dev/null || true
	wait_until 5 test ! -e "/sys/class/net/$machine_link" || say "the link $machine_link stays"
	if [ -e "$lab/made-run-netns" ] && rmdir_netns; then
		rm -f "$lab/made-run-netns"
	fi
	if [ -e "$lab/made-opt-containerd" ] && [ -d /opt/containerd ]; then
		find /opt/containerd -depth -type d -exec rmdir {} + 2>/dev/null
	fi
	wait_until 5 rm -rf "$lab" || say "files stay in $lab"
}

# `ip netns` mounts its directory over itself, once.
rmdir_netns() {
	[ -d /run/netns ] || return 0
	[ -z "$(ls -A /run/netns)" ] || return 1
	umount -n /run/netns 2>/dev/null || true
	rmdir /run/netns
}

full_status() {
	local host name
	for host in "${hosts[@]}"; do
		printf '%-16s %-15s' "$host" "${address[$host]}"
		for name in host consul docker plugin; do
			[ -e "$lab/pids/$name-$host" ] || continue
			if pid_of "$name-$host" >/dev/null; then
				printf ' %s' "$name"
			else
				printf ' %s(DOWN)' "$name"
			fi
		done
		printf '\n'
	done
	pid_of etcd >/dev/null && echo "etcd             $etcd_url"
	for host in "${docker_hosts[@]}"; do
		on_docker "$host" ps -a --format "  $host {{.Names}}: {{.Status}}" 2>/dev/null || true
	done
}

run_on_host() { # HOST COMMAND...
	local host=$1 pid
	shift
	[ -n "${address[$host]:-}" ] || die "no host $host; there are: ${hosts[*]}"
	pid=$(pid_of "host-$host") || die "host $host is not up"
	exec nsenter --target "$pid" --net --uts --mount --wdns="$PWD" -- \
		env "HOSTNAME=$host" "BINNACLE_CONFIG=$lab/$host/binnacle.hcl" \
		"XDG_STATE_HOME=$lab/$host/state" "XDG_RUNTIME_DIR=$lab/$host/runtime" \
		"LC_ALL=$operators_locale" "$@"
}
