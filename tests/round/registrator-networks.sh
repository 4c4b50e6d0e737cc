#!/bin/bash
# registrator-networks.sh - the stand-in for Registrator and every way to run a container, on a real
# daemon with networks, read back from a real agent, etcd's two APIs and SkyDNS' layout; and all of
# them with TLS. On a Docker, a Consul and an etcd of its own. Needs root and no lab. Prints TAP.
#
# The daemon has a network namespace of its own, so that its bridges are nobody else's; the
# stand-in has a host name of its own, which its hosts file says is 192.0.2.1.
set -uo pipefail
export LC_ALL=C
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binnacle=${BINNACLE:-$project/build/binnacle}
scratch=$(mktemp -d)
dir=$scratch/world
tls=$scratch/tls
count=0
failures=0
pids=

world() { bash "$project/tests/support/world.sh" "$@"; }

finish_up() {
	[ -z "$pids" ] || kill $pids
	world down "$dir"
	[ -z "$pids" ] || wait $pids
	rm -rf "$scratch"
} 2>/dev/null
trap finish_up EXIT
trap 'exit 130' INT TERM

check() { # NAME COMMAND...
	local name=$1
	shift
	count=$((count + 1))
	[ ! -e "$scratch/output" ] || mv "$scratch/output" "$scratch/before"
	if "$@" >"$scratch/output" 2>&1; then
		echo "ok $count - $name"
	else
		failures=$((failures + 1))
		echo "not ok $count - $name"
		tail -n 12 "$scratch/output" | sed 's/^/# /'
	fi
}

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

boxes() { DOCKER_CONFIG=$scratch/client timeout 60 docker "$@"; }
run() { # NAME OPTIONS...
	local name=$1
	shift
	boxes run -d --name "$name" "$@" tiny >>"$scratch/run" 2>&1 || {
		echo "# $name does not run: $(tail -n 1 "$scratch/run")"
		return 1
	}
}

# As on a host h1.
printf '127.0.0.1 localhost\n192.0.2.1 h1\n' >"$scratch/hosts"
cat >"$scratch/h1" <<'EOF'
#!/bin/sh
exec unshare --uts --mount sh -c 'hostname h1 && mount --bind "$0" /etc/hosts && exec "$@"' \
	"$(dirname "$0")/hosts" "$@"
EOF
chmod +x "$scratch/h1"
as() { "$scratch/h1" timeout 60 "$binnacle" --as registrator "$@"; }

# ---- reading back ----

fetch() { curl -fsS --max-time 5 "$@"; }
service() { fetch "http://$CONSUL_HTTP_ADDR/v1/agent/service/$1" | tr -d '\n\t' | sed 's/": /":/g'; }
place() { # ID: address:port
	local text
	text=$(service "$1") || return 1
	echo "$(grep -o '"Address":"[^"]*"' <<<"$text" | head -n 1 | cut -d'"' -f4):$(
		grep -o '"Port":[0-9]*' <<<"$text" | head -n 1 | cut -d: -f2)"
}
is_at() { # CONTAINER WANT: address:port, "ignored", and IP for the container's own address
	local want=$2 ip
	ip=$(boxes inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1")
	want=${want/IP/$ip}
	[ "$want" = ignored ] || {
		echo "$(place "h1:$1:80"), expected $want"
		[ "$(place "h1:$1:80")" = "$want" ]
		return
	}
	! place "h1:$1:80" 2>/dev/null
}
empty_agent() {
	local id
	for id in $(fetch "http://$CONSUL_HTTP_ADDR/v1/agent/services" | grep -o '"ID":"[^"]*"' |
		cut -d'"' -f4); do
		fetch -X PUT "http://$CONSUL_HTTP_ADDR/v1/agent/service/deregister/$id"
	done
}
contains() { # TEXT FILE
	grep -qF -- "$1" "$2" || { cat "$2" && return 1; }
}

free_ports() { # COUNT: between the ports that others use
	local port=$((30000 + RANDOM % 2000)) found=()
	while [ ${#found[@]} -lt "$1" ]; do
		port=$((port + 1))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || found+=("$port")
	done
	echo "${found[@]}"
}

# ---- the servers ----

make_certificates() {
	mkdir "$tls" && cd "$tls" || return 1
	local name
	for name in ca other-ca; do
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name" \
			-keyout "$name.key" -out "$name.pem" 2>/dev/null || return 1
	done
	printf 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:server.dc1.consul\n' >ext
	printf 'extendedKeyUsage=serverAuth,clientAuth\n' >>ext
	for name in server client; do
		openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$name.key" \
			-out "$name.csr" 2>/dev/null &&
			openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial \
				-days 2 -extfile ext -out "$name.pem" 2>/dev/null || return 1
	done
	# What Docker's clients look for.
	mkdir docker && cp ca.pem docker/ca.pem && cp client.pem docker/cert.pem &&
		cp client.key docker/key.pem
	mkdir docker-other && cp docker/cert.pem docker/key.pem docker-other &&
		cp other-ca.pem docker-other/ca.pem
	cd - >/dev/null || return 1
}

serve() { # NAME COMMAND...
	local name=$1
	shift
	setsid "$@" >"$scratch/$name.log" 2>&1 </dev/null &
	pids="$pids $!"
}

start_etcd() { # NAME CLIENT-URL PEER-PORT ARGS...
	local name=$1 url=$2 peer=http://127.0.0.1:$3
	shift 3
	serve "$name" etcd --name "$name" --data-dir "$scratch/$name.data" --enable-v2=true \
		--listen-client-urls "$url" --advertise-client-urls "$url" \
		--listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
		--initial-cluster "$name=$peer" "$@"
}

cat >"$scratch/dockerd" <<'EOF'
#!/bin/sh
exec unshare --net sh -c 'ip link set lo up && exec dockerd "$@"' dockerd "$@"
EOF
chmod +x "$scratch/dockerd"
if ! make_certificates; then
	echo "not ok 1 - certificates are made"
	exit 1
fi
settings=$(WORLD_DOCKERD=$scratch/dockerd WORLD_NETWORK="--bip 172.31.77.1/24 --userland-proxy=false \
	-H tcp://127.0.0.1:2376 --tlsverify --tlscacert $tls/ca.pem --tlscert $tls/server.pem \
	--tlskey $tls/server.key" world up "$dir") || {
	echo "not ok 1 - a Docker with networks and a Consul of our own start"
	exit 1
}
eval "$settings"
export DOCKER_HOST CONSUL_HTTP_ADDR
read -r etcd_port etcd_peer etcds_port etcds_peer consul_port c2 c3 c4 c5 <<<"$(free_ports 9)"
start_etcd plain "http://127.0.0.1:$etcd_port" "$etcd_peer"
start_etcd secure "https://127.0.0.1:$etcds_port" "$etcds_peer" --cert-file "$tls/server.pem" \
	--key-file "$tls/server.key" --trusted-ca-file "$tls/ca.pem" --client-cert-auth
serve consul-tls env PATH="$PATH:/var/cache/binnacle-lab/consul/usr/bin" consul agent -server \
	-bootstrap-expect 1 -node secure -bind 127.0.0.1 -data-dir "$scratch/consul-tls" -dns-port -1 \
	-server-port "$c2" -serf-lan-port "$c3" -serf-wan-port "$c4" \
	-hcl "ports { http = $c5 https = $consul_port grpc = -1 } verify_incoming = true
		ca_file = \"$tls/ca.pem\" cert_file = \"$tls/server.pem\" key_file = \"$tls/server.key\"
		performance { raft_multiplier = 1 }"

# ---- every way to run a container ----

boxes network create app >/dev/null
app_id=$(boxes network inspect -f '{{.Id}}' app)
drivers=()
for driver in macvlan ipvlan; do
	boxes network create -d $driver --subnet "172.31.$((80 + ${#drivers[@]})).0/24" "$driver" \
		>/dev/null 2>&1 && drivers+=("$driver")
done
run exposed
run published -p 8080:80
run bound -p 127.0.0.1:8081:80
run twice -p 18081:80 -p 18080:80
run hostnet --net host
run nonet --net none
run usernet --net app
run userpub --net app -p 8082:80
run byid --net "$app_id" -p 8083:80
run shared --net container:exposed
run shareduser --net container:usernet
for driver in "${drivers[@]}"; do
	run "$driver" --net "$driver"
done

table() { # FLAGS / CONTAINER WANT ...
	local flags=()
	while [ "$1" != / ]; do
		flags+=("$1")
		shift
	done
	shift
	empty_agent
	check "${flags[*]:-without flags}: all is registered" as "${flags[@]}" -once consul:
	cp "$scratch/output" "$scratch/log"
	while [ $# -gt 0 ]; do
		check "${flags[*]:-without flags}: $1 is at $2" is_at "$1" "$2"
		shift 2
	done
}
own() { # WANT: for the networks whose drivers tell no ports
	local driver
	for driver in "${drivers[@]}"; do
		echo "$driver $1"
	done
}
shared_ip=$(boxes inspect -f '{{.NetworkSettings.IPAddress}}' exposed)
user_ip=$(boxes inspect -f '{{.NetworkSettings.Networks.app.IPAddress}}' usernet)

# shellcheck disable=SC2046
table / exposed ignored published 192.0.2.1:8080 bound 127.0.0.1:8081 twice 192.0.2.1:18080 \
	hostnet 192.0.2.1:80 nonet :80 usernet ignored userpub IP:8082 byid IP:8083 \
	shared "$shared_ip:80" shareduser "$user_ip:80" $(own IP:80)
exposed_id=$(boxes inspect -f '{{.Id}}' exposed | cut -c1-12)
check "what is ignored is logged" contains \
	"ignored: $exposed_id port 80 not published on host" "$scratch/log"
# shellcheck disable=SC2046
table -internal / exposed IP:80 published IP:80 bound IP:80 twice IP:80 hostnet :80 nonet :80 \
	usernet IP:80 userpub IP:80 byid IP:80 shared "$shared_ip:80" shareduser "$user_ip:80" \
	$(own IP:80)
# shellcheck disable=SC2046
table -ip 203.0.113.9 / exposed ignored published 203.0.113.9:8080 bound 203.0.113.9:8081 \
	hostnet 203.0.113.9:80 nonet 203.0.113.9:80 usernet ignored userpub 203.0.113.9:8082 \
	shared "$shared_ip:80" $(own 203.0.113.9:80)
table -internal-networks 'ap*' / exposed ignored published 192.0.2.1:8080 usernet IP:80 userpub IP:80
table -host-networks app / published 192.0.2.1:8080 userpub 192.0.2.1:8082 usernet ignored

# shellcheck disable=SC2046
boxes rm -f $(boxes ps -aq) >/dev/null

# ---- metadata, as the agent takes it ----

boxes run -d --name meta -p 8080:80 -p 53:53/udp -e SERVICE_NAME=front -e 'SERVICE_TAGS=a,b\,c' \
	-e SERVICE_REGION=eu -e SERVICE_BAD.KEY=x -e SERVICE_80_CHECK_TCP=1 \
	-e SERVICE_CHECK_INITIAL_STATUS=passing -l SERVICE_53_NAME=dns -l team=blue tiny >/dev/null
empty_agent
check "what Consul would refuse is left out, the rest is registered" as -once \
	-tags '{{.Name}},{{index .Config.Labels "team"}}' consul:
service h1:meta:80 >"$scratch/service"
check "names of a group" contains '"Service":"front-80"' "$scratch/service"
check "tags" contains '"Tags":["b,c","a","blue","/meta"]' "$scratch/service"
check "attributes" contains '"region":"eu"' "$scratch/service"
service h1:meta:53:udp >"$scratch/service"
check "the name of a port" contains '"Service":"dns"' "$scratch/service"
check "udp's tag" contains '"Tags":["b,c","a","blue","/meta","udp"]' "$scratch/service"
fetch "http://$CONSUL_HTTP_ADDR/v1/agent/checks" >"$scratch/checks"
check "the check" contains '"CheckID":"service:h1:meta:80"' "$scratch/checks"
check "and its first state" contains '"Status":"passing"' "$scratch/checks"
check "a dry run writes nothing" as -dry-run etcd://127.0.0.1:1/nowhere
check "and prints what would be" contains '{"ID":"h1:meta:80","Name":"front-80"' "$scratch/before"

sed 's/h1/0123456789ab/' "$scratch/h1" >"$scratch/random" && chmod +x "$scratch/random"
check "a host called like a container" "$scratch/random" timeout 60 "$binnacle" --as registrator \
	-dry-run -ip 192.0.2.1 consul:
check "is warned" contains 'the hostname 0123456789ab looks like' "$scratch/before"

# ---- layouts ----

key=front-80/h1:meta:80
check "consulkv" as -once "consulkv://$CONSUL_HTTP_ADDR/a/b"
check "... holds address and port" test \
	"$(fetch "http://$CONSUL_HTTP_ADDR/v1/kv/a/b/$key?raw")" = 192.0.2.1:8080
within 30 fetch "http://127.0.0.1:$etcd_port/health" >/dev/null
v2() { ETCDCTL_API=2 etcdctl --endpoints "http://127.0.0.1:$etcd_port" "$@"; }
v3() { ETCDCTL_API=3 etcdctl --endpoints "http://127.0.0.1:$etcd_port" "$@"; }
check "etcd" as -once "etcd://127.0.0.1:$etcd_port/services"
check "... holds address and port" test "$(v2 get "/services/$key")" = 192.0.2.1:8080
check "... without a lifetime" bash -c "! curl -fsS \
	'http://127.0.0.1:$etcd_port/v2/keys/services/$key' | grep -q ttl"
check "etcd with a lifetime" as -once -ttl 100 -ttl-refresh 50 "etcd://127.0.0.1:$etcd_port/short"
check "... which it has" bash -c "curl -fsS 'http://127.0.0.1:$etcd_port/v2/keys/short/$key' |
	grep -Eq '\"ttl\":(100|9[0-9])'"
check "skydns2" as -once "skydns2://127.0.0.1:$etcd_port/cluster.local"
check "... holds records" test "$(v2 get "/skydns/local/cluster/$key")" = \
	'{"host":"192.0.2.1","port":8080}'
check "etcd3" as -once "etcd3://127.0.0.1:$etcd_port/services"
check "... holds address and port" test "$(v3 get --print-value-only "/services/$key")" = 192.0.2.1:8080

# ---- a life, from start to end ----

: >"$scratch/life"
"$scratch/h1" "$binnacle" --as registrator -deregister on-success -deregister-on-exit -drain \
	-follow-renames consul: 2>"$scratch/life" &
life=$!
pids="$pids $life"
logged() { grep -Eq -- "^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8} $1\$" "$scratch/life" || {
	cat "$scratch/life" && return 1
}; }
is_registered() { place "$1" >/dev/null; }
is_not_registered() { ! place "$1" 2>/dev/null; }
check "it listens" within 20 logged 'Listening for Docker events \.\.\.'
run web -p 8084:80
check "a start registers" within 10 is_registered h1:web:80
boxes rename web site
check "a rename is followed" within 10 is_registered h1:site:80
check "and the old id goes" within 10 is_not_registered h1:web:80
boxes stop site >/dev/null
check "a stop drains" within 10 logged 'maintenance: h1:site:80 stop signal'
check "with a status of its own, 15, it stays" within 10 logged 'ignored: .* exit 15: stays registered'
boxes rm site >/dev/null
check "and goes when it is removed" within 10 is_not_registered h1:site:80
boxes run -d --name failing -p 8085:80 tiny 700 >/dev/null
check "a program that ends well" within 10 is_not_registered h1:failing:80
run broken -p 8086:80
check "a program that runs" within 10 is_registered h1:broken:80
boxes kill broken >/dev/null
check "ended by a signal it is removed" within 10 is_not_registered h1:broken:80
kill "$life"
wait "$life" 2>/dev/null
check "the end removes what there is" is_not_registered h1:meta:80

# ---- the same from a configuration, without a screen ----

cat >"$scratch/conf" <<EOF
consul { address = "$CONSUL_HTTP_ADDR" }
docker "h1" { host = "$DOCKER_HOST" }
register {
  ip = "192.0.2.1"  tags = "{{.Name}}"  tags_order = "given"  registered_by = "engine"
  deregister_on_exit = true
}
EOF
XDG_STATE_HOME=$scratch/state "$scratch/h1" "$binnacle" --config "$scratch/conf" --batch run \
	2>"$scratch/engine" &
life=$!
pids="$pids $life"
check "an engine registers" within 20 is_registered h1:meta:80
service h1:meta:80 >"$scratch/service"
check "with what the configuration says" contains '"Tags":["a","b,c","/meta"]' "$scratch/service"
check "and its mark" contains '"registered-by":"engine"' "$scratch/service"
kill "$life"
wait "$life" 2>/dev/null
check "its end removes what there is" is_not_registered h1:meta:80

# ---- TLS ----

docker_tls() { # CERTS
	nsenter --net --target "$(cat "$dir/docker.process")" env DOCKER_HOST=tcp://127.0.0.1:2376 \
		DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$1" timeout 20 "$binnacle" --as registrator \
		-hostname h1 -ip 192.0.2.1 -dry-run consul:
}
fails() { # TEXT COMMAND...
	local text=$1
	shift
	"$@" >"$scratch/refusal" 2>&1
	[ $? -eq 1 ] && contains "$text" "$scratch/refusal"
}
check "Docker with certificates" docker_tls "$tls/docker"
check "... says what runs" contains '"ID":"h1:meta:80"' "$scratch/before"
check "Docker of another CA is refused" fails certificate docker_tls "$tls/docker-other"
check "Docker without certificates is refused" fails ca.pem docker_tls "$scratch"

secure="https://127.0.0.1:$consul_port"
with_client() { env CONSUL_CACERT="$tls/ca.pem" CONSUL_CLIENT_CERT="$tls/client.pem" \
	CONSUL_CLIENT_KEY="$tls/client.key" "$@"; }
ask_secure() {
	fetch --cacert "$tls/ca.pem" --cert "$tls/client.pem" --key "$tls/client.key" "$@"
}
has_secure() { ask_secure "$secure/v1/agent/service/h1:meta:80"; }
drop_secure() { ask_secure -X PUT "$secure/v1/agent/service/deregister/h1:meta:80"; }
has_leader() { ask_secure "$secure/v1/status/leader" | grep -q :; }
export -f as
export scratch binnacle
check "Consul with TLS is there" within 30 has_leader
check "consul-tls with certificates" with_client bash -c "as -once consul-tls://127.0.0.1:$consul_port"
check "... registers" has_secure
drop_secure
check "consul-tls by its other name" with_client bash -c "as -once consul-tls://localhost:$consul_port"
check "... registers" has_secure
drop_secure
check "consul with CONSUL_HTTP_SSL" with_client bash -c \
	"CONSUL_HTTP_SSL=true as -once consul://127.0.0.1:$consul_port"
check "... registers" has_secure
drop_secure
check "consulkv with CONSUL_HTTP_SSL" with_client bash -c \
	"CONSUL_HTTP_SSL=true as -once consulkv://127.0.0.1:$consul_port/tls"
check "... writes" ask_secure "$secure/v1/kv/tls/$key"
check "consul-tls without a CA is refused" fails certificate env \
	CONSUL_CLIENT_CERT="$tls/client.pem" CONSUL_CLIENT_KEY="$tls/client.key" \
	bash -c "as -once consul-tls://127.0.0.1:$consul_port"
check "... and CONSUL_HTTP_SSL_VERIFY does not change that" fails certificate env \
	CONSUL_CLIENT_CERT="$tls/client.pem" CONSUL_CLIENT_KEY="$tls/client.key" \
	CONSUL_HTTP_SSL_VERIFY=false bash -c "as -once consul-tls://127.0.0.1:$consul_port"
check "consul without verification" env CONSUL_HTTP_SSL=true CONSUL_HTTP_SSL_VERIFY=false \
	CONSUL_CLIENT_CERT="$tls/client.pem" CONSUL_CLIENT_KEY="$tls/client.key" \
	bash -c "as -once consul://127.0.0.1:$consul_port"
check "consul-tls without a certificate of its own is refused" fails 'Connecting to backend' env \
	CONSUL_CACERT="$tls/ca.pem" bash -c "as -once consul-tls://127.0.0.1:$consul_port"

with_etcd() { env ETCDCTL_CACERT="$tls/ca.pem" ETCDCTL_CERT="$tls/client.pem" \
	ETCDCTL_KEY="$tls/client.key" "$@"; }
ask_etcd() { ask_secure "https://127.0.0.1:$etcds_port$1"; }
check "etcd with TLS is there" within 30 ask_etcd /health
check "etcd-tls" with_etcd bash -c "as -once etcd-tls://127.0.0.1:$etcds_port/services"
check "... writes" ask_etcd "/v2/keys/services/$key"
check "skydns2-tls" with_etcd bash -c "as -once skydns2-tls://127.0.0.1:$etcds_port/a.b"
check "... writes" ask_etcd "/v2/keys/skydns/b/a/$key"
check "etcd3-tls" with_etcd bash -c "as -once etcd3-tls://127.0.0.1:$etcds_port/services"
check "... writes" test "$(with_etcd env ETCDCTL_API=3 etcdctl --endpoints "127.0.0.1:$etcds_port" \
	get --print-value-only "/services/$key")" = 192.0.2.1:8080
check "etcd-tls without a CA is refused" fails certificate as -once \
	"etcd-tls://127.0.0.1:$etcds_port/services"

echo "1..$count"
[ "$failures" -eq 0 ]
