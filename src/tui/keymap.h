/*
 * keymap.h - which key does what, where. Keys are bound to text: what the palette would take.
 *
 * The help and the key hints are made from the same rows that the keys are looked up in.
 */
#ifndef TUI_KEYMAP_H
#define TUI_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "keys.h"

/* ORDER GROUP */
enum key_group { GROUP_LOOK, GROUP_ACT, GROUP_MOVE, GROUP_OUT, GROUP_COUNT };

struct key_binding {
	const char *place;   /* "any", "list", "text", or a view's own */
	const char *key;     /* names, blank-separated: "j Down" */
	const char *command; /* "down", "clean endpoints" */
	enum key_group group;
	const char *hint; /* one or two words for the hint line; NULL: only in the help */
};

struct keymap;

struct keymap *keymap_new(void);
void keymap_free(struct keymap *keymap);
/* Bind a key; what it did there before is forgotten. A lower-case key gets no changing command
 * unless that is allowed. */
bool keymap_bind(struct keymap *keymap, const char *place, const char *key, const char *command,
		 bool allow_lowercase_actions, struct err *err);
/* places: "services list", most special first; "any" is always last. NULL: nothing. */
const struct key_binding *keymap_find(const struct keymap *keymap, const char *places,
				      key_code key);
/* All bindings that work in some places, in table order; those hidden by a more special one left
 * out. Returns false at the end. `index` starts at 0. */
bool keymap_next(const struct keymap *keymap, const char *places, size_t *index,
		 const struct key_binding **out);
/* The first key bound to a command anywhere; NULL. */
const struct key_binding *keymap_find_command(const struct keymap *keymap, const char *command);

#endif
