/*
 * Registrations. A registration belongs to the agent that holds it: removed there, it is gone
 * until somebody registers it again; removed from the catalog, the agent's next anti-entropy
 * sync brings it back, which is why that route is for nodes without a living agent only.
 *
 * What stood there is read right before it is removed, compared with what the plan saw, and
 * saved: undo registers it again from that. Checks come back only as far as Consul tells how
 * they are defined; headers of checks are left out, they may hold tokens.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/consul/consul.h"
#include "binnacle/model/model.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/register/registrar.h"
#include "binnacle/register/registry.h"

struct service_state {
	struct step_run *run;
	struct consul *consul;
	struct consul_call *call;
	struct registrar_task *task;
	struct json *found; /* what stood there: the payload for undo */
};

static void service_cancel(struct step_run *run)
{
	struct service_state *state = run->state;

	consul_call_cancel(&state->call);
	registrar_task_cancel(&state->task);
	json_free(state->found);
	state->found = NULL;
}

/* Ends the step, and with it the state. */
static void service_end(struct service_state *state, const struct err *err, const char *message)
{
	json_free(state->found);
	state->found = NULL;
	step_finish(state->run, err, message);
}

/* The agent that the args name: "agent" is its address, absent for our own. */
static bool find_agent(struct step_run *run, struct err *err)
{
	struct service_state *state = run->state;
	const char *address = json_str(run->args, "agent", "");

	state->run = run;
	if (!run->env->consul)
		return err_set(err, ERR_INPUT, "no Consul agent is configured");
	if (!*address) {
		state->consul = run->env->consul;
		return true;
	}
	if (!run->env->agent_at)
		return err_set(err, ERR_REFUSED,
			       "it belongs to the agent at %s, which is not asked from here",
			       address);
	state->consul = run->env->agent_at(run->env->agent_at_arg, address, err);
	return state->consul != NULL;
}

static bool is_as_seen(const struct json *service, const struct json *args, struct err *err)
{
	const char *name = json_str(service, "Service", "");
	const char *address = json_str(service, "Address", "");

	if (!*address)
		address = json_str(args, "default_address", "");
	if (strcmp(name, json_str(args, "service", "")) == 0 &&
	    json_int(service, "Port", 0) == json_int(args, "port", 0) &&
	    strcmp(address, json_str(args, "address", "")) == 0)
		return true;
	return err_set(err, ERR_CONFLICT, "it is %s at %s:%lld now", name, address,
		       (long long)json_int(service, "Port", 0));
}

static void copy_member(struct json *into, const char *as, const struct json *from,
			const char *name)
{
	const struct json *value = json_member(from, name);

	if (value && !json_is_null(value))
		json_add(into, as, json_copy(value));
}

/* The body of a registration from the entry of a list. */
static struct json *payload_of(const struct json *service, const char *name_key)
{
	struct json *payload = json_new_object();

	copy_member(payload, "ID", service, "ID");
	copy_member(payload, name_key, service, "Service");
	copy_member(payload, "Tags", service, "Tags");
	copy_member(payload, "Address", service, "Address");
	copy_member(payload, "Port", service, "Port");
	copy_member(payload, "Meta", service, "Meta");
	copy_member(payload, "EnableTagOverride", service, "EnableTagOverride");
	copy_member(payload, "Weights", service, "Weights");
	return payload;
}

/* A left-over whose container came back meanwhile is none any more. */
static bool is_still_dangling(const struct step_run *run, struct err *err)
{
	const struct snapshot *snapshot = model_current(run->env->model, MODEL_INSTANCES);

	if (!json_bool(run->args, "dangling", false))
		return true;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct instance *instance = snapshot_row(snapshot, i);

		if (strcmp(instance->node, json_str(run->args, "node", "")) == 0 &&
		    strcmp(instance->service_id, json_str(run->args, "service_id", "")) == 0 &&
		    !instance->dangling)
			return err_set(err, ERR_CONFLICT, "it is not left over any more");
	}
	return true;
}

static void on_checked(struct service_state *state, const struct json *service,
		       const char *name_key, const struct err *err)
{
	struct err mine = { 0 };

	if (err) {
		service_end(state, err, NULL);
		return;
	}
	if (!service)
		err_set(&mine, ERR_CONFLICT, "it is not registered there any more");
	else if (is_as_seen(service, state->run->args, &mine))
		is_still_dangling(state->run, &mine);
	if (mine.code) {
		service_end(state, &mine, NULL);
		return;
	}
	state->found = payload_of(service, name_key);
	step_finish(state->run, NULL, NULL);
}

static void on_agent_services(void *arg, const struct json *doc, const struct consul_meta *meta,
			      const struct err *err)
{
	struct service_state *state = arg;
	const char *id = json_str(state->run->args, "service_id", "");

	(void)meta;
	state->call = NULL;
	on_checked(state, json_member(doc, id), "Name", err);
}

static bool agent_check(struct step_run *run, struct err *err)
{
	struct service_state *state = run->state;

	if (!find_agent(run, err))
		return false;
	state->call = consul_get(state->consul, "/v1/agent/services", on_agent_services, state);
	return true;
}

static void on_sent(void *arg, const struct json *doc, const struct consul_meta *meta,
		    const struct err *err)
{
	struct service_state *state = arg;

	(void)doc;
	(void)meta;
	state->call = NULL;
	service_end(state, err, NULL);
}

static bool save_found(struct step_run *run, struct err *err)
{
	struct service_state *state = run->state;
	struct json *document = json_new_object();

	json_add(document, "payload", json_copy(state->found));
	return step_save(run, document, err);
}

static bool send(struct step_run *run, const char *path, const struct json *body)
{
	struct service_state *state = run->state;
	struct strbuf text = STRBUF_INIT;

	if (body)
		json_print(&text, body);
	state->call =
		consul_send(state->consul, "PUT", path, body ? text.buf : NULL, on_sent, state);
	strbuf_release(&text);
	return true;
}

static bool agent_deregister(struct step_run *run, struct err *err)
{
	struct strbuf path = STRBUF_INIT;

	if (!save_found(run, err)) {
		service_cancel(run);
		return false;
	}
	strbuf_addstr(&path, "/v1/agent/service/deregister/");
	url_escape(&path, json_str(run->args, "service_id", ""));
	send(run, path.buf, NULL);
	strbuf_release(&path);
	return true;
}

static bool saved_payload(const struct json *args, const struct json *saved, struct json **back,
			  struct err *err)
{
	const struct json *payload = json_get(saved, "payload");

	if (!payload)
		return err_set(err, ERR_REFUSED, "what was registered was not saved");
	*back = json_new_object();
	copy_member(*back, "node", args, "node");
	copy_member(*back, "agent", args, "agent");
	copy_member(*back, "node_address", args, "node_address");
	json_add(*back, "payload", json_copy(payload));
	return true;
}

static bool agent_deregister_undo(const struct action_env *env, const struct json *args,
				  const struct json *saved, struct plan_target *target,
				  struct err *err)
{
	struct json *back;

	(void)env;
	if (!saved_payload(args, saved, &back, err))
		return false;
	plan_add_step(target, &step_register_agent, back,
		      "register %s with the agent of %s again, without its checks",
		      json_str(args, "service_id", ""), json_str(args, "node", ""));
	return true;
}

/* Undo must not take the place of something that was registered meanwhile. */
static void on_free_place(void *arg, const struct json *doc, const struct consul_meta *meta,
			  const struct err *err)
{
	struct service_state *state = arg;
	const char *id = json_str(state->run->args, "payload.ID", "");
	struct err mine;

	(void)meta;
	state->call = NULL;
	if (!err && json_member(doc, id)) {
		err_set(&mine, ERR_CONFLICT, "\"%s\" is registered again already", id);
		err = &mine;
	}
	service_end(state, err, NULL);
}

static bool agent_register_check(struct step_run *run, struct err *err)
{
	struct service_state *state = run->state;

	if (!find_agent(run, err))
		return false;
	state->call = consul_get(state->consul, "/v1/agent/services", on_free_place, state);
	return true;
}

static bool agent_register(struct step_run *run, struct err *err)
{
	(void)err;
	return send(run, "/v1/agent/service/register", json_get(run->args, "payload"));
}

static bool agent_register_undo(const struct action_env *env, const struct json *args,
				const struct json *saved, struct plan_target *target,
				struct err *err)
{
	struct json *back = json_new_object();

	(void)env;
	(void)saved;
	(void)err;
	copy_member(back, "node", args, "node");
	copy_member(back, "agent", args, "agent");
	json_add_str(back, "service_id", json_str(args, "payload.ID", ""));
	json_add_str(back, "service", json_str(args, "payload.Name", ""));
	json_add_str(back, "address", json_str(args, "payload.Address", ""));
	json_add_int(back, "port", json_int(args, "payload.Port", 0));
	plan_add_step(target, &step_deregister_agent, back, "deregister %s by the agent of %s",
		      json_str(args, "payload.ID", ""), json_str(args, "node", ""));
	return true;
}

static void on_catalog_node(void *arg, const struct json *doc, const struct consul_meta *meta,
			    const struct err *err)
{
	struct service_state *state = arg;
	const char *id = json_str(state->run->args, "service_id", "");

	(void)meta;
	state->call = NULL;
	on_checked(state, json_member(json_get(doc, "Services"), id), "Service", err);
}

static bool get_catalog_node(struct step_run *run, consul_fn *done, struct err *err)
{
	struct service_state *state = run->state;
	struct strbuf path = STRBUF_INIT;

	if (!find_agent(run, err))
		return false;
	strbuf_addstr(&path, "/v1/catalog/node/");
	url_escape(&path, json_str(run->args, "node", ""));
	state->call = consul_get(state->consul, path.buf, done, state);
	strbuf_release(&path);
	return true;
}

static bool catalog_check(struct step_run *run, struct err *err)
{
	return get_catalog_node(run, on_catalog_node, err);
}

static bool catalog_deregister(struct step_run *run, struct err *err)
{
	struct json *body;

	if (!save_found(run, err)) {
		service_cancel(run);
		return false;
	}
	body = json_new_object();
	json_add_str(body, "Node", json_str(run->args, "node", ""));
	json_add_str(body, "ServiceID", json_str(run->args, "service_id", ""));
	send(run, "/v1/catalog/deregister", body);
	json_free(body);
	return true;
}

static bool catalog_deregister_undo(const struct action_env *env, const struct json *args,
				    const struct json *saved, struct plan_target *target,
				    struct err *err)
{
	struct json *back;

	(void)env;
	if (!saved_payload(args, saved, &back, err))
		return false;
	plan_add_step(target, &step_register_catalog, back,
		      "put %s of %s into the catalog again, without its checks",
		      json_str(args, "service_id", ""), json_str(args, "node", ""));
	return true;
}

static void on_free_catalog_place(void *arg, const struct json *doc, const struct consul_meta *meta,
				  const struct err *err)
{
	on_free_place(arg, json_get(doc, "Services"), meta, err);
}

static bool catalog_register_check(struct step_run *run, struct err *err)
{
	return get_catalog_node(run, on_free_catalog_place, err);
}

static bool catalog_register(struct step_run *run, struct err *err)
{
	struct json *body = json_new_object();

	(void)err;
	json_add_str(body, "Node", json_str(run->args, "node", ""));
	json_add_str(body, "Address", json_str(run->args, "node_address", ""));
	json_add_bool(body, "SkipNodeUpdate", true);
	json_add(body, "Service", json_copy(json_get(run->args, "payload")));
	send(run, "/v1/catalog/register", body);
	json_free(body);
	return true;
}

static void on_registrar(void *arg, const char *text, const struct err *err)
{
	struct service_state *state = arg;

	state->task = NULL;
	service_end(state, err, text);
}

/* The plan carries what each service would be sent as. */
static bool is_as_planned(const struct json *args, const struct register_wanted *wanted)
{
	struct strbuf body = STRBUF_INIT;
	size_t i = 0;
	bool same = true;

	JSON_EACH(planned, json_get(args, "services"))
	{
		if (i == wanted->service_count) {
			same = false;
			break;
		}
		strbuf_reset(&body);
		registry_body(&body, &wanted->services[i++]);
		same = same && strcmp(body.buf, json_as_str(planned, "")) == 0;
	}
	strbuf_release(&body);
	return same && i == wanted->service_count;
}

static bool register_check(struct step_run *run, struct err *err)
{
	struct service_state *state = run->state;
	const struct register_wanted *wanted;
	const char *name = json_str(run->args, "container", "");

	state->run = run;
	if (!run->env->registrar)
		return err_set(err, ERR_INPUT, "no registrar is configured for this host");
	wanted = registrar_wanted(run->env->registrar, name);
	if (!wanted)
		return err_set(err, ERR_CONFLICT, "no such container runs on this host");
	if (!is_as_planned(run->args, wanted))
		return err_set(err, ERR_CONFLICT,
			       "what it wants registered is not as planned any more");
	step_finish(run, NULL, NULL);
	return true;
}

static bool register_apply(struct step_run *run, struct err *err)
{
	struct service_state *state = run->state;
	const char *name = json_str(run->args, "container", "");
	const struct register_wanted *wanted = registrar_wanted(run->env->registrar, name);
	struct json *document = json_new_object(), *services = json_add_array(document, "services");

	for (size_t i = 0; wanted && i < wanted->service_count; i++) {
		const struct register_service *service = &wanted->services[i];
		struct json *item = json_add_object(services, NULL);

		json_add_str(item, "service_id", service->id);
		json_add_str(item, "service", service->name);
		json_add_str(item, "address", service->address);
		json_add_int(item, "port", service->port);
	}
	if (!step_save(run, document, err))
		return false;
	state->task = registrar_register_start(run->env->registrar, name, on_registrar, state);
	return state->task || err_set(err, ERR_REFUSED, "\"%s\" cannot be registered", name);
}

static bool register_undo(const struct action_env *env, const struct json *args,
			  const struct json *saved, struct plan_target *target, struct err *err)
{
	size_t count = 0;

	(void)args;
	JSON_EACH(service, json_get(saved, "services"))
	{
		struct json *back = json_copy(service);

		json_add_str(back, "node", env->node ? env->node : "");
		plan_add_step(target, &step_deregister_agent, back,
			      "deregister %s by the agent of this host",
			      json_str(service, "service_id", ""));
		count++;
	}
	return count || err_set(err, ERR_REFUSED, "it registered nothing");
}

static bool resync_apply(struct step_run *run, struct err *err)
{
	if (!run->env->registrar)
		return err_set(err, ERR_INPUT, "no registrar is configured for this host");
	registrar_resync(run->env->registrar);
	step_finish(run, NULL, "asked for a comparison of everything");
	return true;
}

const struct step_kind step_register = {
	.name = "register",
	.check = register_check,
	.apply = register_apply,
	.cancel = service_cancel,
	.undo = register_undo,
	.state_size = sizeof(struct service_state),
	.confirm = PLAN_CONFIRM_YES,
};

const struct step_kind step_deregister_agent = {
	.name = "deregister-agent",
	.check = agent_check,
	.apply = agent_deregister,
	.cancel = service_cancel,
	.undo = agent_deregister_undo,
	.state_size = sizeof(struct service_state),
	.confirm = PLAN_CONFIRM_YES,
	.typed_from = 5,
};

const struct step_kind step_register_agent = {
	.name = "register-agent",
	.check = agent_register_check,
	.apply = agent_register,
	.cancel = service_cancel,
	.undo = agent_register_undo,
	.state_size = sizeof(struct service_state),
	.confirm = PLAN_CONFIRM_YES,
};

const struct step_kind step_deregister_catalog = {
	.name = "deregister-catalog",
	.check = catalog_check,
	.apply = catalog_deregister,
	.cancel = service_cancel,
	.undo = catalog_deregister_undo,
	.state_size = sizeof(struct service_state),
	.confirm = PLAN_CONFIRM_TYPED,
};

const struct step_kind step_register_catalog = {
	.name = "register-catalog",
	.check = catalog_register_check,
	.apply = catalog_register,
	.cancel = service_cancel,
	.state_size = sizeof(struct service_state),
	.confirm = PLAN_CONFIRM_YES,
};

const struct step_kind step_resync = {
	.name = "resync",
	.apply = resync_apply,
	.confirm = PLAN_CONFIRM_YES,
};
