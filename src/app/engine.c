#include "engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/action/env.h"
#include "binnacle/action/journal.h"
#include "binnacle/base/file.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strmap.h"
#include "binnacle/consul/consul.h"
#include "binnacle/docker/docker.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/feed/calico_feed.h"
#include "binnacle/feed/consul_feed.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/net/http.h"
#include "binnacle/nginx/control.h"
#include "binnacle/register/registrar.h"
#include "binnacle/register/registry.h"
#include "binnacle/render/container.h"
#include "binnacle/render/runner.h"
#include "bridge_register.h"
#include "bridge_render.h"
#include "config.h"

struct engine {
	struct loop *loop;
	const struct config *config;
	struct http *http;
	struct model *model;
	struct action_env env;
	struct consul *registry_consul; /* when the registry is another agent */
	struct strmap agents;           /* address -> struct consul, made when first asked for */
	struct registry *registry;
	struct bridge_render *bridge_render;
	struct bridge_register *bridge_register;
	char *state_dir;
	int locks[2]; /* by enum action_half; -1: not held */
};

/* ---- modes and their locks ---- */

static const char *const half_names[] = { "render", "register" };

/* One engine in auto per host and half: the lock file says who. */
static bool take_lock(struct engine *engine, enum action_half half, struct err *err)
{
	char *path;

	if (engine->locks[half] >= 0)
		return true;
	if (!file_mkdirs(engine->state_dir, 0700, err))
		return false;
	path = xasprintf("%s/%s.lock", engine->state_dir, half_names[half]);
	engine->locks[half] = file_lock(path, err);
	free(path);
	if (engine->locks[half] < 0)
		err_context(err, "another engine is in auto for %s on this host", half_names[half]);
	return engine->locks[half] >= 0;
}

static void drop_lock(struct engine *engine, enum action_half half)
{
	if (engine->locks[half] >= 0)
		close(engine->locks[half]);
	engine->locks[half] = -1;
}

static bool set_mode(struct action_env *env, enum action_half half, enum engine_mode mode,
		     struct err *err)
{
	static const enum render_mode render_modes[] = { RENDER_OFF, RENDER_HOLD, RENDER_AUTO };
	static const enum registrar_mode register_modes[] = { REGISTRAR_OFF, REGISTRAR_HOLD,
							      REGISTRAR_AUTO };
	struct engine *engine = env->engine;
	struct model_facts *facts = model_facts_mut(engine->model);

	if (mode == MODE_AUTO && !take_lock(engine, half, err))
		return false;
	if (half == ACTION_RENDER) {
		if (env->runner)
			render_runner_set_mode(env->runner, render_modes[mode]);
		facts->render_mode = mode;
	} else {
		if (env->registrar)
			registrar_set_mode(env->registrar, register_modes[mode]);
		facts->register_mode = mode;
	}
	if (mode != MODE_AUTO)
		drop_lock(engine, half);
	model_facts_changed(engine->model);
	return true;
}

/* ---- making the parts ---- */

static bool make_consul(struct engine *engine, struct err *err)
{
	engine->env.consul = consul_new(engine->loop, engine->http, &engine->config->consul, err);
	return engine->env.consul || err_context(err, "consul");
}

/* The other agents listen on the port that ours does. */
static struct consul *agent_at(void *arg, const char *address, struct err *err)
{
	struct engine *engine = arg;
	struct consul *agent = strmap_get(&engine->agents, address);
	const char *ours = consul_address(engine->env.consul), *port = strrchr(ours, ':');
	struct consul_config other = engine->config->consul;
	char *full;

	if (agent)
		return agent;
	full = xasprintf("%s%s", address, port && !strchr(port, '/') ? port : ":8500");
	other.address = full;
	agent = consul_new(engine->loop, engine->http, &other, err);
	free(full);
	if (agent)
		strmap_put(&engine->agents, address, agent);
	return agent;
}

static bool make_dockers(struct engine *engine, struct err *err)
{
	const struct config *config = engine->config;
	struct action_env *env = &engine->env;

	env->dockers = xcalloc(config->docker_count + 1, sizeof(*env->dockers));
	for (size_t i = 0; i < config->docker_count; i++) {
		const struct config_docker *source = &config->dockers[i];
		struct docker_config docker_config = {
			.name = source->node,
			.host = source->host,
			.cert_path = source->cert_path,
			.no_verify = source->no_verify,
		};
		struct docker *docker = docker_new(engine->loop, engine->http, &docker_config, err);

		if (!docker)
			return err_context(err, "docker \"%s\"", source->node);
		env->dockers[env->docker_count++] = (struct action_docker){
			.node = source->node,
			.docker = docker,
			.confirmed = source->confirmed,
			.local = strcmp(source->node, config->node) == 0,
		};
	}
	return true;
}

static bool make_etcd(struct engine *engine, struct err *err)
{
	static const enum etcd_api apis[] = { [CONFIG_CALICO_AUTO] = ETCD_UNDECIDED,
					      [CONFIG_CALICO_V1] = ETCD_V2,
					      [CONFIG_CALICO_V3] = ETCD_V3 };
	const struct config *config = engine->config;
	struct etcd_config etcd_config = {
		.api = apis[config->calico_api],
		.endpoints = config->etcd_endpoints,
		.user = config->etcd_user,
		.password = config->etcd_password,
		.ca_file = config->etcd_ca_file,
		.cert_file = config->etcd_cert_file,
		.key_file = config->etcd_key_file,
	};

	if (!config->etcd_endpoints)
		return true;
	engine->env.etcd = etcd_new(engine->loop, engine->http, &etcd_config, err);
	return engine->env.etcd || err_context(err, "calico");
}

static struct docker *docker_for(const struct engine *engine, const char *node)
{
	for (size_t i = 0; i < engine->env.docker_count; i++) {
		const struct action_docker *docker = &engine->env.dockers[i];

		if (node ? strcmp(docker->node, node) == 0 : docker->local)
			return docker->docker;
	}
	return NULL;
}

static struct nginx_control *make_nginx(struct engine *engine, const struct config_nginx *source,
					struct err *err)
{
	const struct nginx_spec spec = {
		.name = source->name,
		.folder = source->conf,
		.binary = source->binary,
		.prefix = source->prefix,
		.seen_as = source->container_conf,
	};
	struct docker *docker;

	if (!source->container)
		return nginx_control_new(engine->loop, &spec, err);
	docker = docker_for(engine, source->docker);
	if (docker)
		return container_nginx_new(engine->loop, docker, source->container, &spec, err);
	err_set(err, ERR_INPUT, "it runs in a container, but there is no docker block for %s",
		source->docker ? source->docker : engine->config->node);
	return NULL;
}

static bool make_nginxes(struct engine *engine, struct err *err)
{
	const struct config *config = engine->config;
	struct action_env *env = &engine->env;

	env->nginxes = xcalloc(config->nginx_count + 1, sizeof(*env->nginxes));
	for (size_t i = 0; i < config->nginx_count; i++) {
		const struct config_nginx *source = &config->nginxes[i];
		struct nginx_control *control = make_nginx(engine, source, err);

		if (!control)
			return err_context(err, "nginx \"%s\"", source->name);
		env->nginxes[env->nginx_count++] = (struct action_nginx){ source->name, control };
	}
	return true;
}

static bool make_templates(struct engine *engine, struct err *err)
{
	const struct config *config = engine->config;
	struct action_env *env = &engine->env;

	for (size_t i = 0; i < config->template_count; i++) {
		struct render_template spec = config->templates[i].spec;
		const char *wanted = config->templates[i].nginx;

		for (size_t n = 0; wanted && n < env->nginx_count; n++)
			if (strcmp(env->nginxes[n].name, wanted) == 0)
				spec.nginx = env->nginxes[n].control;
		if (wanted && !spec.nginx)
			return err_set(
				err, ERR_INPUT,
				"the template for %s names nginx \"%s\", but there is no such "
				"nginx block",
				spec.destination, wanted);
		if (!render_runner_add(env->runner, &spec, err))
			return false;
	}
	return true;
}

static bool make_runner(struct engine *engine, struct err *err)
{
	static const struct render_events events = { bridge_render_changed };
	const struct render_options options = {
		.mode = RENDER_HOLD,
		.state_dir = engine->state_dir,
		.wait_min_ms = engine->config->wait_min_ms,
		.wait_max_ms = engine->config->wait_max_ms,
	};

	engine->bridge_render = bridge_render_new(engine->loop, engine->model);
	engine->env.runner = render_runner_new(engine->loop, engine->env.consul, &options, &events,
					       engine->bridge_render);
	if (!make_templates(engine, err))
		return false;
	bridge_render_attach(engine->bridge_render, engine->env.runner);
	return true;
}

/* The registry is the agent that `consul` names unless the URI names another. */
static bool make_registry(struct engine *engine, struct err *err)
{
	const char *uri = engine->config->registry;
	const char *address = uri ? uri + strlen("consul://") : "";
	struct consul *consul = engine->env.consul;
	struct consul_config other = engine->config->consul;

	if (*address && strcmp(address, consul_address(consul)) != 0) {
		other.address = address;
		engine->registry_consul = consul_new(engine->loop, engine->http, &other, err);
		consul = engine->registry_consul;
		if (!consul)
			return err_context(err, "register");
	}
	engine->registry = registry_consul_new(consul);
	return true;
}

static bool make_registrar(struct engine *engine, struct err *err)
{
	static const struct registrar_callbacks callbacks = { bridge_register_event,
							      bridge_register_changed };
	struct register_options options = engine->config->registration;
	struct action_env *env = &engine->env;
	struct docker *docker = docker_for(engine, NULL);

	engine->bridge_register =
		bridge_register_new(engine->loop, engine->model, env->docker_feed);
	if (!docker)
		return true; /* no daemon of this host: nothing to register */
	if (!make_registry(engine, err))
		return false;
	options.http = engine->http;
	env->registrar = registrar_new(engine->loop, docker, engine->registry, &options, &callbacks,
				       engine->bridge_register, err);
	if (!env->registrar)
		return err_context(err, "register");
	bridge_register_attach(engine->bridge_register, engine->config->node, env->registrar);
	return true;
}

static void make_feeds(struct engine *engine)
{
	const struct calico_feed_options options = { .grace_ms = engine->config->grace_ms };
	struct action_env *env = &engine->env;

	env->docker_feed = docker_feed_new(engine->loop, engine->model);
	for (size_t i = 0; i < env->docker_count; i++)
		docker_feed_add(env->docker_feed, env->dockers[i].node, env->dockers[i].docker,
				env->dockers[i].confirmed);
	for (size_t i = 0; i < engine->config->docker_count; i++)
		docker_feed_set_daemon_name(env->docker_feed, engine->config->dockers[i].node,
					    engine->config->dockers[i].name);
	env->consul_feed =
		consul_feed_new(engine->loop, engine->model, env->consul, env->docker_feed);
	if (env->etcd)
		env->calico_feed = calico_feed_new(engine->loop, engine->model, env->etcd,
						   env->docker_feed, &options);
	else
		model_set_source(engine->model, SOURCE_CALICO, SOURCE_OFF, "",
				 engine->config->calico_note
					 ? engine->config->calico_note
					 : "no etcd is configured: calico { endpoints = [...] } or "
					   "$ETCD_ENDPOINTS");
}

/* The container that nginx runs in is known from Docker; an nginx of this host by its file. */
static void publish_nginx(void *arg)
{
	struct engine *engine = arg;
	const struct config *config = engine->config;

	for (size_t i = 0; i < config->nginx_count; i++) {
		const struct config_nginx *nginx = &config->nginxes[i];
		const char *node = nginx->docker ? nginx->docker : config->node;
		const struct calico_docker_view *view =
			docker_feed_view(engine->env.docker_feed, node);
		const struct calico_container *found = NULL;
		char message[200];

		if (!nginx->container) {
			const char *path = nginx_control_path(engine->env.nginxes[i].control);

			if (access(path, R_OK) == 0)
				continue;
			snprintf(message, sizeof(message), "%s: cannot read %s", nginx->name, path);
			model_set_source(engine->model, SOURCE_NGINX, SOURCE_DOWN, "", message);
			return;
		}
		if (!view)
			return; /* not answered yet */
		for (size_t n = 0; n < view->container_count && !found; n++)
			if (strcmp(view->containers[n].name, nginx->container) == 0)
				found = &view->containers[n];
		if (view->complete && found && found->running)
			continue;
		if (!view->complete)
			snprintf(message, sizeof(message), "%s: %s", nginx->name, view->problem);
		else
			snprintf(message, sizeof(message), "%s: container %s is %s", nginx->name,
				 nginx->container, found ? found->status : "not there");
		model_set_source(engine->model, SOURCE_NGINX, SOURCE_DOWN, "", message);
		return;
	}
	if (config->nginx_count)
		model_set_source(engine->model, SOURCE_NGINX, SOURCE_OK, "", "");
}

static void publish_facts(struct engine *engine)
{
	struct model_facts *facts = model_facts_mut(engine->model);

	facts->production = engine->config->production;
	facts->read_only = engine->config->read_only;
	model_facts_changed(engine->model);
	if (engine->config->nginx_count)
		model_set_source(engine->model, SOURCE_NGINX, SOURCE_LOADING, "", "");
	else
		model_set_source(engine->model, SOURCE_NGINX, SOURCE_OFF, "",
				 "no nginx block is configured");
}

/* What the operator configured, else what fits the use. One call of --batch acts through its own
 * plan alone, so its engine never acts by itself. */
static enum engine_mode first_mode(enum engine_use use, bool configured, enum engine_mode mode)
{
	if (!configured)
		mode = use == ENGINE_RUN ? MODE_AUTO : MODE_HOLD;
	if (use == ENGINE_ONE_CALL && mode == MODE_AUTO)
		mode = MODE_HOLD;
	return mode;
}

static bool start_half(struct engine *engine, enum engine_use use, enum action_half half,
		       enum engine_mode mode, struct err *err)
{
	if (set_mode(&engine->env, half, mode, err))
		return true;
	if (use == ENGINE_RUN || err->code != ERR_CONFLICT)
		return false;
	log_warn("engine", "%s; %s starts in hold", err->msg, half_names[half]);
	return set_mode(&engine->env, half, MODE_HOLD, err);
}

static bool start_modes(struct engine *engine, enum engine_use use, struct err *err)
{
	const struct config *config = engine->config;

	return start_half(engine, use, ACTION_RENDER,
			  first_mode(use, config->has_render_mode, config->render_mode), err) &&
	       start_half(engine, use, ACTION_REGISTER,
			  first_mode(use, config->has_register_mode, config->register_mode), err);
}

struct engine *engine_new(struct loop *loop, const struct config *config, enum engine_use use,
			  struct err *err)
{
	struct engine *engine = xcalloc(1, sizeof(*engine));
	struct action_env *env = &engine->env;

	engine->loop = loop;
	engine->config = config;
	engine->locks[0] = engine->locks[1] = -1;
	engine->http = http_new(loop);
	engine->model = model_new();
	engine->state_dir = config->state_dir ? xstrdup(config->state_dir) : target_state_dir();
	env->loop = loop;
	env->http = engine->http;
	env->model = engine->model;
	env->node = config->node;
	env->production_dc = config->production ? model_facts(engine->model)->datacenter : NULL;
	env->read_only = config->read_only;
	env->confirm = config->confirm;
	env->state_dir = engine->state_dir;
	env->set_mode = set_mode;
	env->agent_at = agent_at;
	env->agent_at_arg = engine;
	env->engine = engine;
	publish_facts(engine);
	if (!make_consul(engine, err) || !make_dockers(engine, err) || !make_etcd(engine, err) ||
	    !make_nginxes(engine, err) || !make_runner(engine, err))
		goto failed;
	make_feeds(engine);
	if (!make_registrar(engine, err))
		goto failed;
	docker_feed_listen(env->docker_feed, publish_nginx, engine);
	env->journal = journal_open(engine->state_dir, engine->model, err);
	if (!env->journal || !start_modes(engine, use, err))
		goto failed;
	render_runner_start(env->runner);
	return engine;
failed:
	engine_free(engine);
	return NULL;
}

void engine_free(struct engine *engine)
{
	struct action_env *env;

	if (!engine)
		return;
	env = &engine->env;
	registrar_free(env->registrar);
	render_runner_free(env->runner);
	calico_feed_free(env->calico_feed);
	consul_feed_free(env->consul_feed);
	bridge_render_free(engine->bridge_render);
	bridge_register_free(engine->bridge_register);
	docker_feed_free(env->docker_feed);
	journal_close(env->journal);
	for (size_t i = 0; i < env->nginx_count; i++)
		nginx_control_free(env->nginxes[i].control);
	registry_free(engine->registry);
	consul_free(engine->registry_consul);
	for (size_t i = 0; i < engine->agents.count; i++)
		consul_free(engine->agents.entries[i].value);
	strmap_release(&engine->agents);
	consul_free(env->consul);
	etcd_free(env->etcd);
	for (size_t i = 0; i < env->docker_count; i++)
		docker_free(env->dockers[i].docker);
	drop_lock(engine, ACTION_RENDER);
	drop_lock(engine, ACTION_REGISTER);
	free(env->nginxes);
	free(env->dockers);
	model_free(engine->model);
	http_free(engine->http);
	free(engine->state_dir);
	free(engine);
}

struct action_env *engine_env(struct engine *engine)
{
	return &engine->env;
}
