# config.sh - the users' configuration files
# shellcheck shell=bash

# One upstream and one virtual host for every service with the tag "calico". Valid for nginx with no
# such service, and for a service of which no instance passes.
users_template() {
	cat <<'EOF'
{{- range services }}{{ if .Tags | contains "calico" }}
upstream {{ .Name }} {
	least_conn;
{{- range service (printf "calico.%s" .Name) }}
	server {{ .Address }}:{{ .Port }} max_fails=3;
{{- else }}
	server 127.0.0.1:65535 down;
{{- end }}
}

server {
	listen 80;
	server_name {{ .Name | replaceAll "-" "." }}.flyclock.cn;

	location / {
		proxy_pass http://{{ .Name }};
		proxy_set_header Host $host;
		proxy_set_header X-Real-IP $remote_addr;
	}
}
{{ end }}{{ end }}
EOF
}

ingress_nginx_conf() { # USER-LINE PID-FILE LOG-DIR LISTEN
	cat <<EOF
$1
worker_processes 1;
pid $2;
error_log $3/error.log;

events {
	worker_connections 256;
}

http {
	access_log $3/access.log;
	default_type text/plain;

	server {
		listen $4 default_server;
		server_name _;
		return 404 "no such host here\n";
	}

	include conf.d/*.conf;
}
EOF
}

host_nginx_conf() {
	cat <<'EOF'
user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;

events {
	worker_connections 256;
}

http {
	access_log /var/log/nginx/access.log;
	default_type text/plain;

	server {
		listen 80;
		server_name *.flyclock.cn;

		location / {
			proxy_pass http://10.233.49.100:80;
			proxy_set_header Host $host;
			proxy_set_header X-Real-IP $remote_addr;
		}
	}
}
EOF
}

allow_tcp_80='{"inbound_rules":[{"action":"allow","protocol":"tcp","src_nets":["10.233.0.0/16","172.0.0.0/8"],"dst_ports":[80]}],"outbound_rules":[{"action":"allow"}],"selector":"role == '\''nginx'\''","types":["ingress","egress"]}'
