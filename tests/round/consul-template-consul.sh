#!/bin/bash
# consul-template-consul.sh - the stand-in for Consul Template and what can be the matter with its
# Consul: many instances that share one, an outage, tokens, TLS; and the system's log. Prints TAP.
# Needs no lab and no root.
what="consul-template and its Consul"
. "$(dirname "${BASH_SOURCE[0]}")/agent.sh"

register() { # ID PORT
	curl -fsS -X PUT -d "{\"ID\":\"$1\",\"Name\":\"web\",\"Port\":$2}" \
		"http://$CONSUL_HTTP_ADDR/v1/agent/service/register"
}
holders() { # sessions that hold a lock below PREFIX
	curl -fsS "http://$CONSUL_HTTP_ADDR/v1/kv/$1?recurse" | grep -o '"Session": *"[^"]*"' | sort -u
}
kill_agent() {
	{
		kill -9 "$agent"
		wait "$agent"
	} 2>/dev/null
	agent=
}
is_held() { [ "$(holders shared/ | wc -l)" = 1 ]; } # by one
has() { grep -q -- "$2" "$1"; } # FILE PATTERN

# ---- de-duplication
start_agent -log-level=debug -hcl 'session_ttl_min = "1s"' || give_up "a consul agent starts"
register web1 1001
cat >web.tpl <<'TPL'
{{range service "web"}}{{.ID}}:{{.Port}} {{end}}{{key "hello"}} {{keyOrDefault "none" "default"}} {{with node}}{{.Node.Node}}{{end}}
TPL
cat >dedup.hcl <<'HCL'
deduplicate { enabled = true ttl = "2s" prefix = "shared/" }
template { source = "web.tpl" destination = "${OUT}" }
HCL
for i in 1 2; do sed "s/\${OUT}/out$i/" dedup.hcl >dedup$i.hcl; done
key=shared/$(md5sum <web.tpl | cut -d' ' -f1)
start_as log1 -config dedup1.hcl -log-level debug
first=$daemon
check "alone, an instance takes the lock and renders" within 20 has out1 'web1:1001 world default n1'
check "and shares its answers" within 20 curl -fsS "http://$CONSUL_HTTP_ADDR/v1/kv/$key/data?raw"
check "in a form that tells what they are, without what is of one host" bash -c "
	curl -fsS http://$CONSUL_HTTP_ADDR/v1/kv/$key/data?raw >data &&
	grep -q '\"health.service(web|passing)\"' data && ! grep -q catalog.node data"
asked=$(wc -l <agent.log)
start_as log2 -config dedup2.hcl -log-level debug
second=$daemon
check "a second one renders the same" within 20 has out2 'web1:1001 world default n1'
check "without asking for a service or a key of the template" bash -c \
	"! tail -n +$((asked + 1)) agent.log | grep -v index= | # its first requests would have none
		grep -E 'method=GET url=/v1/(health/service|kv/(hello|none))'"
register web2 1002
check "a change reaches the first" within 20 has out1 'web2:1002'
check "and by it the second" within 20 has out2 'web2:1002'
check "one session holds the lock" is_held
before=$(holders shared/)
{
	kill -9 "$first"
	wait "$first"
} 2>/dev/null
daemons=${daemons/ $first/}
register web3 1003
check "when the holder is killed, the other takes over" within 20 has log2 'acquired lock'
check "and renders what changes" within 20 has out2 'web3:1003'
check "with a session of its own" bash -c "[ '$before' != '$(holders shared/)' ]"
start_as log1 -config dedup1.hcl -log-level debug
check "a third finds it there" within 20 has out1 'web3:1003'
check "and follows" has log1 'another instance holds'
before=$(holders shared/)
kill -TERM "$second"
daemon=$second
ended_with 12
check "a holder that ends gives the lock back at once" test "$before" != "$(holders shared/)"
check "for the next one to take" within 20 has log1 'acquired lock'
put hello changed
check "the next one goes on" within 20 has out1 changed
daemon=$(echo "$daemons" | tr -d ' ')
kill -INT "$daemon"
ended_with 12
check "at the end no lock is held" test -z "$(holders shared/)"

# ---- many instances and an outage: a new Consul knows nothing of their sessions and data
start_as log1 -config dedup1.hcl -log-level info
first=$daemon
check "an instance before the outage" within 20 has log1 'wrote shared/'
start_as log2 -config dedup2.hcl -log-level info
second=$daemon
check "and another" within 20 has log2 'another instance holds'
check "which takes the answers although they are those of an earlier holder, too" \
	within 20 has out2 changed
kill_agent
# All queries have failed then. One that had not been asked at that moment would wait, at the new
# Consul, for an index that comes late.
check "the outage is told by both" within 20 has log1 'retry attempt 3'
within 20 has log2 'retry attempt 3'
run_agent -log-level=debug -hcl 'session_ttl_min = "1s"' || give_up "the agent starts again"
register web1 1001
put hello survived
check "one of them takes the lock of the new Consul, and renders" within 20 has out1 survived
check "so does the other" within 20 has out2 survived
check "and one holds the lock" within 20 is_held
for daemon in $first $second; do
	kill -TERM "$daemon"
	ended_with 12
done
put hello changed

# ---- an outage
echo '{{with key "n" | parseJSON}}{{.a}}{{end}}' >json.tpl
start -config dedup1.hcl -dedup=false -consul-retry-max-backoff 500ms -log-level info
check "rendered before the outage" within 20 has out1 changed
cp out1 before
kill_agent
check "each attempt is told in the original's form" within 20 grep -Eq -- \
	'\[WARN\] \(view\) health.service\(web\|passing\): .* \(retry attempt 3 after "500ms"\)$' log
check "the last good state stays" cmp out1 before
run_agent || give_up "the agent starts again"
register web9 1009
put hello again
check "and when Consul is back, it goes on by itself" within 20 has out1 'web9:1009 again'
kill -TERM "$daemon"
ended_with 12
ok "it has not ended before" $?
put n '{"a": "first"}'
start -template json.tpl:out4 -consul-retry-max-backoff 500ms
check "a template that parses what Consul has" within 20 has out4 first
kill_agent
within 20 has log 'retry attempt 3'
run_agent || give_up "the agent starts again"
put n 'half'
check "an error right after an outage is told" within 20 has log '\[ERR\].*parseJSON'
put n '{"a": "second"}'
check "and does not end it" within 20 has out4 second
kill -TERM "$daemon"
ended_with 12
put n 'half'
start -template json.tpl:out4
ended_with 14
ok "without an outage it does" $?
stop_agent

# ---- tokens
token=11111111-2222-3333-4444-555555555555
start_agent -hcl "acl { enabled = true default_policy = \"deny\" tokens { master = \"$token\" } }" ||
	give_up "an agent with ACLs starts"
put hello secret-world
echo '{{key "hello"}}' >in.tpl
acl() { # NAME FLAGS...: the token gets in and is seen nowhere
	local name=$1
	shift
	rm -f out command
	ends "$name" 0 '' -once -template "in.tpl:out:sh -c 'tr \"\\\\0\" \" \" </proc/self/cmdline >command'" \
		-log-level trace "$@"
	check "$name: rendered" has out secret-world
	check "$name: neither the log nor the command's line has it" \
		bash -c "test -e command && ! grep -q $token log command"
}
acl "a token by flag" -consul-token "$token"
echo "consul { token = \"$token\" }" >token.hcl
acl "a token by file of configuration" -config token.hcl
echo "token = \"$token\"" >old.hcl
acl "a token in the old place" -config old.hcl
check "which the log says" has log 'token has been moved under the consul stanza'
echo "$token" >token.file
acl "a token in a file" -consul-token-file token.file
CONSUL_HTTP_TOKEN=$token acl "a token by CONSUL_HTTP_TOKEN"
CONSUL_TOKEN=$token CONSUL_HTTP_TOKEN=wrong acl "CONSUL_TOKEN comes before it"
CONSUL_TOKEN=wrong acl "and a flag before both" -consul-token "$token"
ends "without one it is denied" 14 'denies|403' -once -template in.tpl:out -consul-retry-attempts 1
check "and no wrong one is logged" bash -c '! grep -q wrong log'
stop_agent
token=

# ---- TLS
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=test CA" -keyout ca.key -out ca.pem \
	-addext basicConstraints=critical,CA:true >openssl.log 2>&1
certificate() { # NAME SUBJECT-ALTERNATIVE-NAME
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" &&
		printf 'subjectAltName=%s\n' "$2" >"$1.ext" &&
		openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
			-extfile "$1.ext" -out "$1.pem"
}
certificate server DNS:consul.test >>openssl.log 2>&1
certificate client DNS:client.test >>openssl.log 2>&1
cat client.pem client.key >both.pem
mkdir cas
cp ca.pem "cas/$(openssl x509 -hash -noout -in ca.pem).0"
start_agent -hcl 'ports { https = -1 }' >/dev/null || give_up "an agent starts"
stop_agent
run_agent -hcl "ports { https = $((base + 4)) } verify_incoming_https = true ca_file = \"$scratch/ca.pem\"
	cert_file = \"$scratch/server.pem\" key_file = \"$scratch/server.key\"" ||
	give_up "an agent with TLS starts"
tls=127.0.0.1:$((base + 4))
unset CONSUL_HTTP_ADDR
tls() { # NAME STATUS PATTERN FLAGS...
	local name=$1 status=$2 pattern=$3
	shift 3
	rm -f out
	ends "$name" "$status" "$pattern" -once -template in.tpl:out -consul-addr "$tls" \
		-consul-retry-attempts 1 "$@"
	[ "$status" -ne 0 ] || check "$name: rendered" has out world
}
known="-consul-ssl-cert client.pem -consul-ssl-key client.key"
# shellcheck disable=SC2086
{
	tls "TLS with a CA and the server's name" 0 '' $known -consul-ssl-ca-cert ca.pem \
		-consul-ssl-server-name consul.test
	tls "a folder of CAs" 0 '' $known -consul-ssl-ca-path cas -consul-ssl-server-name consul.test
	tls "key and certificate in one file" 0 '' -consul-ssl-cert both.pem -consul-ssl-ca-cert ca.pem \
		-consul-ssl-server-name consul.test
	tls "verify=false alone switches TLS on" 0 '' $known -consul-ssl-verify=false
	tls "the name does not fit" 14 'exceeded maximum retries' $known -consul-ssl-ca-cert ca.pem
	tls "the CA is not known" 14 'exceeded maximum retries' $known -consul-ssl-server-name consul.test
	tls "no certificate of our own" 14 'exceeded maximum retries' -consul-ssl-ca-cert ca.pem \
		-consul-ssl-server-name consul.test
}
cat >tls.hcl <<HCL
consul { address = "https://$tls" ssl { ca_cert = "ca.pem" cert = "client.pem" key = "client.key"
	server_name = "consul.test" } }
HCL
tls "the same in a file of configuration" 0 '' -config tls.hcl -consul-addr "https://$tls"
export CONSUL_HTTP_ADDR=$tls CONSUL_HTTP_SSL=true CONSUL_CACERT=ca.pem CONSUL_CLIENT_CERT=client.pem \
	CONSUL_CLIENT_KEY=client.key CONSUL_TLS_SERVER_NAME=consul.test
ends "and in the environment" 0 '' -once -template in.tpl:out3 -consul-retry-attempts 1
check "rendered" has out3 world

finish
