#!/bin/bash
# repair.sh - a container with a fixed address that does not start, on the real lab: what stands in
# its way is found from its name and removed, and nothing else is; an address that nobody asks for
# is given back; both can be undone where that is still possible. Prints TAP.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

wanted=10.233.49.20
forgotten=10.233.49.21

# As it was before, whatever happened in between: the script takes its own accidents back.
put_back() {
	lab plugin start $one >/dev/null 2>&1
	docker_on $one rm -f repair-a repair-b >/dev/null 2>&1
	if slot_is_taken $wanted || slot_is_taken $forgotten; then
		batch $one release $wanted $forgotten --yes >/dev/null 2>&1
	fi
}
trap 'put_back; rm -rf "$scratch"' EXIT

# The place of an address in its block holds something.
slot_is_taken() { # ADDRESS, of the block 10.233.49.0/26
	etcd_get "/calico/ipam/v2/assignment/ipv4/block/10.233.49.0-26" |
		grep -o 'allocations\\":\[[^]]*' | sed 's/.*\[//' | tr , '\n' |
		sed -n "$((${1##*.} + 1))p" | grep -qv null
}
is_free() { ! slot_is_taken "$1"; }
endpoint_of() { # ADDRESS: the keys of its endpoints
	etcd_get "/calico/v1/host/$one/workload/libnetwork/libnetwork/endpoint" |
		grep -o '"key":"[^"]*","value":"[^}]*'"$1/32" | sed 's/"key":"\([^"]*\)".*/\1/'
}
undo_id() { grep -Eo 'undo [0-9]+' "$1" | head -1; }

section "1. Two containers go while their plugin cannot reach etcd"
docker_on $one run -d --name repair-a --net calico --ip $wanted lab/web >/dev/null
docker_on $one run -d --name repair-b --net calico --ip $forgotten lab/web >/dev/null
lab plugin break $one >/dev/null
docker_on $one rm -f repair-a repair-b >/dev/null
lab plugin start $one >/dev/null
docker_on $one create --name repair-a --net calico --ip $wanted lab/web >/dev/null
check_status "the new repair-a does not start" 1 'Address already assigned in block' \
	docker_on $one start repair-a
check "its address is listed with who waits for it" bash -c "
	bash tests/lab/lab.sh run $one $binnacle --batch list addresses --filter $wanted | grep repair-a"

section "2. It is repaired by its name"
# Both wait until the evidence is ripe, so they wait together.
batch $one release 10.233.49.254 --yes >"$scratch/refused" 2>&1 &
refusing=$!
check "repaired by its name" bash -c "
	bash tests/lab/lab.sh run $one $binnacle --batch repair repair-a --yes --expect 1 \
		>'$scratch/repair' 2>&1 || { cat '$scratch/repair'; exit 1; }"
say "$(cat "$scratch/repair")"
check "the next command is said" grep -q "on $one, docker start repair-a" "$scratch/repair"
check "the endpoint is gone" test -z "$(endpoint_of $wanted)"
check "the address is free" is_free $wanted
check "the other left-over was left alone" slot_is_taken $forgotten
check "repair-a starts" docker_on $one start repair-a
check_status "and has its address" 0 "^$wanted\$" docker_on $one inspect \
	-f '{{.NetworkSettings.Networks.calico.IPAddress}}' repair-a
wait $refusing
check_status "an address in use is not released, with the reason" 0 \
	'10.233.49.254 is in use: live endpoint .* nginx-test-1' cat "$scratch/refused"

section "3. Undo does not take the address from a container that has it now"
# shellcheck disable=SC2046
check "it is refused, with the reason" bash -c "
	! bash tests/lab/lab.sh run $one $binnacle --batch $(undo_id "$scratch/repair") --yes \
		>'$scratch/undo' 2>&1 && grep -Eq 'taken|assigned|already' '$scratch/undo'"
say "$(cat "$scratch/undo")"
check_status "repair-a keeps its address" 0 "^$wanted\$" docker_on $one inspect \
	-f '{{.NetworkSettings.Networks.calico.IPAddress}}' repair-a

section "4. An address that no container asks for is released"
check "given back with the endpoint that named it" bash -c "
	bash tests/lab/lab.sh run $one $binnacle --batch release $forgotten --yes --expect 1 \
		>'$scratch/release' 2>&1 || { cat '$scratch/release'; exit 1; }"
say "$(cat "$scratch/release")"
check "the address is free again" is_free $forgotten
check "its endpoint is gone, too" test -z "$(endpoint_of $forgotten)"
check "undo puts both back while they are free" batch $one $(undo_id "$scratch/release") --yes
check "the address is taken again" slot_is_taken $forgotten
check "the endpoint is there again" test -n "$(endpoint_of $forgotten)"

put_back
check "afterwards both addresses are free" eval "is_free $wanted && is_free $forgotten"
check "and no endpoint names them" test -z "$(endpoint_of $wanted)$(endpoint_of $forgotten)"
finish
