/*
 * bench/template.h - the users' template: an upstream and a virtual host for every service with
 * the tag "calico".
 */
#ifndef BENCH_TEMPLATE_H
#define BENCH_TEMPLATE_H

static const char bench_template[] =
	"{{- range services }}{{ if .Tags | contains \"calico\" }}\n"
	"upstream {{ .Name }} {\n"
	"	least_conn;\n"
	"{{- range service (printf \"calico.%s\" .Name) }}\n"
	"	server {{ .Address }}:{{ .Port }} max_fails=3;\n"
	"{{- else }}\n"
	"	server 127.0.0.1:65535 down;\n"
	"{{- end }}\n"
	"}\n"
	"\n"
	"server {\n"
	"	listen 80;\n"
	"	server_name {{ .Name | replaceAll \"-\" \".\" }}.example.net;\n"
	"\n"
	"	location / {\n"
	"		proxy_pass http://{{ .Name }};\n"
	"		proxy_set_header Host $host;\n"
	"		proxy_set_header X-Real-IP $remote_addr;\n"
	"	}\n"
	"}\n"
	"{{ end }}{{ end }}\n";

#endif
