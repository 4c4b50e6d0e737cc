#!/bin/bash
# consul-template.sh - the built program in the place of Consul Template, against a consul agent of
# its own on free ports: flags, files, output, commands, signals, exit status. Prints TAP. Needs no
# lab and no root.
what="consul-template's command line"
. "$(dirname "${BASH_SOURCE[0]}")/agent.sh"

start_agent || give_up "a consul agent starts"
echo '{{key "hello"}}' >in.tpl

# ---- once
ends "once renders, runs the command up to && and ends" 0 "^ran $CONSUL_HTTP_ADDR\$" \
	-template "in.tpl:out/a:echo ran \$CONSUL_HTTP_ADDR && echo no" -once
check "the file has the text, in a folder that was made" grep -qx world out/a
ends "the same text again runs no command" 0 "once mode and all templates rendered" \
	-template in.tpl:out/a:"echo again" -once -log-level info
check "really not" bash -c '! grep -qx again log'
ends "a command that fails ends it with 14" 14 \
	'^[0-9/]+ [0-9:]+\.[0-9]{6} \[ERR\] \(cli\) failed to execute command "false" from "in.tpl" => "out/b": child: command exited with a non-zero exit status:' \
	-template in.tpl:out/b:false -once
check "and the new file stays" grep -qx world out/b
ends "a command that failed is owed, and runs again although the file is the same" 14 'it is owed' \
	-template in.tpl:out/b:false -once
ends "in the original's way it is not" 0 '' -template in.tpl:out/b:false -once -original owed
echo 'test -e allowed' >owed.sh
ends "another command for it, which fails too" 14 '' -template in.tpl:out/owed:"sh owed.sh" -once
touch allowed
ends "when it runs to its end, the debt is paid" 0 'executing command "sh owed.sh"' \
	-template in.tpl:out/owed:"sh owed.sh" -once -log-level info
ends "once" 0 'once mode' -template in.tpl:out/owed:"sh owed.sh" -once -log-level info
check "and no more" bash -c '! grep -q executing log'
ends "dry prints and writes nothing" 0 '^> out/dry$' -dry -once -template in.tpl:out/dry:"echo no"
check "no file, no command" bash -c '! test -e out/dry && ! grep -qx no log && grep -qx world log'
echo '{{plugin "echo" " a " "b"}}{{"text" | writeToFile "out/second" "" "" "0640"}}' >effects.tpl
ends "a template runs a program and writes a file" 0 '' -once -template effects.tpl:out/first
check "what the program says is in the file" grep -qx 'a b' out/first
check "the other file is there, with its mode" bash -c 'test "$(cat out/second; stat -c %a out/second)" = text640'
echo '{{plugin "false"}}' >failing.tpl
ends "a program that fails ends it with 14" 14 'error calling plugin: exec "false": exit status 1' \
	-once -template failing.tpl:out/third
ends "dry needs no destination" 0 '^world$' -dry -once -template in.tpl
cat >slow.hcl <<'HCL'
template { source = "in.tpl" destination = "out/slow" command = "sleep 9" command_timeout = "1.5s" }
HCL
cat >three.hcl <<'HCL'
consul { retry { attempts = 1 } }
template { contents = "{{with node}}{{.Node.Node}}{{end}}" destination = "out/node" perms = "0600" }
template { source = "in.tpl" destination = "out/c" backup = true exec { command = "echo same" } }
template { contents = "again {{key `hello`}}" destination = "out/again" command = "echo same" }
HCL
ends "a file of configuration with three templates" 0 '^same$' -config three.hcl -once
check "all are there, with the mode that was asked for" bash -c \
	'grep -qx n1 out/node && grep -qx world out/c && grep -q world out/again && [ "$(stat -c %a out/node)" = 600 ]'
check "the command that two of them have ran once" bash -c '[ "$(grep -cx same log)" = 1 ]'
ends "a command that takes too long ends it with 14" 14 'child: command did not exit within "1.5s"' \
	-config slow.hcl -once
ends "backquotes run in a shell, and nothing else does" 0 '^onetwo x$' \
	-once -template 'in.tpl:out/q:echo `printf one; echo " two"` x'
ends "a program that is missing" 14 'child: exec: "no-such": executable file not found in \$PATH$' \
	-once -template in.tpl:out/r:no-such
ends "backquotes that fail" 14 'failed parsing command: exit status 3:why' \
	-once -template 'in.tpl:out/s:echo `echo why; exit 3`'
cat >lists.hcl <<'HCL'
default_delimiters { left = "<<" right = ">>" }
template { contents = "<<key `hello`>>" destination = "out/list" user = "0" group = "0"
  exec { command = ["printf", "%s|", "a b", "$HOME;"] env { pristine = true } } }
HCL
sed -i "s/\"0\"/\"$(id -u)\"/; s/group = \"0\"/group = \"$(id -g)\"/" lists.hcl
ends "a list is run as it is, an owner may be named" 0 '^a b\|\$HOME;\|$' -config lists.hcl -once
cat >same.hcl <<'HCL'
template { contents = "{{key `hello`}}" destination = "out/s1" command = "echo first" }
template { contents = "other{{key `hello`}}" destination = "out/s2" command = "echo other" }
template { contents = "{{key `hello`}}" destination = "out/s3" command = "echo third" }
template { contents = "last{{key `hello`}}" destination = "out/s2" command = "echo last" }
HCL
ends "identical texts go together, two templates may write one file" 0 '^last$' -config same.hcl -once
check "in that order, and the last one stands" bash -c \
	'[ "$(grep -xE "first|third|other|last" log | tr "\n" " ")" = "first third other last " ] &&
		grep -q last out/s2'
echo kept >target
ln -s ../target out/link
ends "a link is replaced by a file" 0 '' -once -template in.tpl:out/link
check "and what it named stays" bash -c 'test ! -L out/link && grep -qx world out/link && grep -qx kept target'
ends "parse-only reads all and writes nothing" 0 '' -parse-only -template in.tpl:out/none
check "nothing" test ! -e out/none
ends "no system log: it says so" 15 'error setting up syslog logger: Unix syslog delivery error' \
	-syslog -once -template in.tpl:out/t
ends "a facility that is none" 15 'invalid syslog facility: LOCAL9' \
	-syslog-facility LOCAL9 -once -template in.tpl:out/t
echo '{{with service "nobody"}}{{(index . 0).ID}}{{end}}{{(index (service "nobody") 0).ID}}' >early.tpl
ends "an error for want of answers ends it with 14 in the original's way" 14 'out of range' \
	-once -template early.tpl:out/t -original first-pass
cat >group.hcl <<'HCL'
template { contents = "x" destination = "out/group" command = "sh -c 'sleep 77 & echo $! >kid; wait'"
  command_timeout = "1s" }
HCL
ends "a command that is killed" 14 'did not exit within "1s"' -config group.hcl -once
check "takes what it has started with it" within 20 bash -c \
	'! grep -s "^State:" "/proc/$(cat kid)/status" | grep -qv Z'
mkdir out/folder
cat >plugin.tpl <<'TPL'
{{plugin "sh" "-c" "echo quiet >&2; echo run"}} {{plugin "echo" (key "hello")}}{{key "hello" | writeToFile "out/side" "" "" "0600" "newline"}}
TPL
ends "plugins run, files are written" 0 '' -once -template plugin.tpl:out/plugin
check "with what Consul says" bash -c 'grep -qx "run world" out/plugin && grep -qx world out/side'
echo '{{plugin "sh" "-c" "echo why >&2; exit 3"}}' >failing.tpl
ends "an error of several lines is told in several lines" 14 '^why$' -once -template failing.tpl:out/none
mkdir box
echo inside >box/file
ln -s ../in.tpl box/link
for file in box/file box/link; do
	echo "template { contents = \"{{file \\\"$file\\\"}}\" destination = \"out/box\" sandbox_path = \"box\" }" >"${file##*/}.hcl"
done
ends "a sandbox lets files in it be read" 0 '' -once -config file.hcl
check "they are" grep -qx inside out/box
ends "and no link lead out of it" 14 "'box/link' is outside of sandbox" -once -config link.hcl
ends "a log file has what is logged" 0 '' -once -template in.tpl:out/logged -log-file logs/ -log-level info
check "all of it" bash -c 'cmp log logs/consul-template.log'
ends "a folder in the place of the file" 14 \
	'error rendering "in.tpl" => "out/folder": failed reading file: ' -once -template in.tpl:out/folder
cat >parts.hcl <<'HCL'
template { contents = "{{key `hello` | split `,` | join `` | parseInt}}" destination = "out/bad"
  error_fatal = false }
template { contents = "{{key `hello`}}" destination = "out/good" }
HCL
start -config parts.hcl
check "an error that is not fatal lets the others go on" within 20 grep -q world out/good
check "and is told" within 20 grep -q 'ERR.*parseInt' log
kill -TERM "$daemon"
ended_with 12
ends "no Consul: once gives up after its retries" 14 'exceeded maximum retries' \
	-once -template in.tpl:out/x -consul-addr 127.0.0.1:1 -consul-retry-attempts 2

# ---- exit status
ends "an unknown flag" 13 '^flag provided but not defined: -bogus$' -bogus
ends "extra arguments" 13 '^cli: extra args: \["x"\]$' -once x
ends "the version" 0 '^consul-template v0\.19\.4' -version
echo 'bogus = 1' >bad.hcl
ends "an unknown key" 15 "^\* '' has invalid keys: bogus$" \
	-config bad.hcl -once
ends "a missing file of configuration" 15 'missing file/folder: no.hcl: ' -config no.hcl -once
ends "a level of log that is none" 15 'invalid log level' -log-level loud -once
ends "a missing template" 14 'failed to read template: open no.tpl: no such file or directory' \
	-template no.tpl:out/x -once
echo '{{index 1 2}}' >wrong.tpl
ends "an error in a template" 14 'wrong.tpl: execute: template: :1:2: executing ""' \
	-template wrong.tpl:out/x -once
echo '{{(index (services) 99).Name}}' >late.tpl
ends "the same with the answers there, and not before" 14 'out of range' -once -template late.tpl:out/x
echo '{{file "gone"}}' >file.tpl
ends "a missing file that a template reads" 14 'gone' -template file.tpl:out/x -once

# ---- the daemon
ln -s "$binnacle" consul-template
./consul-template -template in.tpl:out/d:"cp out/d seen" -pid-file pid >log 2>&1 </dev/null &
daemon=$! daemons=" $!"
check "called by that name it stands in too" within 20 grep -qx world seen
check "the pid file holds its pid" bash -c "[ \"\$(cat pid)\" = $daemon ]"
put hello changed
check "a change is rendered and the command runs" within 20 grep -qx changed seen
kill -INT "$daemon"
ended_with 12
ok "SIGINT ends it with 12" $?
check "it says so, and its pid file is gone" bash -c 'grep -qx "Cleaning up..." log && ! test -e pid'

cp three.hcl live.hcl
start -config live.hcl -log-level info
check "started with a file of configuration" within 20 grep -q 'rendered "in.tpl" => "out/c"' log
echo 'template { contents = "second" destination = "out/e" }' >>live.hcl
kill -HUP "$daemon"
check "SIGHUP reads it again" within 20 grep -q second out/e
check "a replaced file has its backup" grep -qx world out/c.bak
echo 'bogus = 1' >>live.hcl
kill -HUP "$daemon"
ended_with 15
ok "what is wrong in it then ends it with 15" $?

cat >two.hcl <<'HCL'
template { contents = "A{{key `hello`}}" destination = "out/two" }
template { contents = "B{{key `hello`}}" destination = "out/two" command = "cp out/two out/two.seen" }
template { contents = "C{{key `still`}}" destination = "out/still" }
HCL
put still there
start -config two.hcl -log-level info
check "two templates of one file" within 20 grep -qx Bchanged out/two.seen
within 20 test -e out/still
echo "by hand" >out/still
put hello anew
check "each run leaves the last one's text" within 20 grep -qx Banew out/two.seen
check "and brings back what somebody else has changed" within 20 grep -qx Cthere out/still
kill -TERM "$daemon"
ended_with 12
put hello changed

cat >time.hcl <<'HCL'
template { contents = "{{key `hello`}}" destination = "out/changes" }
template { contents = "{{timestamp `2006-01-02T15:04:05.000000000`}}" destination = "out/time" }
HCL
start -config time.hcl -original every-run
within 20 test -e out/time && within 20 grep -qx changed out/changes
cp out/time time.before
put hello again
check "in the original's way every run executes all templates" within 20 bash -c '! cmp -s out/time time.before'
kill -TERM "$daemon"
ended_with 12
put hello changed

start -template in.tpl:out/f
within 20 test -e out/f
kill -TERM "$daemon"
ended_with 12
ok "SIGTERM ends it too" $?

# ---- a supervised program
ends "its exit status is ours" 7 'child process died with exit code 7' \
	-once -template in.tpl:out/g -exec 'sh -c "exit 7"'
cat >child.sh <<'SH'
trap 'echo reloaded >>trace' USR1
trap 'echo stopped >>trace; exit 0' INT
echo started >>trace
while :; do sleep 0.05; done
SH
start -template in.tpl:out/h -exec 'bash child.sh' -exec-reload-signal SIGUSR1
check "it starts when all is rendered" within 20 grep -q started trace
put hello third
check "a change gives it the reload signal" within 20 grep -q reloaded trace
kill -INT "$daemon"
ended_with 12
ok "it ends with us" $?
check "by the kill signal" grep -q stopped trace
rm -f trace
start -template in.tpl:out/h -exec 'bash child.sh'
within 20 grep -q started trace
put hello fourth
check "without a reload signal a change starts it again" within 20 bash -c \
	'[ "$(tr "\n" " " <trace)" = "started stopped started " ]'
kill -INT "$daemon"
ended_with 12

rm -f trace
echo 'trap "" INT; echo started >>trace; while :; do sleep 0.05; done' >deaf.sh
start -template in.tpl:out/h -exec 'bash deaf.sh' -exec-kill-timeout 300ms -exec-splay 50ms
within 20 grep -q started trace
put hello fifth
check "who does not hear the kill signal is killed after the kill timeout" within 20 bash -c \
	'[ "$(grep -c started trace)" = 2 ]'
kill -INT "$daemon"
ended_with 12
ok "at the end, too" $?
ends "a program that cannot be started" 14 'executable file not found' \
	-once -template in.tpl:out/h -exec no-such-program
rm -f trace
start -template in.tpl:out/h -exec 'bash child.sh'
within 20 grep -q started trace
kill -HUP "$daemon"
check "SIGHUP ends it and starts it anew" within 20 bash -c \
	'[ "$(tr "\n" " " <trace)" = "started stopped started " ]'
kill -TERM "$daemon"
ended_with 12
cat >env.hcl <<'HCL'
exec {
  command = "env"
  env { whitelist = ["KEPT_*", "PATH"] blacklist = ["KEPT_NOT"] custom = ["ADDED=yes", "KEPT_B=other"] }
}
template { source = "in.tpl" destination = "out/h" }
HCL
KEPT_A=a KEPT_B=b KEPT_NOT=c LOST=d ends "the environment is filtered" 0 '^ADDED=yes$' -config env.hcl -once
check "by the lists, then Consul's, then ours" bash -c \
	'grep -qx KEPT_A=a log && grep -qx KEPT_B=other log && ! grep -qE "KEPT_NOT|LOST" log &&
		grep -qx "CONSUL_HTTP_ADDR=$CONSUL_HTTP_ADDR" log && grep -qx CONSUL_HTTP_SSL=false log'

# ---- an nginx that checks before anything is written
if [ -x /usr/sbin/nginx ]; then
	mkdir -p ngx/conf.d
	cat >ngx/nginx.conf <<-CONF
		pid $scratch/ngx/nginx.pid;
		error_log $scratch/ngx/error.log;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $scratch/ngx/tmp; proxy_temp_path $scratch/ngx/tmp;
			fastcgi_temp_path $scratch/ngx/tmp; uwsgi_temp_path $scratch/ngx/tmp;
			scgi_temp_path $scratch/ngx/tmp;
			server { listen unix:$scratch/ngx/sock; include conf.d/*.conf; }
		}
	CONF
	/usr/sbin/nginx -p "$scratch/ngx" -c "$scratch/ngx/nginx.conf" >nginx.log 2>&1
	within 20 test -s ngx/nginx.pid
	cat >nginx.hcl <<-HCL
		nginx "ingress" { conf = "$scratch/ngx" prefix = "$scratch/ngx" binary = "/usr/sbin/nginx" }
		template {
			contents = "location / { return 200 {{key \`hello\`}}; }{{keyOrDefault \`extra\` \`\`}}"
			destination = "$scratch/ngx/conf.d/app.conf" nginx = "ingress"
			exec { command = "test ! -e refuse" }
		}
	HCL
	serves() { [ "$(curl -s --max-time 5 --unix-socket ngx/sock http://x/)" = "$1" ]; }
	put hello fine
	ends "with nginx = ... the file is checked, written, and taken" 0 'rendered ' -config nginx.hcl -once \
		-log-level info
	check "nginx serves it" within 20 serves fine
	put extra nonsense
	ends "what nginx refuses ends it with 14" 14 'nginx -t: .*(nonsense|unexpected end)' -config nginx.hcl -once
	check "and is not written" bash -c '! grep -q nonsense ngx/conf.d/app.conf'
	put extra ''
	put hello better
	touch refuse
	ends "a command that fails ends it with 14" 14 'the old file is back' -config nginx.hcl -once
	check "and leaves nothing untested live" within 20 serves fine
	check "on disk either" grep -q fine ngx/conf.d/app.conf
	rm refuse
	ends "the next run brings it" 0 '' -config nginx.hcl -once
	check "and nginx serves that" within 20 serves better
	kill "$(cat ngx/nginx.pid)"
	put hello world
else
	ok "an nginx that checks # SKIP there is no nginx" 0
fi

# ---- what differs on purpose: Consul goes away
start -template in.tpl:out/i
within 20 test -e out/i
kill "$agent"
wait "$agent" 2>/dev/null
agent=
check "an outage of Consul is told" within 20 grep -q 'connection refused' log
check "and does not end a daemon" kill -0 "$daemon"
kill -TERM "$daemon"
ended_with 12
start -template in.tpl:out/i -consul-retry-attempts 2
ended_with 14
ok "unless it was told how often to try" $?
start -template in.tpl:out/i -consul-retry=false
ended_with 14
ok "or not to try again" $?

finish
