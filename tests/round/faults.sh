#!/bin/bash
# faults.sh - what goes wrong must go wrong cleanly: a clear sentence, the documented exit status,
# and nothing changed. On the real lab, each peer taken away for real or out of reach.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

app_conf=$LAB_INGRESS_CONF/conf.d/app.conf
template_copy=$scratch/template
config=$scratch/binnacle.hcl
probe=10.233.49.77

finish_up() {
	docker_on $one rm -f changed >/dev/null 2>&1
	lab plugin start $one >/dev/null 2>&1
	rm -rf "$scratch"
}
trap finish_up EXIT

# Everything that the program could have changed, as one text.
world() {
	etcd_get '/calico/v1/host/'$one'/workload?recursive=true&sorted=true'
	etcd_get '/calico/ipam/v2/assignment?recursive=true&sorted=true'
	for node in $one $two; do
		curl -fsS --max-time 5 "$LAB_CONSUL_1/v1/catalog/node/$node"
	done
	[ ! -e "$app_conf" ] || sha256sum "$app_conf"
	ls -A "$LAB_INGRESS_CONF" "$LAB_INGRESS_CONF/conf.d"
}

# As check_status, and the world is the same afterwards.
harmless() { # NAME STATUS PATTERN COMMAND...
	local before
	before=$(world | sha256sum)
	check_status "$@"
	if [ "$(world | sha256sum)" = "$before" ]; then
		pass "... and nothing was changed"
	else
		fail "... and nothing was changed ($1)"
	fi
}

# The lab's configuration of host 1 with another template: FILE.
with_template() {
	sed "s|^  source .*|  source = \"$1\"|" "$LAB_CONFIG_1" >"$config"
}

section "1. Peers that are not there"
harmless "Consul unreachable: register says so" 4 '127\.0\.0\.1:1[^0-9].*refused|refused.*127\.0\.0\.1:1' \
	batch $one --consul 127.0.0.1:1 register nginx-test-1 --yes
harmless "Consul unreachable: apply says so" 4 '127\.0\.0\.1:1[^0-9].*refused|refused.*127\.0\.0\.1:1' \
	batch $one --consul 127.0.0.1:1 apply --yes --timeout 10
harmless "no Docker socket: register says so" 4 'docker|Docker' \
	batch $one --docker unix:///nonexistent/docker.sock register nginx-test-1 --yes --timeout 10
harmless "no Docker socket: no endpoint of that host is judged stale" 0 '.' \
	bash -c "! bash tests/lab/lab.sh run $one $binnacle --batch --docker unix:///nonexistent/docker.sock \
		list endpoints --filter 'state:STALE' --no-header | grep $one; echo done"
harmless "etcd down: clean says so" 4 '127\.0\.0\.1:1[^0-9].*refused|refused.*127\.0\.0\.1:1' \
	batch $one --etcd http://127.0.0.1:1 clean endpoints --yes --timeout 10
harmless "status tells which of them is down" 0 'consul *DOWN.*refused' batch $one --consul 127.0.0.1:1 status

section "2. A template that is wrong"
printf 'first line\n{{ range services }}\n  {{ .Name | nosuch }}\n{{ end }}\n' >"$template_copy"
with_template "$template_copy"
harmless "a mistake in the template is placed" 2 'template.*:3.*nosuch|nosuch.*:3' \
	batch $one --config "$config" apply --yes
printf '{{ range services }}\n{{ .Nope }}\n{{ end }}\n' >"$template_copy"
harmless "a mistake on execution has line and column" 2 ':2:[0-9]+' \
	batch $one --config "$config" apply --yes --timeout 15

section "3. A configuration that nginx refuses"
printf '# {{ range services }}{{ .Name }} {{ end }}\nupstream broken {\n\tserver 10.0.0.1:99999999;\n}\n' >"$template_copy"
harmless "check says what nginx says, at the template's destination" 9 'app\.conf:3' \
	batch $one --config "$config" check
harmless "apply writes nothing that does not pass nginx -t" 1 'app\.conf:3|invalid port' \
	batch $one --config "$config" apply --yes --expect 1
check "nginx still serves" curl -fsS --max-time 5 -o "$scratch/body" -w '%{http_code}' \
	-H 'Host: nginx.test.flyclock.cn' http://172.29.150.202/

section "4. A target that changed between plan and confirmation"
docker_on $one rm -f changed >/dev/null 2>&1
lab plugin break $one >/dev/null
docker_on $one rm -f changed >/dev/null 2>&1
lab plugin start $one >/dev/null
docker_on $one run -d --name changed --net calico --ip $probe lab/web >/dev/null
lab plugin break $one >/dev/null
docker_on $one rm -f changed >/dev/null 2>&1
lab plugin start $one >/dev/null
batch $one clean endpoints --dry-run >"$scratch/plan" 2>&1
say "$(cat "$scratch/plan")"
hash=$(sed -n 's/^ *Plan *\([0-9a-f]\{16\}\)$/\1/p' "$scratch/plan")
key=$(grep -Eo '/calico/v1/host/[^ "]*/endpoint/[0-9a-f]{64}' "$scratch/plan" | head -1)
check "an accident left an endpoint that can be cleaned" test -n "$key"
value=$(etcd_get "$key" | sed 's|.*"value":"\(.*\)","modifiedIndex.*|\1|; s|\\"|"|g')
curl -fsS --max-time 5 -X PUT "$LAB_ETCD/v2/keys$key" --data-urlencode "value=$value" >/dev/null
harmless "rewritten after the plan, it is not deleted" 8 'plan' \
	batch $one clean endpoints --yes --expect 1 --plan "$hash"
check "a fresh plan cleans it" bash -c "
	bash tests/lab/lab.sh run $one $binnacle --batch clean endpoints --yes --expect 1"
check "its address is free again" bash -c "
	docker -H $LAB_DOCKER_1 run --rm --net calico --ip $probe lab/web true"

section "5. What an operator types"
harmless "an unknown verb is a usage error" 2 'frobnicate' batch $one frobnicate
harmless "an unknown container is named" 1 'no-such-container' batch $one register no-such-container --yes
harmless "--read-only refuses" 6 'read-only' batch $one --read-only apply --yes
harmless "a broken configuration file is placed" 2 'line 2' bash -c "
	echo 'consul {' >'$config'; bash tests/lab/lab.sh run $one $binnacle --config '$config' --batch status"

finish
