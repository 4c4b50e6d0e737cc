#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/consul/consul.h"
#include "binnacle/net/endpoint.h"

/* Of serf, as /v1/agent/members gives it: the node must not be alive. */
#define SERF_ALIVE 1

struct leaving {
	struct step_run *run;
	struct consul_call *call;
};

static void on_members(void *arg, const struct json *doc, const struct consul_meta *meta,
		       const struct err *err)
{
	struct leaving *leaving = arg;
	const char *node = json_str(leaving->run->args, "node", "");
	struct err mine = { 0 };
	bool found = false;

	(void)meta;
	leaving->call = NULL;
	JSON_EACH(member, doc)
	{
		if (strcmp(json_str(member, "Name", ""), node) != 0)
			continue;
		found = true;
		if (json_int(member, "Status", 0) == SERF_ALIVE)
			err_set(&mine, ERR_CONFLICT, "%s is alive again", node);
	}
	if (!found)
		err_set(&mine, ERR_CONFLICT, "%s is no member any more", node);
	step_finish(leaving->run, err ? err : mine.code ? &mine : NULL, NULL);
}

static bool check(struct step_run *run, struct err *err)
{
	struct leaving *leaving = run->state;

	leaving->run = run;
	if (!run->env->consul)
		return err_set(err, ERR_INPUT, "no Consul agent is configured");
	leaving->call = consul_get(run->env->consul, "/v1/agent/members", on_members, leaving);
	return true;
}

static void on_left(void *arg, const struct json *doc, const struct consul_meta *meta,
		    const struct err *err)
{
	struct leaving *leaving = arg;

	(void)doc;
	(void)meta;
	leaving->call = NULL;
	step_finish(leaving->run, err, NULL);
}

static bool apply(struct step_run *run, struct err *err)
{
	struct leaving *leaving = run->state;
	struct strbuf path = STRBUF_INIT;

	(void)err;
	strbuf_addstr(&path, "/v1/agent/force-leave/");
	url_escape(&path, json_str(run->args, "node", ""));
	leaving->call = consul_send(run->env->consul, "PUT", path.buf, NULL, on_left, leaving);
	strbuf_release(&path);
	return true;
}

static void cancel(struct step_run *run)
{
	struct leaving *leaving = run->state;

	consul_call_cancel(&leaving->call);
}

const struct step_kind step_force_leave = {
	.name = "force-leave",
	.check = check,
	.apply = apply,
	.cancel = cancel,
	.state_size = sizeof(struct leaving),
	.confirm = PLAN_CONFIRM_TYPED,
	.irreversible = true,
};
