/* The halves of the engine have a mode each; the model's facts say so to both front ends. */
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/model/model.h"
#include "binnacle/register/registrar.h"
#include "binnacle/render/runner.h"

static bool is_render(const struct json *args)
{
	return strcmp(json_str(args, "half", ""), "render") == 0;
}

static const char *mode_now(const struct action_env *env, const struct json *args)
{
	if (is_render(args))
		return env->runner ? render_mode_name(render_runner_mode(env->runner)) : "";
	return env->registrar ? registrar_mode_name(registrar_get_mode(env->registrar)) : "";
}

static bool check(struct step_run *run, struct err *err)
{
	const char *now = mode_now(run->env, run->args);

	if (!*now)
		return err_set(err, ERR_INPUT, "nothing is configured to %s here",
			       json_str(run->args, "half", ""));
	if (strcmp(now, json_str(run->args, "before", "")) != 0)
		return err_set(err, ERR_CONFLICT, "the mode is %s now", now);
	step_finish(run, NULL, NULL);
	return true;
}

static bool parse_mode(const char *text, enum engine_mode *out)
{
	static const enum engine_mode modes[] = { MODE_OFF, MODE_HOLD, MODE_AUTO };

	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		if (strcmp(engine_mode_name(modes[i]), text) != 0)
			continue;
		*out = modes[i];
		return true;
	}
	return false;
}

static bool apply(struct step_run *run, struct err *err)
{
	/* Steps only read the environment; its own function knows what it may change. */
	struct action_env *env = (struct action_env *)run->env;
	const char *text = json_str(run->args, "mode", "");
	enum engine_mode mode;

	if (!parse_mode(text, &mode))
		return err_set(err, ERR_INPUT, "there is no mode \"%s\"", text);
	if (!env->set_mode)
		return err_set(err, ERR_REFUSED, "the engine here cannot change its mode");
	if (!env->set_mode(env, is_render(run->args) ? ACTION_RENDER : ACTION_REGISTER, mode,
			   err)) {
		/* Another process holds the lock: nothing of the plan has changed. */
		if (err->code == ERR_CONFLICT)
			err->code = ERR_REFUSED;
		return false;
	}
	step_finish(run, NULL, NULL);
	return true;
}

static bool undo(const struct action_env *env, const struct json *args, const struct json *saved,
		 struct plan_target *target, struct err *err)
{
	const char *now = mode_now(env, args);
	struct json *back;

	(void)saved;
	/* The mode of an engine ends with its process. */
	if (strcmp(now, json_str(args, "mode", "")) != 0)
		return err_set(err, ERR_REFUSED, "the mode is %s now", *now ? now : "off");
	back = json_new_object();
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
