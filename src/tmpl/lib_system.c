/* The functions that reach outside, through the source: environment, plugins, files. And those
 * that reach into the execution: other templates and the scratch store. */
#include <string.h>

#include "format.h"
#include "funcs.h"

static const char *look_up_env(struct call *call)
{
	const struct tmpl_source *source = call_source(call);

	return source->env ? source->env(source->arg, arg_str(call, 0)) : NULL;
}

static const struct tmpl_value *system_env(struct call *call)
{
	const char *value = look_up_env(call);

	return tmpl_str(call->arena, value ? value : "");
}

static const struct tmpl_value *system_env_or_default(struct call *call)
{
	const char *value = look_up_env(call);

	return value ? tmpl_str(call->arena, value) : call->args[1];
}

static const struct tmpl_value *system_must_env(struct call *call)
{
	const char *value = look_up_env(call);

	if (!value || !*value)
		return call_fail(call, "required environment variable %s is empty",
				 arg_str(call, 0));
	return tmpl_str(call->arena, value);
}

static const struct tmpl_value *system_plugin(struct call *call)
{
	const struct tmpl_source *source = call_source(call);
	const char **argv = arena_alloc(call->arena, (call->count + 1) * sizeof(*argv));
	struct strbuf out = STRBUF_INIT, shown = STRBUF_INIT;
	size_t argc = 0;
	bool fine;

	if (!arg_len(call, 0))
		return call->args[0];
	for (size_t i = 0; i < call->count; i++) {
		format_value(&shown, call->args[i]);
		argv[argc] = call_trimmed(call, &shown)->u.string.text;
		if (*argv[argc] || i == 0)
			argc++;
	}
	argv[argc] = NULL;
	if (!source->plugin)
		return call_fail(call, "programs are run only in the place of consul-template");
	if (source->plugin_ready && !source->plugin_ready(source->arg, argv)) {
		for (size_t i = 0; i < argc; i++)
			strbuf_addf(&shown, i ? " %s" : "%s", argv[i]);
		call_note_missing(call, dep_plain(call->arena, DEP_PLUGIN, shown.buf));
		strbuf_release(&shown);
		return tmpl_str(call->arena, "");
	}
	fine = source->plugin(source->arg, argv, &out);
	if (!fine) {
		call_fail(call, "%s", out.buf);
		strbuf_release(&out);
		return NULL;
	}
	return call_trimmed(call, &out);
}

static const struct tmpl_value *system_write_to_file(struct call *call)
{
	const struct tmpl_source *source = call_source(call);
	size_t content = call->count - 1;
	struct err err = { 0 };

	if (call->count > 6)
		return call_fail(call, "wrong number of arguments, expected 5 or 6, but got %zu",
				 call->count);
	if (!source->write_file)
		return call_fail(call, "files are written only in the place of consul-template");
	if (!source->write_file(source->arg, arg_str(call, 0), arg_str(call, 1), arg_str(call, 2),
				arg_str(call, 3), call->count == 6 ? arg_str(call, 4) : "",
				arg_str(call, content), arg_len(call, content), &err))
		return call_fail(call, "%s", err.msg);
	return tmpl_str(call->arena, "");
}

static const struct tmpl_value *system_execute_template(struct call *call)
{
	const struct tmpl_value *dot = tmpl_nil();
	struct strbuf out = STRBUF_INIT;
	bool exists;

	if (call->count > 2)
		return call_fail(call,
				 "executeTemplate: wrong number of arguments, expected 1 or 2"
				 ", but got %zu",
				 call->count);
	if (call->count == 2)
		dot = call->args[1];
	if (call_template(call, arg_str(call, 0), dot, &out, &exists))
		return tmpl_string_from(call->arena, &out);
	strbuf_release(&out);
	if (!exists)
		call_fail(call, "template: no template \"%s\" associated with template \"\"",
			  arg_str(call, 0));
	return NULL;
}

/* The scratch store. Inner maps are maps like all others, but may still be filled. */

static const struct tmpl_value *system_scratch(struct call *call)
{
	struct tmpl_value *handle = arena_alloc(call->arena, sizeof(*handle));

	handle->type = &tmpl_type_scratch;
	handle->u.scratch = call_scratch(call);
	return handle;
}

static const struct tmpl_value *scratch_key(struct call *call)
{
	return tmpl_bool(tmpl_map_get_value(call_scratch(call), call->args[0]) != NULL);
}

static const struct tmpl_value *scratch_get(struct call *call)
{
	const struct tmpl_value *held = tmpl_map_get_value(call_scratch(call), call->args[0]);

	return held ? held : tmpl_nil();
}

static const struct tmpl_value *scratch_set(struct call *call)
{
	if (!call_map_put(call, call_scratch(call), call->args[0], call->args[1]))
		return NULL;
	return tmpl_str(call->arena, "");
}

static const struct tmpl_value *scratch_set_x(struct call *call)
{
	if (tmpl_map_get_value(call_scratch(call), call->args[0]))
		return tmpl_str(call->arena, "");
	return scratch_set(call);
}

/* The inner map of a name, made when absent; NULL: failed. */
static const struct tmpl_value *inner_map(struct call *call)
{
	struct tmpl_value *store = call_scratch(call), *made;
	const struct tmpl_value *held = tmpl_map_get_value(store, call->args[0]);

	if (!held) {
		made = tmpl_map_new(call->arena, &tmpl_type_map);
		tmpl_map_put(call->arena, store, call->args[0], made);
		return made;
	}
	if (held->type == &tmpl_type_map)
		return held;
	return call_fail(call, "\"%s\" is not a map", arg_str(call, 0));
}

static const struct tmpl_value *scratch_map_set(struct call *call)
{
	const struct tmpl_value *map = inner_map(call);

	if (!map || !call_map_put(call, map, call->args[1], call->args[2]))
		return NULL;
	return tmpl_str(call->arena, "");
}

static const struct tmpl_value *scratch_map_set_x(struct call *call)
{
	const struct tmpl_value *map = inner_map(call);

	if (map && tmpl_map_get_value(map, call->args[1]))
		return tmpl_str(call->arena, "");
	if (!map || !call_map_put(call, map, call->args[1], call->args[2]))
		return NULL;
	return tmpl_str(call->arena, "");
}

static const struct tmpl_value *scratch_map_values(struct call *call)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_list);
	const struct tmpl_value *map = tmpl_map_get_value(call_scratch(call), call->args[0]);

	if (!map)
		return list;
	if (map->type != &tmpl_type_map)
		return call_fail(call, "\"%s\" is not a map", arg_str(call, 0));
	for (size_t i = 0; i < map->u.map.count; i++)
		tmpl_list_add(call->arena, list, map->u.map.pairs[i].value);
	return list;
}

static const struct tmpl_func scratch_methods[] = {
	{ "Key", "s", scratch_key },
	{ "Get", "s", scratch_get },
	{ "Set", "sa", scratch_set },
	{ "SetX", "sa", scratch_set_x },
	{ "MapSet", "ssa", scratch_map_set },
	{ "MapSetX", "ssa", scratch_map_set_x },
	{ "MapValues", "s", scratch_map_values },
};

const struct tmpl_func *func_scratch_method(const char *name)
{
	for (size_t i = 0; i < sizeof(scratch_methods) / sizeof(scratch_methods[0]); i++)
		if (strcmp(scratch_methods[i].name, name) == 0)
			return &scratch_methods[i];
	return NULL;
}

const struct tmpl_func system_funcs[] = {
	{ "env", "s", system_env },
	{ "envOrDefault", "ss", system_env_or_default },
	{ "mustEnv", "s", system_must_env },
	{ "plugin", "sa*", system_plugin },
	{ "writeToFile", "sssss*", system_write_to_file },
	{ "executeTemplate", "sa*", system_execute_template },
	{ "scratch", "", system_scratch },
	{ NULL, NULL, NULL },
};
