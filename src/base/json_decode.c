#include "binnacle/base/json_decode.h"

#include <string.h>

static bool wrong_type(const struct json_field *field, const char *want, struct err *err)
{
	return err_set(err, ERR_FORMAT, "%s is not %s", field->path, want);
}

static bool decode_strings(const struct json *value, const struct json_field *field,
			   struct json_list *list, struct arena *arena, struct err *err)
{
	const char **items = arena_alloc(arena, json_count(value) * sizeof(*items));

	list->items = items;
	JSON_EACH(item, value)
	{
		if (!json_is_string(item))
			return wrong_type(field, "a list of strings", err);
		items[list->count++] = arena_strdup(arena, json_as_str(item, ""));
	}
	return true;
}

static bool decode_map(const struct json *value, struct json_list *list, struct arena *arena)
{
	struct json_pair *items = arena_alloc(arena, json_count(value) * sizeof(*items));

	list->items = items;
	JSON_EACH(item, value)
	{
		items[list->count].key = arena_strdup(arena, json_key(item));
		items[list->count++].value = arena_strdup(arena, json_as_str(item, ""));
	}
	return true;
}

static bool decode_field(const struct json *value, const struct json_field *field, void *member,
			 struct arena *arena, struct err *err)
{
	switch (field->kind) {
	case FIELD_STRING:
		if (!json_is_string(value))
			return wrong_type(field, "a string", err);
		*(const char **)member = arena_strdup(arena, json_as_str(value, ""));
		return true;
	case FIELD_INT:
		if (!json_is_number(value))
			return wrong_type(field, "a number", err);
		*(int64_t *)member = json_as_int(value, 0);
		return true;
	case FIELD_BOOL:
		if (!json_is_bool(value))
			return wrong_type(field, "true or false", err);
		*(bool *)member = json_as_bool(value, false);
		return true;
	case FIELD_LIST:
		if (!json_is_array(value))
			return wrong_type(field, "a list", err);
		if (!field->shape)
			return decode_strings(value, field, member, arena, err);
		return json_decode_list(value, field->shape, member, arena, err) ||
		       err_context(err, "%s", field->path);
	case FIELD_MAP:
		if (!json_is_object(value))
			return wrong_type(field, "an object", err);
		return decode_map(value, member, arena);
	}
	return false;
}

bool json_decode(const struct json *doc, const struct json_shape *shape, void *out,
		 struct arena *arena, struct err *err)
{
	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "an object was expected");
	for (size_t i = 0; i < shape->field_count; i++) {
		const struct json_field *field = &shape->fields[i];
		const struct json *value = json_get(doc, field->path);
		void *member = (char *)out + field->offset;

		if (json_is_null(value)) {
			if (field->need == REQUIRED)
				return err_set(err, ERR_FORMAT, "%s is missing", field->path);
			if (field->kind == FIELD_STRING && !*(const char **)member)
				*(const char **)member = "";
			continue;
		}
		if (!decode_field(value, field, member, arena, err))
			return false;
	}
	return true;
}

bool json_decode_list(const struct json *array, const struct json_shape *shape,
		      struct json_list *list, struct arena *arena, struct err *err)
{
	char *items;

	*list = (struct json_list){ 0 };
	if (json_is_null(array))
		return true;
	if (!json_is_array(array))
		return err_set(err, ERR_FORMAT, "a list was expected");
	items = arena_alloc(arena, json_count(array) * shape->size);
	list->items = items;
	JSON_EACH(item, array)
	{
		if (!json_decode(item, shape, items + list->count * shape->size, arena, err))
			return err_context(err, "item %zu", list->count);
		list->count++;
	}
	return true;
}
