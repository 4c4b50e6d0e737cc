/*
 * base/yaml.h - YAML: read with limits into a tree that knows its lines; write JSON as YAML.
 *
 * Reading takes the part of YAML that people write resources in: maps with plain keys, lists,
 * texts. Anchors, aliases, tags and keys that stand twice are refused, so that a small file
 * cannot become a large one and means the same to everybody. Nothing is interpreted: what a
 * plain text means (a number, null) is for the reader of the tree, who knows what he expects.
 *
 *     struct arena arena = ARENA_INIT;
 *     const struct yaml_node *documents = yaml_read(text, len, &arena, &err);
 *     for (const struct yaml_node *doc = documents->first; doc; doc = doc->next)
 *         name = yaml_member(doc, "name");
 *     arena_release(&arena);
 *
 * Writing gives the layout of Go's YAML library, byte for byte: keys in its order, texts quoted
 * only where they would be read as something else.
 */
#ifndef BINNACLE_BASE_YAML_H
#define BINNACLE_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"

struct json;

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	const char *text; /* of a YAML_TEXT; no NULs */
	bool quoted;      /* in quotes or as a block: a text whatever it looks like */
	size_t line;      /* where it begins, from 1 */
	const char *key;  /* of a member of a map, else "" */
	const struct yaml_node *first, *next;
	size_t count; /* of the items or members */
};

/*
 * All documents of a text, as items of a list; everything lives in the arena. NULL with err,
 * which names the line: malformed, deeper than LIMIT_JSON_DEPTH, more than LIMIT_YAML_NODES
 * in all or LIMIT_YAML_MEMBERS in one map.
 */
const struct yaml_node *yaml_read(const char *text, size_t len, struct arena *arena,
				  struct err *err);
/* NULL when it is not a map or has no such member. */
const struct yaml_node *yaml_member(const struct yaml_node *map, const char *key);
/* A plain text that stands for nothing: "", "~", "null". */
bool yaml_is_null(const struct yaml_node *node);

/* Append the document. Bytes that are not UTF-8 become U+FFFD. */
void yaml_write(struct strbuf *out, const struct json *value);

#endif
