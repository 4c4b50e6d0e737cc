/*
 * config.h - what the operator configured: options beat the environment, which beats the file.
 *
 * The file is HCL or JSON (base/hcl.h), the first found of --config, $BINNACLE_CONFIG,
 * $XDG_CONFIG_HOME/binnacle/binnacle.hcl, /etc/binnacle/binnacle.hcl; with none, sensible
 * defaults. A file written for Consul Template works as it is: its keys are known, those that
 * only concern its runner are passed over.
 *
 * Everything lives in the arena of the config.
 */
#ifndef BINNACLE_APP_CONFIG_H
#define BINNACLE_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/action/env.h"
#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"
#include "binnacle/consul/consul.h"
#include "binnacle/model/model.h"
#include "binnacle/register/rules.h"
#include "binnacle/render/runner.h"

struct config_docker {
	const char *node, *host, *cert_path;
	const char *name; /* what it calls itself; NULL: not said */
	bool confirmed, no_verify;
};

struct config_nginx {
	const char *name, *container, *docker; /* docker: node whose daemon runs the container */
	const char *conf, *container_conf, *binary, *prefix;
};

struct config_template {
	struct render_template spec; /* spec.nginx is filled by the engine */
	const char *nginx;           /* name of an nginx block; NULL: none */
};

struct config_bind {
	const char *pane, *key, *run;
};

/* Which of Calico's APIs, each in its own store; AUTO: the one that has data. */
enum config_calico_api { CONFIG_CALICO_AUTO, CONFIG_CALICO_V1, CONFIG_CALICO_V3 };

struct config {
	struct arena arena;
	const char *path; /* the file that was read; NULL: none */
	const char *node, *state_dir;
	struct consul_config consul;
	struct config_docker *dockers;
	size_t docker_count, docker_cap;
	enum config_calico_api calico_api;
	const char *calicoctl_path;        /* the file of calicoctl that was read; NULL: none */
	const char *calico_note;           /* why there is no Calico, when somebody should know */
	const char *const *etcd_endpoints; /* NULL: no Calico */
	const char *etcd_user, *etcd_password, *etcd_ca_file, *etcd_cert_file, *etcd_key_file;
	int64_t grace_ms; /* before an endpoint may be judged; 0: the default */
	struct config_nginx *nginxes;
	size_t nginx_count, nginx_cap;
	struct config_template *templates;
	size_t template_count, template_cap;
	int64_t wait_min_ms, wait_max_ms;
	bool has_render_mode, has_register_mode;
	enum engine_mode render_mode, register_mode;
	struct register_options registration;
	bool deregister_on_exit; /* of an engine without a screen */
	const char *registry; /* URI; NULL: the agent of `consul` */
	const char *theme, *color, *term;
	bool production, read_only, ascii, plain;
	enum action_confirm confirm;
	struct config_bind *binds;
	size_t bind_count, bind_cap;
};

/* Options that may stand on the command line, in the console and with --batch. */
struct config_flags {
	const char *config, *consul, *token_file, *docker, *etcd, *node, *theme, *color, *term;
	bool read_only, ascii, plain;
};

/* Errors name the file and the line. */
bool config_load(struct config *config, const struct config_flags *flags, struct err *err);
/* "auto", "hold" or "off" for both halves of the engine, over what the file says. */
bool config_set_modes(struct config *config, const char *mode, struct err *err);
void config_release(struct config *config);

/* Read a file's text into an empty config: for tests. */
bool config_parse(struct config *config, const char *text, size_t len, struct err *err);

#endif
