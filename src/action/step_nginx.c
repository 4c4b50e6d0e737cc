#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/nginx/control.h"
#include "binnacle/render/runner.h"

struct reloading {
	struct step_run *run;
	struct nginx_control *control;
	struct nginx_reload *reload;
};

static void on_reloaded(void *arg, const struct nginx_reload_result *result)
{
	struct reloading *reloading = arg;
	struct err err = { 0 };

	reloading->reload = NULL;
	/* Files that were written before are loaded now, too. */
	if (result->ok && reloading->run->env->runner)
		render_note_loaded(reloading->run->env->runner, reloading->control);
	if (!result->ok)
		err_set(&err, ERR_REFUSED, "%s", result->message);
	step_finish(reloading->run, result->ok ? NULL : &err, result->message);
}

static struct nginx_control *find_nginx(const struct action_env *env, const char *name)
{
	for (size_t i = 0; i < env->nginx_count; i++)
		if (strcmp(env->nginxes[i].name, name) == 0)
			return env->nginxes[i].control;
	return NULL;
}

static bool apply(struct step_run *run, struct err *err)
{
	struct reloading *reloading = run->state;
	const char *name = json_str(run->args, "nginx", "");
	struct nginx_control *control = find_nginx(run->env, name);

	reloading->run = run;
	reloading->control = control;
	if (!control)
		return err_set(err, ERR_CONFLICT, "there is no nginx \"%s\" any more", name);
	reloading->reload = nginx_reload_start(control, on_reloaded, reloading);
	return reloading->reload || err_set(err, ERR_REFUSED, "nginx %s cannot be reloaded", name);
}

static void cancel(struct step_run *run)
{
	struct reloading *reloading = run->state;

	nginx_reload_cancel(&reloading->reload);
}

const struct step_kind step_nginx_reload = {
	.name = "nginx-reload",
	.apply = apply,
	.cancel = cancel,
	.state_size = sizeof(struct reloading),
	.confirm = PLAN_CONFIRM_YES,
};
