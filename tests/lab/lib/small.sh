# small.sh - one agent, one etcd, one nginx on loopback; needs no root
# shellcheck shell=bash

small_consul_port=18500
small_etcd_port=12379
small_nginx_port=18080

small_up() {
	local consul node
	need_tools etcd nginx curl
	consul=$(find_consul) || die "no consul on the PATH nor in $cache. Run '$0 deps' first."
	node=$(hostname)
	mkdir -p "$lab"/{etcd,nginx/conf/conf.d,nginx/log,nginx/tmp,ctmpl,state,runtime}
	chmod 700 "$lab/etcd" "$lab/state" "$lab/runtime"
	start_daemon consul "$consul" agent -dev -datacenter quark-consul -node "$node" \
		-bind 127.0.0.1 -client 127.0.0.1 -http-port "$small_consul_port" -dns-port -1 \
		-grpc-port -1 -server-port 18300 -serf-lan-port 18301 -serf-wan-port 18302 \
		-hcl 'disable_update_check = true'
	start_daemon etcd etcd --name small --data-dir "$lab/etcd" --enable-v2 \
		--listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
		--listen-peer-urls http://127.0.0.1:12380 \
		--initial-advertise-peer-urls http://127.0.0.1:12380 \
		--initial-cluster small=http://127.0.0.1:12380 --logger zap --log-level warn
	small_write_configs
	start_daemon nginx nginx -c "$lab/nginx/conf/nginx.conf" -p "$lab/nginx/" -g 'daemon off;'
	wait_until 15 http_get "$etcd_url/health" || die "etcd does not answer: see $lab/log/etcd"
	etcd_put /calico/v1/Ready true
	etcd_put "/calico/v1/host/$node/metadata" '{}'
	etcd_put /calico/v1/ipam/v4/pool/10.233.0.0-16 \
		'{"cidr":"10.233.0.0/16","ipip":"","ipip_mode":"","masquerade":true,"ipam":true,"disabled":false}'
	etcd_put /calico/v1/policy/tier/default/policy/allow-tcp-80 "$allow_tcp_80"
	wait_until 15 small_consul_leads || die "consul has no leader: see $lab/log/consul"
	wait_until 5 pid_of nginx || die "nginx does not run: see $lab/log/nginx"
	small_env >"$lab/env"
}

small_consul_leads() {
	http_get "http://127.0.0.1:$small_consul_port/v1/status/leader" | grep -q :
}

small_docker_socket() {
	[ -S /var/run/docker.sock ] &&
		http_get --unix-socket /var/run/docker.sock http://docker/_ping >/dev/null 2>&1 &&
		echo /var/run/docker.sock
}

small_write_configs() {
	local socket
	{
		ingress_nginx_conf '' "$lab/nginx/nginx.pid" "$lab/nginx/log" \
			"127.0.0.1:$small_nginx_port" | awk -v tmp="$lab/nginx/tmp" '
			{ print }
			/^http \{/ {
				n = split("client_body proxy fastcgi uwsgi scgi", kind, " ")
				for (i = 1; i <= n; i++)
					printf "\t%s_temp_path %s/%s;\n", kind[i], tmp, kind[i]
			}'
	} | write_file "$lab/nginx/conf/nginx.conf"
	users_template | sed "s/listen 80;/listen 127.0.0.1:$small_nginx_port;/" |
		write_file "$lab/ctmpl/ctmpl"
	{
		printf 'consul {\n  address = "127.0.0.1:%s"\n}\n\n' "$small_consul_port"
		if socket=$(small_docker_socket); then
			printf 'docker "%s" {\n  host = "unix://%s"\n}\n\n' "$(hostname)" "$socket"
		fi
		cat <<EOF
calico {
  datastore = "etcdv2"
  grace     = "5s"
  endpoints = ["$etcd_url"]
}

nginx "ingress" {
  conf = "$lab/nginx/conf"
}

template {
  source      = "$lab/ctmpl/ctmpl"
  destination = "$lab/nginx/conf/conf.d/app.conf"
  nginx       = "ingress"
}

register {
  registry = "consul://127.0.0.1:$small_consul_port"
  mode     = "hold"
}
EOF
	} | write_file "$lab/binnacle.hcl"
}

small_env() {
	cat <<EOF
LAB_DIR=$lab
LAB_SIZE=small
LAB_ETCD=$etcd_url
LAB_CONSUL_1=http://127.0.0.1:$small_consul_port
LAB_CONFIG_1=$lab/binnacle.hcl
LAB_TEMPLATE=$lab/ctmpl/ctmpl
LAB_INGRESS_CONF=$lab/nginx/conf
LAB_INGRESS=127.0.0.1:$small_nginx_port
EOF
}

# An nginx that was started anew since has a pid of its own; its file and its command line say so.
small_kill_restarted_nginx() {
	local pid
	[ -r "$lab/nginx/nginx.pid" ] && read -r pid <"$lab/nginx/nginx.pid" || return 0
	tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$lab/nginx/" || return 0
	kill -TERM "$pid" 2>/dev/null
}

small_down() {
	kill_workers
	small_kill_restarted_nginx
	kill_recorded TERM nginx consul etcd
	wait_gone 1 nginx consul etcd || kill_recorded KILL nginx consul etcd
	wait_gone 3 nginx consul etcd || say "processes of the small lab do not end"
	rm -rf "$lab"
}

small_status() {
	local name
	for name in consul etcd nginx; do
		if pid_of "$name" >/dev/null; then
			echo "$name runs"
		else
			echo "$name is DOWN"
		fi
	done
}
