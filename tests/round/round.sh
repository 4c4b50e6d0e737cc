#!/bin/bash
# round.sh - the main job on the real lab, by --batch: a container starts, is registered, nginx's
# configuration is rendered, shown, approved, checked, reloaded, and a request through both nginx
# reaches the container; a stale Calico endpoint is found with evidence and cleaned, so that its
# container starts again; then the same in auto mode. Prints TAP; with VERBOSE=1 also the evidence
# (this is what `make demo` shows without a terminal).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

engine_pid=
finish_up() {
	[ -z "$engine_pid" ] || kill "$engine_pid" 2>/dev/null
	docker_on $one rm -f late >/dev/null 2>&1
	rm -rf "$scratch"
}
trap finish_up EXIT

app_conf=$LAB_INGRESS_CONF/conf.d/app.conf
host=nginx.test.flyclock.cn

# Back to the beginning, so that the round can be run again on the same lab.
prepare() {
	local id

	docker_on $one rm -f late >/dev/null 2>&1
	docker_on $two start nginx-test-2 >/dev/null 2>&1
	for id in $(batch $one list instances -o csv --columns id --no-header --filter 'service:nginx-test' 2>/dev/null); do
		batch "${id%%/*}" deregister "${id#*/}" --yes --expect 1 >/dev/null 2>&1
	done
	if [ -e "$app_conf" ]; then
		rm -f "$app_conf"
		batch $one reload ingress --yes >/dev/null 2>&1
	fi
}

plan_hash() { sed -n 's/^ *Plan *\([0-9a-f]\{16\}\)$/\1/p' | head -1; }

section "1. What is there"
prepare
check "the console reaches Consul, Docker, Calico's etcd and nginx" batch $one status
check_status "nothing is served for $host yet" 0 'no such host here' page $host
section "2. Containers are registered, by plan and approval"
batch $one register nginx-test-1 --dry-run >"$scratch/plan" 2>&1
say "$(cat "$scratch/plan")"
hash=$(plan_hash <"$scratch/plan")
check "the plan of nginx-test-1 shows 10.233.49.254:80 and its tag" \
	grep -q '10.233.49.254:80' "$scratch/plan"
check "a dry run registers nothing" bash -c '! curl -fsS '"$LAB_CONSUL_1"'/v1/catalog/services | grep -q nginx-test'
check "without approval nothing is done (status 7)" bash -c "
	bash tests/lab/lab.sh run $one $binnacle --batch register nginx-test-1 </dev/null; [ \$? -eq 7 ]"
check "approved by the plan's hash, it is registered" batch $one register nginx-test-1 --plan "$hash" --yes
check "the instance on the other host is registered there" batch $two register nginx-test-2 --yes
check "Consul's catalog has both instances" within 10 bash -c "
	curl -fsS '$LAB_CONSUL_1/v1/catalog/service/nginx-test?tag=calico' | grep -q 10.233.49.254 &&
	curl -fsS '$LAB_CONSUL_1/v1/catalog/service/nginx-test?tag=calico' | grep -q 10.233.61.129"

section "3. The change is seen before it happens"
within 10 bash -c "bash tests/lab/lab.sh run $one $binnacle --batch diff 2>/dev/null | grep 10.233.61.129"
check_status "the diff adds the upstream with both instances" 9 '^\+.*server 10.233.61.129:80' \
	batch $one diff
check "nothing was written by looking" test ! -e "$app_conf"
check "nginx -t accepts the pending text" batch $one check
check "no staged copy is left beside nginx.conf" \
	bash -c "! ls -A '$LAB_INGRESS_CONF' | grep -q binnacle"

section "4. Approved, checked, written, reloaded, verified"
batch $one apply --dry-run >"$scratch/plan" 2>&1
say "$(cat "$scratch/plan")"
hash=$(plan_hash <"$scratch/plan")
check "apply does what was approved" batch $one apply --plan "$hash" --yes
check "the file on disk holds the upstream" grep -q 'server 10.233.49.254:80' "$app_conf"
check_status "a second apply finds nothing to do" 0 'nothing to do|no differences|clean' batch $one apply --yes
served=
for _ in 1 2 3 4 5 6 7 8; do served="$served$(page $host)
"; done
say "$served"
check "a request through both nginx reaches the instance on host 1" grep -q '10.233.49.254' <<<"$served"
check "and the instance on host 2" grep -q '10.233.61.129' <<<"$served"
check_status "a name that nobody serves says so" 0 'no such host here' page other.flyclock.cn

section "5. A stale Calico endpoint keeps a container from starting"
docker_on $one start fixed-a >"$scratch/start" 2>&1
say "$(cat "$scratch/start")"
check "fixed-a cannot start: its address is still assigned" grep -q 'Address already assigned in block' "$scratch/start"
check "the endpoint is listed as stale, with the evidence" bash -c "
	bash tests/lab/lab.sh run $one $binnacle --batch list endpoints --filter 10.233.49.10 --wide"
batch $one clean endpoints --dry-run >"$scratch/plan" 2>&1
say "$(cat "$scratch/plan")"
hash=$(plan_hash <"$scratch/plan")
key=$(grep -Eo '/calico/v1/host/[^ "]*/endpoint/[0-9a-f]{64}' "$scratch/plan" | head -1)
say "before: $(etcd_get "$key")"
check "the plan names both left-overs" test "$(grep -Eo 'endpoint/[0-9a-f]{64}' "$scratch/plan" | sort -u | wc -l)" -eq 2
check "a wrong number is refused (status 8)" bash -c "
	bash tests/lab/lab.sh run $one $binnacle --batch clean endpoints --yes --expect 5; [ \$? -eq 8 ]"
check "cleaned by the approved plan" batch $one clean endpoints --yes --expect 2 --plan "$hash"
check_status "after: the key is gone from etcd" 22 '404' etcd_get "$key"
check "fixed-a starts" docker_on $one start fixed-a
check_status "and has its address" 0 '^10.233.49.10$' docker_on $one inspect \
	-f '{{.NetworkSettings.Networks.calico.IPAddress}}' fixed-a

section "6. In auto mode the engine does it by itself"
BINNACLE_LOG=$scratch/engine.log
# lab.sh ends in an exec, so that $! is the engine itself; the function would put a shell between.
bash "$project/tests/lab/lab.sh" run $one "$binnacle" --batch run --mode auto 2>"$BINNACLE_LOG" &
engine_pid=$!
check "the engine runs" within 10 grep -q 'running node=' "$BINNACLE_LOG"
docker_on $one run -d --name late --net calico -e SERVICE_NAME=late-web -e SERVICE_TAGS=calico lab/web >/dev/null
started=$(date +%s%N)
check "a container that starts is registered" within 10 bash -c "
	curl -fsS '$LAB_CONSUL_1/v1/catalog/service/late-web' | grep -q '\"ServicePort\":80'"
say "registered $((($(date +%s%N) - started) / 1000000)) ms after docker run returned"
check "and served through nginx-host" within 15 bash -c "
	curl -sS --max-time 5 -H 'Host: late.web.flyclock.cn' http://172.29.150.202/ | grep -q 'at 10.233'"
say "served $((($(date +%s%N) - started) / 1000000)) ms after docker run returned: $(page late.web.flyclock.cn)"
docker_on $one kill late >/dev/null
check "killed, it leaves Consul" within 10 bash -c "
	! curl -fsS '$LAB_CONSUL_1/v1/catalog/services' | grep -q late-web"
check "and the configuration" within 15 bash -c "! grep -q late-web '$app_conf'"
check "nginx-test is still served" bash -c "
	curl -sS --max-time 5 -H 'Host: $host' http://172.29.150.202/ | grep -q 10.233"
kill "$engine_pid"
wait "$engine_pid"
check_status "the engine ends in order on SIGTERM" 0 'stopping' cat "$BINNACLE_LOG"
engine_pid=

section "7. Undo"
batch $one journal >"$scratch/journal" 2>&1
say "$(head -8 "$scratch/journal")"
check "the journal tells what was done" grep -q 'clean endpoints' "$scratch/journal"
before=$(sha256sum <"$app_conf")
check "the previous generation comes back" batch $one rollback --yes
check "the file is another one" bash -c "[ \"\$(sha256sum <'$app_conf')\" != '$before' ]"
check "apply brings the present state again" batch $one apply --yes
check "and nginx serves it" within 10 bash -c "
	curl -sS --max-time 5 -H 'Host: $host' http://172.29.150.202/ | grep -q 10.233"

finish
