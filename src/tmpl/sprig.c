/* What the functions of the Sprig library share. */
#include "sprig.h"

#include <stdio.h>
#include <string.h>

#include "format.h"

const char *sprig_kind(const struct tmpl_value *value)
{
	switch (value->type->kind) {
	case TMPL_NIL:
		return "invalid";
	case TMPL_BOOL:
	case TMPL_INT:
	case TMPL_UINT:
	case TMPL_FLOAT:
	case TMPL_COMPLEX:
	case TMPL_STRING:
		return value->type->name;
	case TMPL_LIST:
		return "slice";
	case TMPL_MAP:
		return "map";
	case TMPL_RECORD:
		return value->type->pointer ? "ptr" : "struct";
	case TMPL_TIME:
		return "struct";
	case TMPL_STREAM:
		return "chan";
	case TMPL_SCRATCH:
		return "ptr";
	}
	return "invalid";
}

void sprig_add_text(struct strbuf *out, const struct tmpl_value *value)
{
	format_value(out, value);
}

/* Values that are compared, and how deep; what would need more differs. */
#define COMPARED_MAX       100000
#define COMPARED_DEPTH_MAX 1000

struct effort {
	unsigned left;
	unsigned depth;
};

static bool same_lists(const struct tmpl_value *a, const struct tmpl_value *b,
		       struct effort *effort);
static bool same_maps(const struct tmpl_value *a, const struct tmpl_value *b,
		      struct effort *effort);

static bool same(const struct tmpl_value *a, const struct tmpl_value *b, struct effort *effort);

static bool same_content(const struct tmpl_value *a, const struct tmpl_value *b,
			 struct effort *effort)
{
	if (a == b)
		return a->type->kind != TMPL_FLOAT || a->u.real == b->u.real;
	switch (a->type->kind) {
	case TMPL_NIL:
		return true;
	case TMPL_BOOL:
		return a->u.boolean == b->u.boolean;
	case TMPL_INT:
		return a->u.integer == b->u.integer;
	case TMPL_UINT:
		return a->u.uinteger == b->u.uinteger;
	case TMPL_FLOAT:
		return a->u.real == b->u.real;
	case TMPL_COMPLEX:
		return a->u.complex.re == b->u.complex.re && a->u.complex.im == b->u.complex.im;
	case TMPL_STRING:
		return tmpl_compare_strings(a, b) == 0;
	case TMPL_LIST:
		return same_lists(a, b, effort);
	case TMPL_MAP:
		return same_maps(a, b, effort);
	case TMPL_RECORD:
		if (!a->u.fields || !b->u.fields)
			return a->u.fields == b->u.fields;
		for (size_t i = 0; i < a->type->field_count; i++)
			if (!same(a->u.fields[i], b->u.fields[i], effort))
				return false;
		return true;
	case TMPL_TIME:
		return a->u.time.seconds == b->u.time.seconds &&
		       a->u.time.nanoseconds == b->u.time.nanoseconds;
	case TMPL_STREAM:
	case TMPL_SCRATCH:
		break;
	}
	return false;
}

static bool same(const struct tmpl_value *a, const struct tmpl_value *b, struct effort *effort)
{
	bool result;

	if (a->type != b->type || effort->left == 0 || effort->depth == COMPARED_DEPTH_MAX)
		return false;
	effort->left--;
	effort->depth++;
	result = same_content(a, b, effort);
	effort->depth--;
	return result;
}

static bool same_lists(const struct tmpl_value *a, const struct tmpl_value *b,
		       struct effort *effort)
{
	if (a->u.list.count != b->u.list.count || a->u.list.null != b->u.list.null)
		return false;
	for (size_t i = 0; i < a->u.list.count; i++)
		if (!same(a->u.list.items[i], b->u.list.items[i], effort))
			return false;
	return true;
}

static bool same_maps(const struct tmpl_value *a, const struct tmpl_value *b, struct effort *effort)
{
	if (a->u.map.count != b->u.map.count || a->u.map.null != b->u.map.null)
		return false;
	for (size_t i = 0; i < a->u.map.count; i++)
		if (!same(a->u.map.pairs[i].key, b->u.map.pairs[i].key, effort) ||
		    !same(a->u.map.pairs[i].value, b->u.map.pairs[i].value, effort))
			return false;
	return true;
}

bool sprig_equal(const struct tmpl_value *a, const struct tmpl_value *b)
{
	struct effort effort = { COMPARED_MAX, 0 };

	return same(a, b, &effort);
}

bool sprig_expect_list(struct call *call, size_t index, const char *before)
{
	const struct tmpl_value *value = call->args[index];

	if (value->type->kind == TMPL_LIST)
		return true;
	if (value->type->kind == TMPL_NIL)
		call_fail(call, "runtime error: invalid memory address or nil pointer dereference");
	else
		call_fail(call, "%s %s", before, sprig_kind(value));
	return false;
}

bool sprig_expect_found(struct call *call, size_t index)
{
	const char *name = call->func->name + strlen("sprig_");
	char before[64], word[32] = "";

	if (strncmp(name, "must", 4) == 0)
		name += 4;
	for (size_t i = 0; name[i] && i + 1 < sizeof(word); i++)
		word[i] = i || name[i] > 'Z' ? name[i] : (char)(name[i] | 0x20);
	snprintf(before, sizeof(before), "Cannot find %s on type", word);
	return sprig_expect_list(call, index, before);
}

const struct tmpl_value *sprig_same_as(struct call *call, const char *name)
{
	return func_find(name, strlen(name))->run(call);
}
