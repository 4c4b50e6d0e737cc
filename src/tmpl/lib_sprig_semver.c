/* Versions and what is asked of them, in the ways of the Sprig library: 1.2.3-beta.1+build, and
 * constraints such as ">=1.2, <2 || ~3.1 || 4.x || 5.0 - 5.3". */
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "sprig.h"

struct version {
	uint64_t number[3]; /* major, minor, patch */
	const char *pre, *meta;
};

/* Which numbers are a wildcard or not given: from the major, minor or patch on. */
enum open_from { OPEN_NONE, OPEN_MAJOR, OPEN_MINOR, OPEN_PATCH };

struct constraint {
	const char *op;
	struct version version;
	enum open_from open;
};

static bool is_wild(char c)
{
	return c == 'x' || c == 'X' || c == '*';
}

static bool is_identifier(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-';
}

/* "a.b-c": identifiers between dots. NULL: none. */
static const char *take_identifiers(struct arena *arena, const char **at)
{
	const char *start = *at;

	for (;;) {
		const char *before = *at;

		while (is_identifier(**at))
			++*at;
		if (*at == before)
			return NULL;
		if (**at != '.' || !is_identifier((*at)[1]))
			return arena_strndup(arena, start, (size_t)(*at - start));
		++*at;
	}
}

/* Takes a version off *at; with `open`, one that may have wildcards. False: there is none. */
static bool take_version(struct arena *arena, const char **at, struct version *version,
			 enum open_from *open)
{
	static const enum open_from from[] = { OPEN_MAJOR, OPEN_MINOR, OPEN_PATCH };
	enum open_from found = OPEN_NONE;

	*version = (struct version){ { 0, 0, 0 }, "", "" };
	*at += **at == 'v';
	for (int i = 0; i < 3; i++) {
		const char *digits = *at + (i > 0);
		size_t len = i > 0 && **at != '.' ? 0 : strspn(digits, "0123456789");
		bool wild = open && !len && (i == 0 || **at == '.') && is_wild(*digits);

		if (!len && !wild && i == 0)
			return false;
		if (found == OPEN_NONE && !len)
			found = from[i];
		if (len && found == OPEN_NONE &&
		    number_parse_uint(digits, len, 10, &version->number[i]) != NUMBER_OK)
			return false;
		if (!len && !wild)
			break;
		*at = digits + len + wild;
	}
	if (open)
		*open = found;
	if (**at == '-' && is_identifier((*at)[1])) {
		++*at;
		version->pre = take_identifiers(arena, at);
	}
	if (**at == '+' && is_identifier((*at)[1])) {
		++*at;
		version->meta = take_identifiers(arena, at);
	}
	return true;
}

static bool is_number(const char *text, size_t len)
{
	return len && strspn(text, "0123456789") >= len;
}

/* Identifiers of numbers come before those of letters, fewer before more. */
static int compare_identifiers(const char *a, size_t a_len, const char *b, size_t b_len)
{
	bool a_number = is_number(a, a_len), b_number = is_number(b, b_len);
	uint64_t one, other;
	size_t len = a_len < b_len ? a_len : b_len;
	int order;

	if (!a_len || !b_len)
		return (a_len > 0) - (b_len > 0);
	if (a_number != b_number)
		return a_number ? -1 : 1;
	if (a_number) {
		number_parse_uint(a, a_len, 10, &one);
		number_parse_uint(b, b_len, 10, &other);
		return (one > other) - (one < other);
	}
	order = memcmp(a, b, len);
	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_pre(const char *a, const char *b)
{
	if (!*a || !*b)
		return (*a == '\0') - (*b == '\0'); /* none is the release itself */
	while (*a || *b) {
		size_t a_len = strcspn(a, "."), b_len = strcspn(b, ".");
		int order = compare_identifiers(a, a_len, b, b_len);

		if (order)
			return order;
		a += a_len + (a[a_len] == '.');
		b += b_len + (b[b_len] == '.');
	}
	return 0;
}

static int compare(const struct version *a, const struct version *b)
{
	for (int i = 0; i < 3; i++)
		if (a->number[i] != b->number[i])
			return a->number[i] < b->number[i] ? -1 : 1;
	return compare_pre(a->pre, b->pre);
}

static bool fits_tilde(const struct version *v, const struct constraint *c)
{
	const struct version *con = &c->version;

	if (compare(v, con) < 0)
		return false;
	if (!con->number[0] && !con->number[1] && !con->number[2] && c->open != OPEN_MINOR &&
	    c->open != OPEN_PATCH)
		return true;
	if (v->number[0] != con->number[0])
		return false;
	return v->number[1] == con->number[1] || c->open == OPEN_MINOR;
}

static bool fits_caret(const struct version *v, const struct constraint *c)
{
	const struct version *con = &c->version;

	if (compare(v, con) < 0)
		return false;
	if (con->number[0] > 0 || c->open == OPEN_MINOR)
		return v->number[0] == con->number[0];
	if (v->number[0] > 0)
		return false;
	if (con->number[1] > 0 || c->open == OPEN_PATCH)
		return v->number[1] == con->number[1];
	return v->number[1] == 0 && v->number[2] == con->number[2];
}

static bool differs(const struct version *v, const struct constraint *c)
{
	const struct version *con = &c->version;

	if (v->number[0] != con->number[0])
		return true;
	if (c->open == OPEN_MINOR)
		return false;
	if (v->number[1] != con->number[1])
		return true;
	if (c->open == OPEN_PATCH)
		return *v->pre || *con->pre ? compare_pre(v->pre, con->pre) != 0 : false;
	return compare(v, con) != 0;
}

static bool is_greater(const struct version *v, const struct constraint *c)
{
	const struct version *con = &c->version;

	if (c->open == OPEN_NONE || c->open == OPEN_MAJOR)
		return compare(v, con) > 0;
	if (v->number[0] != con->number[0])
		return v->number[0] > con->number[0];
	return c->open == OPEN_PATCH ? v->number[1] > con->number[1] : false;
}

static bool is_at_most(const struct version *v, const struct constraint *c)
{
	const struct version *con = &c->version;

	if (c->open == OPEN_NONE)
		return compare(v, con) <= 0;
	if (v->number[0] > con->number[0])
		return false;
	return !(v->number[0] == con->number[0] && v->number[1] > con->number[1] &&
		 c->open != OPEN_MINOR);
}

static bool fits(const struct version *v, const struct constraint *c)
{
	const char *op = c->op;

	if (strcmp(op, "!=") == 0 && c->open == OPEN_NONE)
		return compare(v, &c->version) != 0;
	if (*v->pre && !*c->version.pre)
		return false;
	if (strcmp(op, "!=") == 0)
		return differs(v, c);
	if (strcmp(op, ">") == 0)
		return is_greater(v, c);
	if (strcmp(op, "<") == 0)
		return compare(v, &c->version) < 0;
	if (strcmp(op, ">=") == 0 || strcmp(op, "=>") == 0)
		return compare(v, &c->version) >= 0;
	if (strcmp(op, "<=") == 0 || strcmp(op, "=<") == 0)
		return is_at_most(v, c);
	if (*op == '^')
		return fits_caret(v, c);
	if (*op == '~' || c->open != OPEN_NONE)
		return fits_tilde(v, c);
	return compare(v, &c->version) == 0;
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\n\f\r");
}

static bool take_constraint(struct arena *arena, const char **at, struct constraint *constraint)
{
	static const char *const ops[] = { "!=", ">=", "=>", "<=", "=<", "~>",
					   "=",  ">",  "<",  "~",  "^",  "" };
	size_t i = 0;

	while (strncmp(*at, ops[i], strlen(ops[i])) != 0)
		i++;
	constraint->op = ops[i];
	*at = skip_space(*at + strlen(ops[i]));
	return take_version(arena, at, &constraint->version, &constraint->open);
}

/* "5.0 - 5.3": takes the second half, if there is one. */
static bool take_range_end(struct arena *arena, const char **at, struct constraint *end)
{
	const char *after = skip_space(*at);

	if (after == *at || *after != '-' || skip_space(after + 1) == after + 1)
		return false;
	after = skip_space(after + 1);
	end->op = "<=";
	if (!take_version(arena, &after, &end->version, &end->open))
		return false;
	*at = after;
	return true;
}

/* All of one group, up to "||". False: malformed. */
static bool check_group(struct arena *arena, const char *group, const struct version *version,
			bool *all)
{
	const char *at = skip_space(group);
	struct constraint one, end;

	*all = true;
	for (bool first = true;; first = false) {
		if (!take_constraint(arena, &at, &one))
			return false;
		if ((!*one.op || first) && take_range_end(arena, &at, &end)) {
			one.op = ">=";
			*all = *all && fits(version, &end);
		}
		*all = *all && fits(version, &one);
		if (!*skip_space(at))
			return true;
		if (*skip_space(at) == ',')
			at = skip_space(at) + 1;
		else if (skip_space(at) == at)
			return false;
		at = skip_space(at);
	}
}

static const struct tmpl_value *fail_constraint(struct call *call, const char *group)
{
	return call_fail(call, "improper constraint: %s", group);
}

static bool parse_whole(struct call *call, const char *text, struct version *version)
{
	const char *at = text;

	if (take_version(call->arena, &at, version, NULL) && !*at)
		return true;
	call_fail(call, "Invalid Semantic Version");
	return false;
}

static const struct tmpl_value *semver_compare(struct call *call)
{
	char *groups = arena_strdup(call->arena, arg_str(call, 0)), *next;
	struct version version, none = { { 0, 0, 0 }, "", "" };
	bool fine = false, all;

	for (char *group = arena_strdup(call->arena, groups); group; group = next) {
		next = strstr(group, "||");
		if (next) {
			*next = '\0';
			next += 2;
		}
		if (!check_group(call->arena, group, &none, &all))
			return fail_constraint(call, group);
	}
	if (!parse_whole(call, arg_str(call, 1), &version))
		return NULL;
	for (char *group = groups; group && !fine; group = next) {
		next = strstr(group, "||");
		if (next) {
			*next = '\0';
			next += 2;
		}
		check_group(call->arena, group, &version, &fine);
	}
	return tmpl_bool(fine);
}

static const struct tmpl_value *semver_parse(struct call *call)
{
	struct tmpl_value *made = tmpl_record_new(call->arena, &tmpl_type_semver);
	static const char *const names[] = { "Major", "Minor", "Patch" };
	struct version version;

	if (!parse_whole(call, arg_str(call, 0), &version))
		return NULL;
	for (size_t i = 0; i < 3; i++)
		tmpl_record_set(made, names[i], tmpl_uint64(call->arena, version.number[i]));
	tmpl_record_set(made, "Prerelease", tmpl_str(call->arena, version.pre));
	tmpl_record_set(made, "Metadata", tmpl_str(call->arena, version.meta));
	tmpl_record_set(made, "Original", call->args[0]);
	return made;
}

const struct tmpl_func sprig_semver_funcs[] = {
	{ "sprig_semver", "s", semver_parse },
	{ "sprig_semverCompare", "ss", semver_compare },
	{ NULL, NULL, NULL },
};
