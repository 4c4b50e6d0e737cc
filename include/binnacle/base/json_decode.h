/*
 * base/json_decode.h - JSON documents into structs, by tables.
 *
 * What a document looks like is a table next to the struct. Unknown members are ignored (peers
 * grow); a wrong type is an error that names the path; `null` equals absent, as Go clients
 * write it. Absent optional members leave the zero value. Strings are copied into the arena;
 * an absent string is "" for REQUIRED never, for OPTIONAL the empty string.
 *
 *     struct check { const char *id; int64_t port; };
 *     static const struct json_field check_fields[] = {
 *         JSON_STR(struct check, id, "CheckID", REQUIRED),
 *         JSON_INT(struct check, port, "Service.Port", OPTIONAL),
 *     };
 *     static const struct json_shape check_shape = JSON_SHAPE(struct check, check_fields);
 *
 *     json_decode(doc, &check_shape, &check, &arena, &err);
 *
 * A list member is a struct json_list of elements of the named shape, or of strings when the
 * shape is NULL. A map member (JSON_MAP) is a struct json_list of struct json_pair, in document
 * order.
 */
#ifndef BINNACLE_BASE_JSON_DECODE_H
#define BINNACLE_BASE_JSON_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"

struct json_list {
	const void *items; /* count elements: of the shape's struct, const char *, or json_pair */
	size_t count;
};

struct json_pair {
	const char *key, *value;
};

enum json_field_kind { FIELD_STRING, FIELD_INT, FIELD_BOOL, FIELD_LIST, FIELD_MAP };
enum json_need { OPTIONAL, REQUIRED };

struct json_field {
	const char *path; /* member names joined by dots */
	enum json_field_kind kind;
	enum json_need need;
	size_t offset;
	const struct json_shape *shape; /* of the elements of a FIELD_LIST; NULL: strings */
};

struct json_shape {
	const struct json_field *fields;
	size_t field_count;
	size_t size; /* of the struct */
};

/* Offset of `member`, refused by the compiler when the member is not a `ctype`. */
#define JSON_TYPED_OFFSET(type, member, ctype)                                                     \
	(offsetof(type, member) + 0 * sizeof((ctype *)0 == &((type *)0)->member))

#define JSON_STR(type, member, path, need)                                                         \
	{                                                                                          \
		path, FIELD_STRING, need, JSON_TYPED_OFFSET(type, member, const char *), NULL      \
	}
#define JSON_INT(type, member, path, need)                                                         \
	{                                                                                          \
		path, FIELD_INT, need, JSON_TYPED_OFFSET(type, member, int64_t), NULL              \
	}
#define JSON_BOOL(type, member, path, need)                                                        \
	{                                                                                          \
		path, FIELD_BOOL, need, JSON_TYPED_OFFSET(type, member, bool), NULL                \
	}
#define JSON_LIST(type, member, path, need, shape)                                                 \
	{                                                                                          \
		path, FIELD_LIST, need, JSON_TYPED_OFFSET(type, member, struct json_list), shape   \
	}
#define JSON_MAP(type, member, path, need)                                                         \
	{                                                                                          \
		path, FIELD_MAP, need, JSON_TYPED_OFFSET(type, member, struct json_list), NULL     \
	}
#define JSON_SHAPE(type, fields)                                                                   \
	{                                                                                          \
		fields, sizeof(fields) / sizeof((fields)[0]), sizeof(type)                         \
	}

/* Fill *out (a zeroed struct of the shape's size). On failure *out is partly filled. */
bool json_decode(const struct json *doc, const struct json_shape *shape, void *out,
		 struct arena *arena, struct err *err);

/* Decode an array of documents into list->items. */
bool json_decode_list(const struct json *array, const struct json_shape *shape,
		      struct json_list *list, struct arena *arena, struct err *err);

#endif
