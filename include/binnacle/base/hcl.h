/*
 * base/hcl.h - configuration files: HCL (version 1) and JSON, told apart by content.
 *
 *     # comment        // comment      and C comments
 *     key = "text ${kept as is}"      number = 5      flag = true      list = ["a", "b"]
 *     block "label" { key = value }   object = { key = value }
 *     text = <<EOF
 *     heredoc (<<-EOF takes away the indentation of the closing word)
 *     EOF
 *
 * The result is a tree in the arena. An object's members keep their order and may repeat (that is
 * how blocks of one name are listed). A block and an object that was assigned are the same kind
 * of value. In JSON, a list of objects reads as repeated blocks: use hcl_each.
 *
 * Errors name line and column. Reference: HCL 1 specification; the dialect is what Consul
 * Template's files use.
 */
#ifndef BINNACLE_BASE_HCL_H
#define BINNACLE_BASE_HCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"

enum hcl_kind { HCL_NULL, HCL_BOOL, HCL_NUMBER, HCL_STRING, HCL_LIST, HCL_OBJECT };

struct hcl_value {
	enum hcl_kind kind;
	const char *key;           /* in an object; "" elsewhere */
	const char *const *labels; /* of a block */
	size_t label_count;
	const char *text; /* a string's bytes, or the number as written */
	double number;
	bool boolean;
	const struct hcl_value *first, *next; /* items or members; sibling */
	size_t line, column;                  /* where it begins; 0 in JSON */
};

/* The root object; NULL on error. Everything lives in the arena. */
const struct hcl_value *hcl_parse(const char *text, size_t len, struct arena *arena,
				  struct err *err);

/* The last member of that name (the last one wins); NULL when absent or not an object. */
const struct hcl_value *hcl_get(const struct hcl_value *object, const char *key);

/* Walk all blocks of a name, lists of objects included: start with NULL, ends with NULL. */
const struct hcl_value *hcl_each(const struct hcl_value *object, const char *key,
				 const struct hcl_value *previous);

/*
 * Typed reading with weak conversion, as those files are read: "5" is a number, 5 a text, "true"
 * a flag. An absent key leaves *out. A value that does not fit is ERR_INPUT, with line and key.
 */
bool hcl_read_text(const struct hcl_value *object, const char *key, const char **out,
		   struct err *err);
bool hcl_read_bool(const struct hcl_value *object, const char *key, bool *out, struct err *err);
bool hcl_read_int(const struct hcl_value *object, const char *key, int64_t min, int64_t max,
		  int64_t *out, struct err *err);
bool hcl_read_duration(const struct hcl_value *object, const char *key, int64_t *out_ms,
		       struct err *err);
/* A list of texts, or one text with commas. NULL-terminated, in the arena. */
bool hcl_read_list(const struct hcl_value *object, const char *key, const char *const **out,
		   struct arena *arena, struct err *err);

/* Fails for the first member whose key is not in the NULL-terminated list; names the nearest. */
bool hcl_only_keys(const struct hcl_value *object, const char *where, const char *const *allowed,
		   struct err *err);

#endif
