/* The halves of the engine have a mode each; the model's facts say so to both front ends. */
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/model/model.h"
#include "binnacle/register/registrar.h"
#include "binnacle/render/runner.h"

static bool is_render(const struct json *args)
{
	return strcmp(json_str(args, "half", ""), "render") == 0;
}

static const char *mode_now(const struct step_run *run)
{
	if (is_render(run->args))
		return run->env->runner ? render_mode_name(render_runner_mode(run->env->runner))
					: "";
	return run->env->registrar ? registrar_mode_name(registrar_get_mode(run->env->registrar))
				   : "";
}

static bool check(struct step_run *run, struct err *err)
{
	const char *now = mode_now(run);

	if (!*now)
		return err_set(err, ERR_INPUT, "nothing is configured to %s here",
			       json_str(run->args, "half", ""));
	if (strcmp(now, json_str(run->args, "before", "")) != 0)
		return err_set(err, ERR_CONFLICT, "the mode is %s now", now);
	step_finish(run, NULL, NULL);
	return true;
}

static bool apply(struct step_run *run, struct err *err)
{
	const char *mode = json_str(run->args, "mode", "");
	struct model_facts *facts = model_facts_mut(run->env->model);
	enum engine_mode *fact;
	enum registrar_mode register_mode;
	enum render_mode render_mode;

	if (is_render(run->args)) {
		if (!render_mode_parse(mode, &render_mode))
			return err_set(err, ERR_INPUT, "there is no mode \"%s\"", mode);
		render_runner_set_mode(run->env->runner, render_mode);
		fact = &facts->render_mode;
	} else {
		if (!registrar_mode_parse(mode, &register_mode))
			return err_set(err, ERR_INPUT, "there is no mode \"%s\"", mode);
		registrar_set_mode(run->env->registrar, register_mode);
		fact = &facts->register_mode;
	}
	*fact = strcmp(mode, "auto") == 0   ? MODE_AUTO
		: strcmp(mode, "hold") == 0 ? MODE_HOLD
					    : MODE_OFF;
	model_facts_changed(run->env->model);
	step_finish(run, NULL, NULL);
	return true;
}

static bool undo(const struct action_env *env, const struct json *args, const struct json *saved,
		 struct plan_target *target, struct err *err)
{
	struct json *back = json_new_object();

	(void)env;
	(void)saved;
	(void)err;
	json_add_str(back, "half", json_str(args, "half", ""));
	json_add_str(back, "mode", json_str(args, "before", ""));
	json_add_str(back, "before", json_str(args, "mode", ""));
	plan_add_step(target, &step_mode, back, "switch %s back to %s", json_str(args, "half", ""),
		      json_str(args, "before", ""));
	return true;
}

const struct step_kind step_mode = {
	.name = "mode",
	.check = check,
	.apply = apply,
	.undo = undo,
	.confirm = PLAN_CONFIRM_YES,
};
