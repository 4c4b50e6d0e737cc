#!/bin/bash
# policy.sh - Calico's policies on the real lab: looked at in the form of Calico's own tool, applied
# from a file with what it does to whom, refused when somebody was faster, deleted, taken back. And
# who has an address, on which network. Prints TAP.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

key=/calico/v1/policy/tier/default/policy
before=$(etcd_get "$key/allow-tcp-80" | sed 's/.*"value":"\(.*\)","modifiedIndex.*/\1/; s/\\"/"/g')
put() { # NAME VALUE
	curl -fsS --max-time 5 -XPUT "$LAB_ETCD/v2/keys$key/$1" --data-urlencode "value=$2" >/dev/null
}
stored() { etcd_get "$key/$1" 2>/dev/null | sed 's/\\"/"/g'; }
# As it was before, whatever happened in between.
put_back() {
	put allow-tcp-80 "$before"
	curl -fsS --max-time 5 -XDELETE "$LAB_ETCD/v2/keys$key/round" >/dev/null 2>&1
}
trap 'put_back; rm -rf "$scratch"' EXIT

section "1. What is there"
check_status "the policy in the form of calicoctl" 0 "    selector: role == 'nginx'" \
	batch $one calicoctl get policy allow-tcp-80 -o yaml
check_status "and whom it selects" 0 'calico-nginx1-consul-template on' \
	batch $one show policy allow-tcp-80
check_status "endpoints that no policy selects" 0 nginx-test-1 \
	batch $one list endpoints --filter policies:none
check_status "Docker's networks" 0 'calico .* 10.233.0.0/16' batch $one list networks
check_status "who has the fixed address" 0 '\[#\]' batch $one who 10.233.49.100
check_status "and who has the next one" 0 'free   nobody has it' batch $one who 10.233.49.101
check_status "blocks as maps" 0 '10.233.49.64/26 .*#' batch $one list blocks

section "2. A policy from a file"
cat >"$scratch/round.yaml" <<'YAML'
apiVersion: v1
kind: policy
metadata:
  name: round
spec:
  order: 10
  selector: role == 'nginx'
  ingress:
  - action: allow
    protocol: tcp
    source:
      nets: [172.16.0.0/12]
    destination:
      ports: [80, "8000:8080"]
YAML
batch $one policy apply -f "$scratch/round.yaml" --dry-run >"$scratch/plan" 2>&1
check "the plan says whom it selects" grep -q 'selects 1 endpoint, gains 1' "$scratch/plan"
check "by name" grep -q '| + calico-nginx1-consul-template on' "$scratch/plan"
check "and what it will be" grep -q '| +  selector: role' "$scratch/plan"
plan=$(sed -n 's/^  Plan  *//p' "$scratch/plan")
check_status "it is applied" 0 'done     round' \
	batch $one policy apply -f "$scratch/round.yaml" --yes --plan "$plan"
check_status "it is stored as Calico's own tool stores it" 0 '"dst_ports":\[80,"8000:8080"\]' \
	stored round
check_status "the same again is nothing to do" 0 'like this already' \
	batch $one policy apply -f "$scratch/round.yaml" --yes
check_status "a plan that is old is refused" 8 'the plan is not' \
	batch $one policy apply -f "$scratch/round.yaml" --dry-run --plan "$plan"
sed -i 's/allow/alow/' "$scratch/round.yaml"
check_status "a mistake is named with its line" 2 'line 9: an action is' \
	batch $one policy apply -f "$scratch/round.yaml" --yes

section "3. It is deleted and comes back"
check_status "deleted" 0 'done     round' batch $one policy delete round --yes
check_status "it is gone" 22 404 etcd_get "$key/round"
check_status "and comes back" 0 'done' batch $one undo --yes
check_status "as it was" 0 '"src_nets":\["172.16.0.0/12"\]' stored round

section "4. Somebody is faster"
sed -i 's/alow/deny/' "$scratch/round.yaml"
plan=$(batch $one policy apply -f "$scratch/round.yaml" --dry-run 2>/dev/null | sed -n 's/^  Plan  *//p')
put round '{"selector":"all()"}'
check_status "the plan is refused" 8 'the plan is not' \
	batch $one policy apply -f "$scratch/round.yaml" --yes --plan "$plan"
check_status "what somebody wrote stays" 0 '"selector":"all\(\)"' stored round

finish
