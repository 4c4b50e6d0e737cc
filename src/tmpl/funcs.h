/*
 * funcs.h - what a function of the template language is: a row in a table.
 *
 * A row gives the parameters as a word, one letter each; a star at the end repeats the last one
 * any number of times, none included. Arguments have these types when the function runs.
 *
 *     s string   i int   I int64   b bool   f float64   t time.Time   a any
 *     l []string   L []interface {}   m map[string]interface {}   p []*dependency.KeyPair
 *     h []*dependency.HealthService
 *
 * The function returns its result, or what call_fail returns.
 */
#ifndef TMPL_FUNCS_H
#define TMPL_FUNCS_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/tmpl/data.h"
#include "binnacle/tmpl/tmpl.h"

struct eval;
struct node;

struct call {
	struct eval *eval;
	struct arena *arena; /* of the execution */
	const struct tmpl_func *func;
	const struct node *node; /* what is blamed for a failure */
	const struct tmpl_value **args;
	size_t count;
	const struct tmpl_value *receiver; /* of a method */
	bool boxed; /* the first argument is as it was found in a container of any */
};

typedef const struct tmpl_value *tmpl_func_fn(struct call *call);

struct tmpl_func {
	const char *name;
	const char *params;
	tmpl_func_fn *run;
};

/* Tables end in a row without a name. */
extern const struct tmpl_func builtin_funcs[], text_funcs[], list_funcs[], encode_funcs[],
	number_funcs[], time_funcs[], data_funcs[], system_funcs[], sprig_funcs[], regroup_funcs[],
	sprig_list_funcs[], sprig_dict_funcs[], sprig_number_funcs[], sprig_words_funcs[],
	sprig_misc_funcs[], sprig_url_funcs[], sprig_semver_funcs[], sockaddr_funcs[], spew_funcs[],
	yaml_funcs[], toml_funcs[], registrator_funcs[];

const struct tmpl_func *func_find(const char *name, size_t len); /* NULL: no such function */
/* One of those that Registrator's -tags have beside Go's own; they win over others. */
const struct tmpl_func *func_find_registrator(const char *name, size_t len);
/* Functions that exist where templates come from and cannot exist here; NULL or the reason. */
const char *func_unsupported(const char *name, size_t len);

/* What `scratch` can do, and a moment; NULL: no such method. */
const struct tmpl_func *func_scratch_method(const char *name);
const struct tmpl_func *func_time_method(const char *name);

/* Functions that Go itself treats specially. */
bool func_is_and(const struct tmpl_func *func);
bool func_is_or(const struct tmpl_func *func);

/* The message of a failing function, without "error calling NAME: ". Always NULL. */
const struct tmpl_value *call_fail(struct call *call, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for `len` more bytes? Else fails: for functions whose result can be far larger than what
 * they are given. */
bool call_has_room(struct call *call, size_t len);

/* As many steps' worth of work; false: failed, the template takes too long. */
bool call_spend(struct call *call, size_t steps);

const struct tmpl_source *call_source(const struct call *call);
/* Ask for a dependency: the answer, or the value for an unknown one, noted as missing. */
const struct tmpl_value *call_lookup(struct call *call, const struct dep *dep, bool *known);
/* Note a dependency whose answer does not do yet. */
void call_note_missing(struct call *call, const struct dep *dep);
/* Run a defined template into `out`; false: the execution has failed. */
bool call_template(struct call *call, const char *name, const struct tmpl_value *dot,
		   struct strbuf *out, bool *exists);
/* Put into a map that the execution has made and that its template may hold already; false:
 * failed, because it comes from elsewhere. A map is never put into itself, however deep: a copy
 * is, since printing it would not end. */
bool call_map_put(struct call *call, const struct tmpl_value *map, const struct tmpl_value *key,
		  const struct tmpl_value *value);
/* A value all of whose maps and lists are new; NULL: failed, it is too large. */
const struct tmpl_value *call_copy(struct call *call, const struct tmpl_value *value);
/* May functions change this map? */
bool call_owns_map(const struct call *call, const struct tmpl_value *map);
/* The value of the template's store: name -> value; made when first asked for. */
struct tmpl_value *call_scratch(struct call *call);

/* The text of a strbuf without the white space around it; the strbuf is released. */
const struct tmpl_value *call_trimmed(struct call *call, struct strbuf *text);

/* Arguments whose type the row has settled. */
const char *arg_str(const struct call *call, size_t index);
size_t arg_len(const struct call *call, size_t index);

#endif
