/* struct json is cJSON under another name: the casts below are the whole wrapper. Printing is
 * ours, because cJSON prints invalid UTF-8 as it came and formats numbers with the locale. */
#include "binnacle/base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/text.h"

static const cJSON *in(const struct json *value)
{
	return (const cJSON *)(const void *)value;
}

static cJSON *in_mut(struct json *value)
{
	return (cJSON *)(void *)value;
}

static struct json *out_of(cJSON *item)
{
	if (!item) {
		fprintf(stderr, "binnacle: out of memory in a JSON document\n");
		abort();
	}
	return (struct json *)(void *)item;
}

static bool depth_is_bearable(const char *text, size_t len)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > LIMIT_JSON_DEPTH)
				return false;
		} else if ((c == ']' || c == '}') && depth) {
			depth--;
		}
	}
	return true;
}

static void place_of(const char *text, const char *at, size_t *line, size_t *column)
{
	*line = *column = 1;
	for (; text < at; text++) {
		if (*text == '\n') {
			++*line;
			*column = 1;
		} else {
			++*column;
		}
	}
}

struct json *json_parse(const char *text, size_t len, struct err *err)
{
	const char *end = text;
	size_t line, column;
	cJSON *root;

	if (!depth_is_bearable(text, len)) {
		err_set(err, ERR_FORMAT, "JSON is nested deeper than %d levels", LIMIT_JSON_DEPTH);
		return NULL;
	}
	root = cJSON_ParseWithLengthOpts(text, len, &end, false);
	if (root) {
		while (end < text + len && strchr(" \t\r\n", *end) && *end)
			end++;
		if (end == text + len)
			return out_of(root);
		cJSON_Delete(root);
	}
	if (!end || end < text || end > text + len)
		end = text;
	place_of(text, end, &line, &column);
	err_set(err, ERR_FORMAT, "malformed JSON at line %zu, column %zu", line, column);
	return NULL;
}

void json_free(struct json *root)
{
	cJSON_Delete(in_mut(root));
}

/* cJSON's own search takes a function call for each member. */
static const struct json *find_member(const struct json *doc, const char *name, size_t len)
{
	if (!doc || !cJSON_IsObject(in(doc)))
		return NULL;
	for (const cJSON *item = in(doc)->child; item; item = item->next)
		if (item->string && item->string[0] == name[0] &&
		    strncmp(item->string, name, len) == 0 && item->string[len] == '\0')
			return (const struct json *)(const void *)item;
	return NULL;
}

const struct json *json_member(const struct json *doc, const char *name)
{
	return find_member(doc, name, strlen(name));
}

const struct json *json_get(const struct json *doc, const char *path)
{
	const char *dot;

	for (; doc && (dot = strchr(path, '.')); path = dot + 1)
		doc = find_member(doc, path, (size_t)(dot - path));
	return json_member(doc, path);
}

bool json_is_object(const struct json *value)
{
	return value && cJSON_IsObject(in(value));
}

bool json_is_array(const struct json *value)
{
	return value && cJSON_IsArray(in(value));
}

bool json_is_string(const struct json *value)
{
	return value && cJSON_IsString(in(value));
}

bool json_is_number(const struct json *value)
{
	return value && cJSON_IsNumber(in(value));
}

bool json_is_bool(const struct json *value)
{
	return value && cJSON_IsBool(in(value));
}

bool json_is_null(const struct json *value)
{
	return !value || cJSON_IsNull(in(value));
}

const char *json_as_str(const struct json *value, const char *otherwise)
{
	return json_is_string(value) ? in(value)->valuestring : otherwise;
}

double json_as_number(const struct json *value, double otherwise)
{
	return json_is_number(value) ? in(value)->valuedouble : otherwise;
}

int64_t json_as_int(const struct json *value, int64_t otherwise)
{
	double number;

	if (!json_is_number(value))
		return otherwise;
	number = in(value)->valuedouble;
	if (isnan(number) || number < -9.2e18 || number > 9.2e18)
		return otherwise;
	return (int64_t)number;
}

bool json_as_bool(const struct json *value, bool otherwise)
{
	return json_is_bool(value) ? cJSON_IsTrue(in(value)) : otherwise;
}

const char *json_str(const struct json *doc, const char *path, const char *otherwise)
{
	return json_as_str(json_get(doc, path), otherwise);
}

int64_t json_int(const struct json *doc, const char *path, int64_t otherwise)
{
	return json_as_int(json_get(doc, path), otherwise);
}

bool json_bool(const struct json *doc, const char *path, bool otherwise)
{
	return json_as_bool(json_get(doc, path), otherwise);
}

const struct json *json_first(const struct json *value)
{
	return value ? (const struct json *)(const void *)in(value)->child : NULL;
}

const struct json *json_next(const struct json *item)
{
	return (const struct json *)(const void *)in(item)->next;
}

const char *json_key(const struct json *item)
{
	return in(item)->string ? in(item)->string : "";
}

size_t json_count(const struct json *value)
{
	return value ? (size_t)cJSON_GetArraySize(in(value)) : 0;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	/* FNV-1a */
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 1099511628211u;
	return hash;
}

static uint64_t hash_item(uint64_t hash, const cJSON *item)
{
	for (; item; item = item->next) {
		int type = item->type & 0xff;

		hash = hash_bytes(hash, &type, sizeof(type));
		if (item->string)
			hash = hash_bytes(hash, item->string, strlen(item->string) + 1);
		if (cJSON_IsString(item) && item->valuestring)
			hash = hash_bytes(hash, item->valuestring, strlen(item->valuestring) + 1);
		else if (cJSON_IsNumber(item))
			hash = hash_bytes(hash, &item->valuedouble, sizeof(item->valuedouble));
		else if (item->child)
			hash = hash_item(hash, item->child);
		hash = hash_bytes(hash, "", 1);
	}
	return hash;
}

uint64_t json_hash(const struct json *value)
{
	const cJSON *item = in(value);
	cJSON alone;

	if (!item)
		return 0;
	alone = *item;
	alone.next = NULL; /* of an item of a list, only itself */
	alone.string = NULL;
	return hash_item(1469598103934665603u, &alone);
}

struct json *json_new_object(void)
{
	return out_of(cJSON_CreateObject());
}

struct json *json_new_array(void)
{
	return out_of(cJSON_CreateArray());
}

struct json *json_new_str(const char *text)
{
	return out_of(text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

struct json *json_new_int(int64_t number)
{
	return out_of(cJSON_CreateNumber((double)number));
}

struct json *json_copy(const struct json *value)
{
	return out_of(cJSON_Duplicate(in(value), true));
}

void json_add(struct json *into, const char *name, struct json *value)
{
	if (name)
		cJSON_AddItemToObject(in_mut(into), name, in_mut(value));
	else
		cJSON_AddItemToArray(in_mut(into), in_mut(value));
}

struct json *json_add_object(struct json *into, const char *name)
{
	struct json *value = json_new_object();

	json_add(into, name, value);
	return value;
}

struct json *json_add_array(struct json *into, const char *name)
{
	struct json *value = json_new_array();

	json_add(into, name, value);
	return value;
}

void json_add_str(struct json *into, const char *name, const char *text)
{
	json_add(into, name, json_new_str(text));
}

void json_add_int(struct json *into, const char *name, int64_t number)
{
	json_add(into, name, json_new_int(number));
}

void json_add_number(struct json *into, const char *name, double number)
{
	json_add(into, name, out_of(cJSON_CreateNumber(number)));
}

void json_add_bool(struct json *into, const char *name, bool value)
{
	json_add(into, name, out_of(cJSON_CreateBool(value)));
}

void json_add_null(struct json *into, const char *name)
{
	json_add(into, name, out_of(cJSON_CreateNull()));
}

void json_set(struct json *object, const char *name, struct json *value)
{
	if (json_member(object, name))
		cJSON_ReplaceItemInObjectCaseSensitive(in_mut(object), name, in_mut(value));
	else
		json_add(object, name, value);
}

void json_remove(struct json *object, const char *name)
{
	cJSON_DeleteItemFromObjectCaseSensitive(in_mut(object), name);
}

struct json *json_member_mut(struct json *doc, const char *name)
{
	return (struct json *)(void *)cJSON_GetObjectItemCaseSensitive(in_mut(doc), name);
}

struct json *json_item_mut(struct json *array, size_t index)
{
	return (struct json *)(void *)cJSON_GetArrayItem(in_mut(array), (int)index);
}

void json_quote(struct strbuf *out, const char *text, size_t len)
{
	strbuf_addch(out, '"');
	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t used = text_decode(text + i, len - i, &cp);

		if (cp == TEXT_INVALID)
			strbuf_addstr(out, "\xef\xbf\xbd");
		else if (cp == '"' || cp == '\\')
			strbuf_addf(out, "\\%c", (int)cp);
		else if (cp == '\n')
			strbuf_addstr(out, "\\n");
		else if (cp == '\t')
			strbuf_addstr(out, "\\t");
		else if (cp == '\r')
			strbuf_addstr(out, "\\r");
		else if (cp < 0x20 || cp == 0x7f || cp == 0x2028 || cp == 0x2029)
			strbuf_addf(out, "\\u%04x", cp);
		else
			strbuf_add(out, text + i, used);
		i += used;
	}
	strbuf_addch(out, '"');
}

static void print_number(struct strbuf *out, double number)
{
	char text[40];

	if (isnan(number) || isinf(number)) {
		strbuf_addstr(out, "null");
		return;
	}
	if (number == floor(number) && fabs(number) < 1e15) {
		strbuf_addf(out, "%" PRId64, (int64_t)number);
		return;
	}
	/* The shortest form that reads back as the same number. */
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, number);
		if (strtod(text, NULL) == number)
			break;
	}
	strbuf_addstr(out, text);
}

static void print_value(struct strbuf *out, const cJSON *value, bool pretty, size_t depth)
{
	bool object = cJSON_IsObject(value);

	if (cJSON_IsString(value)) {
		json_quote(out, value->valuestring, strlen(value->valuestring));
	} else if (cJSON_IsNumber(value)) {
		print_number(out, value->valuedouble);
	} else if (cJSON_IsBool(value)) {
		strbuf_addstr(out, cJSON_IsTrue(value) ? "true" : "false");
	} else if (!object && !cJSON_IsArray(value)) {
		strbuf_addstr(out, "null");
	} else if (!value->child) {
		strbuf_addstr(out, object ? "{}" : "[]");
	} else {
		strbuf_addch(out, object ? '{' : '[');
		for (const cJSON *item = value->child; item; item = item->next) {
			if (pretty) {
				strbuf_addch(out, '\n');
				strbuf_addchars(out, ' ', 2 * (depth + 1));
			}
			if (object) {
				json_quote(out, item->string, strlen(item->string));
				strbuf_addstr(out, pretty ? ": " : ":");
			}
			print_value(out, item, pretty, depth + 1);
			if (item->next)
				strbuf_addch(out, ',');
		}
		if (pretty) {
			strbuf_addch(out, '\n');
			strbuf_addchars(out, ' ', 2 * depth);
		}
		strbuf_addch(out, object ? '}' : ']');
	}
}

void json_print(struct strbuf *out, const struct json *value)
{
	print_value(out, in(value), false, 0);
}

void json_print_pretty(struct strbuf *out, const struct json *value)
{
	print_value(out, in(value), true, 0);
}
