#include "given.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/encode.h"
#include "binnacle/base/json.h"
#include "binnacle/base/text.h"
#include "binnacle/render/answers.h"
#include "binnacle/tmpl/data.h"
#include "runner_private.h"

/* Another number when the encoding or the types change. */
#define FORMAT "binnacle answers 1"

struct given {
	struct json *doc;      /* NULL: nothing is given yet */
	struct strmap encoded; /* text of a dependency to its encoded value, in doc */
	struct strmap values;  /* those that were looked up */
	struct arena arena;    /* of these */
};

/* ---- values to JSON ---- */

static struct json *encode_string(const struct tmpl_value *value)
{
	const char *text = value->u.string.text;
	size_t len = value->u.string.len;
	struct strbuf base64 = STRBUF_INIT;
	struct json *object;

	if (strlen(text) == len && text_is_utf8(text, len))
		return json_new_str(text);
	object = json_new_object();
	base64_encode(&base64, text, len, BASE64_STANDARD);
	json_add_str(object, "base64", base64.buf);
	strbuf_release(&base64);
	return object;
}

/* As text: a JSON number holds 53 bits. */
static struct json *encode_number(const struct tmpl_value *value)
{
	char text[40];

	if (value->type->kind == TMPL_INT)
		snprintf(text, sizeof(text), "%lld", (long long)value->u.integer);
	else if (value->type->kind == TMPL_UINT)
		snprintf(text, sizeof(text), "%llu", (unsigned long long)value->u.uinteger);
	else
		snprintf(text, sizeof(text), "%.17g", value->u.real);
	return json_new_str(text);
}

static struct json *encode_record(const struct tmpl_value *value)
{
	const struct tmpl_type *type = value->type;
	struct json *object = json_new_object();

	for (size_t i = 0; i < type->field_count; i++)
		json_add(object, type->fields[i].name, given_encode(value->u.fields[i]));
	return object;
}

static struct json *encode_map(const struct tmpl_value *value)
{
	struct json *array = json_new_array();

	for (size_t i = 0; i < value->u.map.count; i++) {
		struct json *pair = json_add_array(array, NULL);

		json_add(pair, NULL, given_encode(value->u.map.pairs[i].key));
		json_add(pair, NULL, given_encode(value->u.map.pairs[i].value));
	}
	return array;
}

static struct json *new_null(void)
{
	struct json *array = json_new_array(), *null;

	json_add_null(array, NULL);
	null = json_copy(json_first(array));
	json_free(array);
	return null;
}

struct json *given_encode(const struct tmpl_value *value)
{
	struct json *array;

	switch (value->type->kind) {
	case TMPL_BOOL:
		return json_new_str(value->u.boolean ? "true" : "false");
	case TMPL_INT:
	case TMPL_UINT:
	case TMPL_FLOAT:
		return encode_number(value);
	case TMPL_STRING:
		return encode_string(value);
	case TMPL_LIST:
		if (value->u.list.null)
			break;
		array = json_new_array();
		for (size_t i = 0; i < value->u.list.count; i++)
			json_add(array, NULL, given_encode(value->u.list.items[i]));
		return array;
	case TMPL_MAP:
		if (value->u.map.null)
			break;
		return encode_map(value);
	case TMPL_RECORD:
		if (!value->u.fields)
			break;
		return encode_record(value);
	case TMPL_NIL:
	case TMPL_COMPLEX:
	case TMPL_TIME:
	case TMPL_STREAM:
	case TMPL_SCRATCH:
		break; /* no answer holds the last four */
	}
	return new_null();
}

/* ---- and back ---- */

static const struct tmpl_value *decode(struct arena *arena, const struct tmpl_type *type,
				       const struct json *json);

static const struct tmpl_value *decode_string(struct arena *arena, const struct json *json)
{
	const char *base64 = json_str(json, "base64", NULL);
	struct strbuf bytes = STRBUF_INIT;

	if (json_is_string(json))
		return tmpl_str(arena, json_as_str(json, ""));
	if (!base64 || !base64_decode(&bytes, base64, strlen(base64), BASE64_STANDARD, NULL))
		return NULL;
	return tmpl_string_from(arena, &bytes);
}

static const struct tmpl_value *decode_number(struct arena *arena, const struct tmpl_type *type,
					      const char *text)
{
	struct tmpl_value *value = arena_alloc(arena, sizeof(*value));
	char *end = NULL;

	value->type = type;
	if (type->kind == TMPL_INT)
		value->u.integer = strtoll(text, &end, 10);
	else if (type->kind == TMPL_UINT)
		value->u.uinteger = strtoull(text, &end, 10);
	else
		value->u.real = strtod(text, &end);
	return *text && !*end ? value : NULL;
}

static const struct tmpl_value *decode_list(struct arena *arena, const struct tmpl_type *type,
					    const struct json *json)
{
	struct tmpl_value *list = tmpl_list_new(arena, type);

	if (!json_is_array(json))
		return NULL;
	JSON_EACH(item, json)
	{
		const struct tmpl_value *value = decode(arena, type->elem, item);

		if (!value)
			return NULL;
		tmpl_list_add(arena, list, value);
	}
	return list;
}

static const struct tmpl_value *decode_map(struct arena *arena, const struct tmpl_type *type,
					   const struct json *json)
{
	struct tmpl_value *map = tmpl_map_new(arena, type);

	if (!json_is_array(json))
		return NULL;
	JSON_EACH(pair, json)
	{
		const struct json *first = json_first(pair);
		const struct tmpl_value *key = decode_string(arena, first), *value;

		value = key && json_next(first) ? decode(arena, type->elem, json_next(first))
						: NULL;
		if (!value)
			return NULL;
		tmpl_map_put(arena, map, key, value);
	}
	return map;
}

static const struct tmpl_value *decode_record(struct arena *arena, const struct tmpl_type *type,
					      const struct json *json)
{
	struct tmpl_value *record = tmpl_record_new(arena, type);

	if (!json_is_object(json))
		return NULL;
	for (size_t i = 0; i < type->field_count; i++) {
		const struct tmpl_field *field = &type->fields[i];
		const struct json *member = json_member(json, field->name);
		const struct tmpl_value *value = member ? decode(arena, field->type, member) : NULL;

		if (!value)
			return NULL;
		tmpl_record_set(record, field->name, value);
	}
	return record;
}

static const struct tmpl_value *decode(struct arena *arena, const struct tmpl_type *type,
				       const struct json *json)
{
	bool has_zero = type->kind == TMPL_LIST || type->kind == TMPL_MAP ||
			type->kind == TMPL_NIL || (type->kind == TMPL_RECORD && type->pointer);

	if (json_is_null(json))
		return has_zero ? tmpl_zero(arena, type) : NULL;
	switch (type->kind) {
	case TMPL_BOOL:
		return json_is_string(json) ? tmpl_bool(strcmp(json_as_str(json, ""), "true") == 0)
					    : NULL;
	case TMPL_INT:
	case TMPL_UINT:
	case TMPL_FLOAT:
		return decode_number(arena, type, json_as_str(json, ""));
	case TMPL_STRING:
	case TMPL_NIL: /* of an optional key: nil or a text */
		return decode_string(arena, json);
	case TMPL_LIST:
		return decode_list(arena, type, json);
	case TMPL_MAP:
		return decode_map(arena, type, json);
	case TMPL_RECORD:
		return decode_record(arena, type, json);
	case TMPL_COMPLEX:
	case TMPL_TIME:
	case TMPL_STREAM:
	case TMPL_SCRATCH:
		break;
	}
	return NULL;
}

/* ---- what was given ---- */

bool given_may_share(const struct dep *dep)
{
	return dep->kind != DEP_FILE && dep->kind != DEP_NODE && dep->kind != DEP_CA_LEAF;
}

struct given *given_new(void)
{
	return xcalloc(1, sizeof(struct given));
}

struct given *given_parse(const char *text, size_t len, struct err *err)
{
	struct json *doc = json_parse(text, len, err);
	struct given *given;

	if (!doc)
		return NULL;
	if (strcmp(json_str(doc, "format", ""), FORMAT) != 0) {
		err_set(err, ERR_FORMAT, "the answers are not in the format \"%s\"", FORMAT);
		json_free(doc);
		return NULL;
	}
	given = given_new();
	given->doc = doc;
	JSON_EACH(answer, json_get(doc, "answers"))
	if (json_get(answer, "value"))
		strmap_put(&given->encoded, json_str(answer, "dependency", ""),
			   (void *)json_get(answer, "value"));
	return given;
}

void given_free(struct given *given)
{
	if (!given)
		return;
	strmap_release(&given->encoded);
	strmap_release(&given->values);
	arena_release(&given->arena);
	json_free(given->doc);
	free(given);
}

bool given_covers(const struct given *given, const struct dep *dep)
{
	return given && given_may_share(dep) &&
	       (!given->doc || strmap_has(&given->encoded, dep->text));
}

const struct tmpl_value *given_lookup(struct given *given, const struct dep *dep)
{
	const struct tmpl_value *value = strmap_get(&given->values, dep->text);
	const struct json *json = strmap_get(&given->encoded, dep->text);
	const struct tmpl_type *type = tmpl_value_unknown(&given->arena, dep->kind)->type;

	if (value || !json)
		return value;
	value = decode(&given->arena, type, json);
	if (value)
		strmap_put(&given->values, dep->text, (void *)value);
	else
		strmap_remove(&given->encoded, dep->text);
	return value;
}

/* ---- of a template ---- */

bool render_answers_export(const struct render_runner *runner, size_t index, struct strbuf *out)
{
	const struct render_job *job = runner->jobs[index];
	struct json *doc = json_new_object(), *answers;
	bool ok = job->has_pending && runner->source;

	json_add_str(doc, "format", FORMAT);
	answers = json_add_array(doc, "answers");
	for (size_t i = 0; i < dep_set_count(&job->used) && ok; i++) {
		const struct dep *dep = dep_set_at(&job->used, i);
		const struct tmpl_value *value = job_lookup(job, dep);
		struct json *answer;

		if (!given_may_share(dep))
			continue;
		ok = value != NULL;
		if (!ok)
			break;
		answer = json_add_object(answers, NULL);
		json_add_str(answer, "dependency", dep->text);
		json_add(answer, "value", given_encode(value));
	}
	if (ok)
		json_print(out, doc);
	json_free(doc);
	return ok;
}

static void set_given(struct render_runner *runner, size_t index, struct given *given)
{
	struct render_job *job = runner->jobs[index];

	given_free(job->given);
	job->given = given;
	job->must_execute = true;
	runner_schedule(runner);
}

bool render_answers_import(struct render_runner *runner, size_t index, const char *text, size_t len,
			   struct err *err)
{
	struct given *given = given_parse(text, len, err);

	if (given)
		set_given(runner, index, given);
	return given != NULL;
}

void render_answers_wait(struct render_runner *runner, size_t index)
{
	set_given(runner, index, given_new());
}

void render_answers_ask(struct render_runner *runner, size_t index)
{
	set_given(runner, index, NULL);
}
