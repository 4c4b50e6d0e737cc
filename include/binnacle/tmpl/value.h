/*
 * tmpl/value.h - the values that templates compute with: Go's, as far as templates can see them.
 *
 * A value is its type and its content. Types are static and compared by address; their names are
 * Go's ("[]string", "*dependency.HealthService"), because they show in %T and in messages and
 * because Go checks parameters by them: int is not int64, a list of strings is not a list of any.
 *
 * Values live in an arena and do not change once they have been handed on; but for maps of any
 * that an execution made itself, which its templates may add to, as in Go. The functions that
 * build lists, maps and records return a value that may still be filled.
 *
 *     struct tmpl_value *pair = tmpl_record_new(arena, &tmpl_type_key_pair);
 *     tmpl_record_set(pair, "Key", tmpl_string(arena, key, len));
 */
#ifndef BINNACLE_TMPL_VALUE_H
#define BINNACLE_TMPL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"

enum tmpl_kind {
	TMPL_NIL, /* nil, and "no value" */
	TMPL_BOOL,
	TMPL_INT,  /* types int and int64 */
	TMPL_UINT, /* uint64 */
	TMPL_FLOAT,
	TMPL_COMPLEX,
	TMPL_STRING,
	TMPL_LIST,
	TMPL_MAP,     /* sorted by key */
	TMPL_RECORD,  /* a Go struct, or a pointer to one, which may be nil */
	TMPL_TIME,    /* a moment and the zone to show it in */
	TMPL_STREAM,  /* numbers from..to, consumed by range */
	TMPL_SCRATCH, /* the store of one execution */
};

struct tmpl_value;
struct tmpl_type;

struct tmpl_field {
	const char *name;
	const struct tmpl_type *type;
	bool late; /* can be read by name, but is left out of print and JSON: newer than the rest */
};

struct tmpl_type {
	enum tmpl_kind kind;
	const char *name;
	const struct tmpl_type *elem; /* of lists and maps */
	const struct tmpl_field *fields;
	size_t field_count;
	bool pointer; /* a record behind a pointer */
};

struct tmpl_pair {
	const struct tmpl_value *key, *value;
};

struct tmpl_stream {
	int64_t next, end;
};

struct tmpl_value {
	const struct tmpl_type *type;
	union {
		bool boolean;
		int64_t integer;
		uint64_t uinteger;
		double real;
		struct {
			double re, im;
		} complex;
		struct {
			const char *text; /* ends in a NUL that len does not count */
			size_t len;
		} string;
		struct {
			const struct tmpl_value **items;
			size_t count, cap;
			bool null; /* Go's nil slice: prints as empty, is null in JSON */
		} list;
		struct {
			struct tmpl_pair *pairs;
			size_t count, cap;
			bool null;
			const struct arena *owner; /* whose functions may still change it */
		} map;
		const struct tmpl_value *
			*fields; /* of a record, by type->fields; NULL: nil pointer */
		struct {
			int64_t seconds; /* since 1970, UTC */
			int nanoseconds;
			int offset; /* seconds east */
			const char *zone;
		} time;
		struct tmpl_stream *stream;
		void *scratch;
	} u;
};

/* Types of Go itself. */
extern const struct tmpl_type tmpl_type_any; /* interface {}: of nil, and as element type */
extern const struct tmpl_type tmpl_type_bool, tmpl_type_int, tmpl_type_int64, tmpl_type_uint64;
extern const struct tmpl_type tmpl_type_uint8; /* a byte of a string */
extern const struct tmpl_type tmpl_type_float64, tmpl_type_complex128, tmpl_type_string;
extern const struct tmpl_type tmpl_type_strings;    /* []string */
extern const struct tmpl_type tmpl_type_ints;       /* []int */
extern const struct tmpl_type tmpl_type_lists;      /* [][]interface {} */
extern const struct tmpl_type tmpl_type_list;       /* []interface {} */
extern const struct tmpl_type tmpl_type_map;        /* map[string]interface {} */
extern const struct tmpl_type tmpl_type_string_map; /* map[string]string */
extern const struct tmpl_type tmpl_type_list_map;   /* map[string][]interface {} */
extern const struct tmpl_type tmpl_type_time;       /* time.Time */
extern const struct tmpl_type tmpl_type_stream;     /* <-chan int64 */
extern const struct tmpl_type tmpl_type_scratch;    /* *template.Scratch */
/* Types of the data functions; the fields are listed in types.c. */
extern const struct tmpl_type tmpl_type_tags; /* dependency.ServiceTags */
extern const struct tmpl_type tmpl_type_check, tmpl_type_checks;
extern const struct tmpl_type tmpl_type_health_service, tmpl_type_health_services;
extern const struct tmpl_type tmpl_type_health_service_map, tmpl_type_health_service_port_map;
extern const struct tmpl_type tmpl_type_weights, tmpl_type_service_address;
extern const struct tmpl_type tmpl_type_service_address_map;
extern const struct tmpl_type tmpl_type_snippet, tmpl_type_snippets;
extern const struct tmpl_type tmpl_type_node, tmpl_type_nodes;
extern const struct tmpl_type tmpl_type_node_service, tmpl_type_node_services;
extern const struct tmpl_type tmpl_type_catalog_node;
extern const struct tmpl_type tmpl_type_key_pair, tmpl_type_key_pairs;
extern const struct tmpl_type tmpl_type_key_pair_map, tmpl_type_key_pair_maps; /* byKey */
extern const struct tmpl_type tmpl_type_semver;
extern const struct tmpl_type tmpl_type_partition, tmpl_type_partitions;
extern const struct tmpl_type tmpl_type_peering, tmpl_type_peerings;
extern const struct tmpl_type tmpl_type_consumers;
extern const struct tmpl_type tmpl_type_exported_service, tmpl_type_exported_services;
extern const struct tmpl_type tmpl_type_ca_root, tmpl_type_ca_roots, tmpl_type_ca_leaf;

const struct tmpl_value *tmpl_nil(void);
const struct tmpl_value *tmpl_bool(bool value);
const struct tmpl_value *tmpl_int(struct arena *arena, int64_t value);   /* Go's int */
const struct tmpl_value *tmpl_int64(struct arena *arena, int64_t value); /* Go's int64 */
const struct tmpl_value *tmpl_uint64(struct arena *arena, uint64_t value);
const struct tmpl_value *tmpl_float(struct arena *arena, double value);
const struct tmpl_value *tmpl_string(struct arena *arena, const char *bytes, size_t len);
const struct tmpl_value *tmpl_str(struct arena *arena, const char *text);
/* A string over bytes that live in the arena and end in a NUL. */
const struct tmpl_value *tmpl_string_take(struct arena *arena, const char *bytes, size_t len);
/* The text of a strbuf, which is released. */
const struct tmpl_value *tmpl_string_from(struct arena *arena, struct strbuf *text);
/* The zero value of a type: "", 0, an empty list, a nil pointer. */
const struct tmpl_value *tmpl_zero(struct arena *arena, const struct tmpl_type *type);

struct tmpl_value *tmpl_list_new(struct arena *arena, const struct tmpl_type *type);
void tmpl_list_add(struct arena *arena, struct tmpl_value *list, const struct tmpl_value *item);
struct tmpl_value *tmpl_map_new(struct arena *arena, const struct tmpl_type *type);
/* Take a key out; nothing when it is not there. */
void tmpl_map_remove(struct tmpl_value *map, const struct tmpl_value *key);
/* Put or replace. */
void tmpl_map_put(struct arena *arena, struct tmpl_value *map, const struct tmpl_value *key,
		  const struct tmpl_value *value);
/* Fill an empty map from pairs in any order, which are reordered; of equal keys the last wins. */
void tmpl_map_fill(struct arena *arena, struct tmpl_value *map, struct tmpl_pair *pairs,
		   size_t count);
const struct tmpl_value *tmpl_map_get(const struct tmpl_value *map, const char *key, size_t len);
const struct tmpl_value *tmpl_map_get_value(const struct tmpl_value *map,
					    const struct tmpl_value *key); /* NULL: absent */
/* All fields have their zero value. */
struct tmpl_value *tmpl_record_new(struct arena *arena, const struct tmpl_type *type);
void tmpl_record_set(struct tmpl_value *record, const char *field, const struct tmpl_value *value);
/* NULL: the type has no such field. The record must not be a nil pointer. */
const struct tmpl_value *tmpl_record_get(const struct tmpl_value *record, const char *field);
const struct tmpl_field *tmpl_type_field(const struct tmpl_type *type, const char *name);

/* What `if` asks. */
bool tmpl_is_true(const struct tmpl_value *value);
bool tmpl_is_nil(const struct tmpl_value *value); /* nil, or a nil pointer */
/* Order of strings (bytewise), and of ints. */
int tmpl_compare_strings(const struct tmpl_value *a, const struct tmpl_value *b);
bool tmpl_string_is(const struct tmpl_value *value, const char *text);

#endif
