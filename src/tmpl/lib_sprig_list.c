/* Lists, in the ways of the Sprig library: every function makes a new one. */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "sprig.h"

static size_t count_of(const struct call *call, size_t index)
{
	return call->args[index]->u.list.count;
}

static const struct tmpl_value *item_of(const struct call *call, size_t index, size_t at)
{
	return call->args[index]->u.list.items[at];
}

static struct tmpl_value *list_new(struct call *call)
{
	return tmpl_list_new(call->arena, &tmpl_type_list);
}

static const struct tmpl_value *list_of(struct call *call)
{
	struct tmpl_value *list = list_new(call);

	for (size_t i = 0; i < call->count; i++)
		tmpl_list_add(call->arena, list, call->args[i]);
	return list;
}

static const struct tmpl_value *list_first(struct call *call)
{
	if (!sprig_expect_found(call, 0))
		return NULL;
	return count_of(call, 0) ? item_of(call, 0, 0) : tmpl_nil();
}

static const struct tmpl_value *list_last(struct call *call)
{
	if (!sprig_expect_found(call, 0))
		return NULL;
	return count_of(call, 0) ? item_of(call, 0, count_of(call, 0) - 1) : tmpl_nil();
}

static const struct tmpl_value *part(struct call *call, size_t skip_first, size_t skip_last)
{
	struct tmpl_value *made = list_new(call);

	if (!sprig_expect_found(call, 0))
		return NULL;
	if (!count_of(call, 0))
		return tmpl_zero(call->arena, &tmpl_type_list);
	for (size_t i = skip_first; i + skip_last < count_of(call, 0); i++)
		tmpl_list_add(call->arena, made, item_of(call, 0, i));
	return made;
}

static const struct tmpl_value *list_rest(struct call *call)
{
	return part(call, 1, 0);
}

static const struct tmpl_value *list_initial(struct call *call)
{
	return part(call, 0, 1);
}

static const struct tmpl_value *list_reverse(struct call *call)
{
	struct tmpl_value *made = list_new(call);

	if (!sprig_expect_found(call, 0))
		return NULL;
	for (size_t i = count_of(call, 0); i > 0; i--)
		tmpl_list_add(call->arena, made, item_of(call, 0, i - 1));
	return made;
}

static void add_all(struct call *call, struct tmpl_value *to, size_t index)
{
	for (size_t i = 0; i < count_of(call, index); i++)
		tmpl_list_add(call->arena, to, item_of(call, index, i));
}

static const struct tmpl_value *list_append(struct call *call)
{
	struct tmpl_value *made = list_new(call);

	if (!sprig_expect_list(call, 0, "Cannot push on type"))
		return NULL;
	add_all(call, made, 0);
	tmpl_list_add(call->arena, made, call->args[1]);
	return made;
}

static const struct tmpl_value *list_prepend(struct call *call)
{
	struct tmpl_value *made = list_new(call);

	if (!sprig_expect_list(call, 0, "Cannot prepend on type"))
		return NULL;
	tmpl_list_add(call->arena, made, call->args[1]);
	add_all(call, made, 0);
	return made;
}

static const struct tmpl_value *list_concat(struct call *call)
{
	struct tmpl_value *made = list_new(call);

	made->u.list.null = true;
	for (size_t i = 0; i < call->count; i++) {
		if (tmpl_is_nil(call->args[i]))
			return call_fail(call, "runtime error: invalid memory address or nil "
					       "pointer dereference");
		if (call->args[i]->type->kind != TMPL_LIST)
			return call_fail(call, "Cannot concat type %s as list",
					 sprig_kind(call->args[i]));
		if (!call_has_room(call, count_of(call, i) * sizeof(void *)))
			return NULL;
		add_all(call, made, i);
	}
	return made;
}

static const struct tmpl_value *list_chunk(struct call *call)
{
	struct tmpl_value *made = tmpl_list_new(call->arena, &tmpl_type_lists), *chunk = NULL;
	int64_t size = call->args[0]->u.integer;

	if (!sprig_expect_list(call, 1, "Cannot chunk type"))
		return NULL;
	if (size <= 0)
		return call_fail(call, "runtime error: makeslice: len out of range");
	for (size_t i = 0; i < count_of(call, 1); i++) {
		if (i % (size_t)size == 0) {
			chunk = list_new(call);
			tmpl_list_add(call->arena, made, chunk);
		}
		tmpl_list_add(call->arena, chunk, item_of(call, 1, i));
	}
	return made;
}

static const struct tmpl_value *list_compact(struct call *call)
{
	struct tmpl_value *made = list_new(call);

	if (!sprig_expect_list(call, 0, "Cannot compact on type"))
		return NULL;
	for (size_t i = 0; i < count_of(call, 0); i++)
		if (tmpl_is_true(item_of(call, 0, i)))
			tmpl_list_add(call->arena, made, item_of(call, 0, i));
	return made;
}

/* False: failed, it took too long. */
static bool find(struct call *call, const struct tmpl_value *value,
		 const struct tmpl_value *const *items, size_t count, bool *found)
{
	*found = false;
	if (!call_spend(call, count))
		return false;
	for (size_t i = 0; i < count; i++)
		*found = *found || sprig_equal(value, items[i]);
	return true;
}

static const struct tmpl_value *list_uniq(struct call *call)
{
	struct tmpl_value *made = list_new(call);
	bool found;

	if (!sprig_expect_found(call, 0))
		return NULL;
	for (size_t i = 0; i < count_of(call, 0); i++) {
		if (!find(call, item_of(call, 0, i), made->u.list.items, made->u.list.count,
			  &found))
			return NULL;
		if (!found)
			tmpl_list_add(call->arena, made, item_of(call, 0, i));
	}
	return made;
}

static const struct tmpl_value *list_without(struct call *call)
{
	struct tmpl_value *made = list_new(call);
	bool found;

	if (!sprig_expect_found(call, 0))
		return NULL;
	for (size_t i = 0; i < count_of(call, 0); i++) {
		if (!find(call, item_of(call, 0, i), call->args + 1, call->count - 1, &found))
			return NULL;
		if (!found)
			tmpl_list_add(call->arena, made, item_of(call, 0, i));
	}
	return made;
}

static const struct tmpl_value *list_has(struct call *call)
{
	bool found;

	if (tmpl_is_nil(call->args[1]))
		return tmpl_bool(false);
	if (!sprig_expect_found(call, 1) ||
	    !find(call, call->args[0], call->args[1]->u.list.items, count_of(call, 1), &found))
		return NULL;
	return tmpl_bool(found);
}

static const struct tmpl_value *list_slice(struct call *call)
{
	struct tmpl_value *made;
	int64_t from = 0, to;

	if (!sprig_expect_list(call, 0, "list should be type of slice or array but"))
		return NULL;
	if (!count_of(call, 0))
		return tmpl_nil();
	to = (int64_t)count_of(call, 0);
	if (call->count > 1)
		from = sprig_to_int(call->args[1]);
	if (call->count > 2)
		to = sprig_to_int(call->args[2]);
	if (from < 0 || from > to || to > (int64_t)count_of(call, 0))
		return call_fail(call, "reflect.Value.Slice: slice index out of bounds");
	made = tmpl_list_new(call->arena, call->args[0]->type);
	for (int64_t i = from; i < to; i++)
		tmpl_list_add(call->arena, made, item_of(call, 0, (size_t)i));
	return made;
}

/* Whatever it is, as a list of texts; nil elements are left out. */
static const struct tmpl_value *to_strings(struct call *call, const struct tmpl_value *value)
{
	struct tmpl_value *made = tmpl_list_new(call->arena, &tmpl_type_strings);
	const struct tmpl_value *const *items = &value;
	size_t count = !tmpl_is_nil(value);

	if (value->type == &tmpl_type_strings)
		return value;
	if (value->type->kind == TMPL_LIST) {
		items = value->u.list.items;
		count = value->u.list.count;
	}
	for (size_t i = 0; i < count; i++) {
		struct strbuf text = STRBUF_INIT;

		if (tmpl_is_nil(items[i]))
			continue;
		sprig_add_text(&text, items[i]);
		tmpl_list_add(call->arena, made, tmpl_string_from(call->arena, &text));
	}
	return made;
}

static const struct tmpl_value *list_to_strings(struct call *call)
{
	return to_strings(call, call->args[0]);
}

static const struct tmpl_value *list_join(struct call *call)
{
	const struct tmpl_value *list = to_strings(call, call->args[1]);
	struct strbuf out = STRBUF_INIT;

	if (!call_has_room(call, arg_len(call, 0) * list->u.list.count))
		return NULL;
	for (size_t i = 0; i < list->u.list.count; i++) {
		const struct tmpl_value *item = list->u.list.items[i];

		if (i)
			strbuf_add(&out, arg_str(call, 0), arg_len(call, 0));
		strbuf_add(&out, item->u.string.text, item->u.string.len);
	}
	return tmpl_string_from(call->arena, &out);
}

static int compare_texts(const void *a, const void *b)
{
	return tmpl_compare_strings(*(const struct tmpl_value *const *)a,
				    *(const struct tmpl_value *const *)b);
}

static const struct tmpl_value *list_sort_alpha(struct call *call)
{
	const struct tmpl_value *texts = to_strings(call, call->args[0]);
	struct tmpl_value *sorted = tmpl_list_new(call->arena, &tmpl_type_strings);

	if (tmpl_is_nil(call->args[0])) {
		tmpl_list_add(call->arena, sorted, tmpl_str(call->arena, "<nil>"));
		return sorted;
	}
	for (size_t i = 0; i < texts->u.list.count; i++)
		tmpl_list_add(call->arena, sorted, texts->u.list.items[i]);
	if (sorted->u.list.count)
		qsort(sorted->u.list.items, sorted->u.list.count, sizeof(*sorted->u.list.items),
		      compare_texts);
	return sorted;
}

const struct tmpl_func sprig_list_funcs[] = {
	{ "sprig_list", "a*", list_of },
	{ "sprig_tuple", "a*", list_of },
	{ "sprig_first", "a", list_first },
	{ "sprig_mustFirst", "a", list_first },
	{ "sprig_last", "a", list_last },
	{ "sprig_mustLast", "a", list_last },
	{ "sprig_rest", "a", list_rest },
	{ "sprig_mustRest", "a", list_rest },
	{ "sprig_initial", "a", list_initial },
	{ "sprig_mustInitial", "a", list_initial },
	{ "sprig_reverse", "a", list_reverse },
	{ "sprig_mustReverse", "a", list_reverse },
	{ "sprig_append", "aa", list_append },
	{ "sprig_push", "aa", list_append },
	{ "sprig_mustAppend", "aa", list_append },
	{ "sprig_mustPush", "aa", list_append },
	{ "sprig_prepend", "aa", list_prepend },
	{ "sprig_mustPrepend", "aa", list_prepend },
	{ "sprig_concat", "a*", list_concat },
	{ "sprig_chunk", "ia", list_chunk },
	{ "sprig_mustChunk", "ia", list_chunk },
	{ "sprig_compact", "a", list_compact },
	{ "sprig_mustCompact", "a", list_compact },
	{ "sprig_uniq", "a", list_uniq },
	{ "sprig_mustUniq", "a", list_uniq },
	{ "sprig_without", "aa*", list_without },
	{ "sprig_mustWithout", "aa*", list_without },
	{ "sprig_has", "aa", list_has },
	{ "sprig_mustHas", "aa", list_has },
	{ "sprig_slice", "aa*", list_slice },
	{ "sprig_mustSlice", "aa*", list_slice },
	{ "sprig_toStrings", "a", list_to_strings },
	{ "sprig_join", "sa", list_join },
	{ "sprig_sortAlpha", "a", list_sort_alpha },
	{ NULL, NULL, NULL },
};
