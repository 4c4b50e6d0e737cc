/*
 * base/json.h - JSON documents: parse with limits, read by path, build, print.
 *
 * The tree is cJSON's; only json.c includes its header. `struct json` is opaque. A document
 * lives from json_parse or json_new_* to json_free of its root; everything read from it is
 * borrowed from it. Copy out what must outlive it (see json_decode.h).
 *
 * Numbers are doubles, exact for every index and revision up to 2^53.
 *
 * Reading never fails: a missing member, a null or a wrong type gives the default.
 *
 *     struct json *doc = json_parse(text, len, &err);
 *     const char *name = json_str(doc, "Node.Node", "");
 *     JSON_EACH(check, json_get(doc, "Checks"))
 *         use(json_str(check, "CheckID", ""));
 *     json_free(doc);
 */
#ifndef BINNACLE_BASE_JSON_H
#define BINNACLE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct json;

/* NULL on error: malformed (names line and column), or nested deeper than LIMIT_JSON_DEPTH. */
struct json *json_parse(const char *text, size_t len, struct err *err);
void json_free(struct json *root);

/* A member by name, or by a path of names joined by dots ("Service.Address"). A name that holds
 * dots itself is reached with json_member. NULL when absent; doc may be NULL. */
const struct json *json_get(const struct json *doc, const char *path);
const struct json *json_member(const struct json *doc, const char *name);

bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
bool json_is_string(const struct json *value);
bool json_is_number(const struct json *value);
bool json_is_bool(const struct json *value);
bool json_is_null(const struct json *value); /* null or NULL */

/* The value itself; `otherwise` when it is of another type. */
const char *json_as_str(const struct json *value, const char *otherwise);
double json_as_number(const struct json *value, double otherwise);
int64_t json_as_int(const struct json *value, int64_t otherwise);
bool json_as_bool(const struct json *value, bool otherwise);

/* The member at a path. */
const char *json_str(const struct json *doc, const char *path, const char *otherwise);
int64_t json_int(const struct json *doc, const char *path, int64_t otherwise);
bool json_bool(const struct json *doc, const char *path, bool otherwise);

/* Items of an array or members of an object, in document order. */
const struct json *json_first(const struct json *value);
const struct json *json_next(const struct json *item);
const char *json_key(const struct json *item); /* of a member; "" in an array */
size_t json_count(const struct json *value);

#define JSON_EACH(item, value)                                                                     \
	for (const struct json *item = json_first(value); item; item = json_next(item))

/* Tells documents apart without keeping them: equal for equal values in the same order. Not for
 * telling friend from foe. */
uint64_t json_hash(const struct json *value);

/* Building. `into` is an object or an array (then name is NULL); it owns what is added. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_copy(const struct json *value);
struct json *json_add_object(struct json *into, const char *name);
struct json *json_add_array(struct json *into, const char *name);
void json_add_str(struct json *into, const char *name, const char *text); /* NULL adds null */
void json_add_int(struct json *into, const char *name, int64_t number);
void json_add_number(struct json *into, const char *name, double number);
void json_add_bool(struct json *into, const char *name, bool value);
void json_add_null(struct json *into, const char *name);
void json_add(struct json *into, const char *name, struct json *value); /* takes value */
/* Replace or add a member of an object; takes value. Remove one. */
void json_set(struct json *object, const char *name, struct json *value);
void json_remove(struct json *object, const char *name);
struct json *json_new_str(const char *text);
struct json *json_new_int(int64_t number);
/* A member for change in place; NULL when absent. */
struct json *json_member_mut(struct json *doc, const char *name);
struct json *json_item_mut(struct json *array, size_t index);

/* Append the document, compact or indented by two blanks. Bytes that are not UTF-8 become
 * U+FFFD, so that the output is always valid JSON. */
void json_print(struct strbuf *out, const struct json *value);
void json_print_pretty(struct strbuf *out, const struct json *value);
/* Append `text` as a JSON string, with the quotes. */
void json_quote(struct strbuf *out, const char *text, size_t len);

#endif
