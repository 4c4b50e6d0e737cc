#include "keymap.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "internal.h"

/* Also the order of the hint line and of the help. */
static const struct key_binding default_keys[] = {
	/* Lists. */
	{ "list", "Enter", "open", GROUP_LOOK, "open" },
	{ "list", "Space", "mark", GROUP_LOOK, "mark" },
	{ "list", "v", "range", GROUP_LOOK, NULL },
	{ "list", "*", "mark all", GROUP_LOOK, NULL },
	{ "list", "u", "unmark", GROUP_LOOK, NULL },
	{ "renders", "d", "diff view", GROUP_LOOK, "diff" },
	{ "generations", "d", "diff view", GROUP_LOOK, "diff" },
	{ "services", "d", "diff services", GROUP_LOOK, NULL },
	{ "instances", "d", "diff services", GROUP_LOOK, NULL },
	{ "containers", "d", "diff services", GROUP_LOOK, "diff" },
	{ "events", "d", "diff services", GROUP_LOOK, "diff" },

	/* What asks first. */
	{ "renders", "A F9", "apply", GROUP_ACT, "apply" },
	{ "renders", "R", "render", GROUP_ACT, "render" },
	{ "renders", "C", "check", GROUP_ACT, "check" },
	{ "diff", "A F9", "apply", GROUP_ACT, "apply" },
	{ "diff", "R", "render", GROUP_ACT, "render" },
	{ "diff", "C", "check", GROUP_ACT, "check" },
	{ "diff", "U", "rollback", GROUP_ACT, "roll back" },
	{ "renders", "U", "rollback", GROUP_ACT, "roll back" },
	{ "services", "A F9", "apply", GROUP_ACT, "apply" },
	{ "services", "D F8", "deregister", GROUP_ACT, "deregister" },
	{ "instances", "D F8", "deregister", GROUP_ACT, "deregister" },
	{ "endpoints", "D F8", "clean endpoints", GROUP_ACT, "remove" },
	{ "members", "D F8", "force-leave", GROUP_ACT, "force-leave" },
	{ "events", "I", "register", GROUP_ACT, "register" },
	{ "events", "D F8", "deregister", GROUP_ACT, NULL },
	{ "containers", "I", "register", GROUP_ACT, "register" },
	{ "addresses", "D F8", "release", GROUP_ACT, "release" },
	{ "addresses", "P", "repair", GROUP_ACT, "repair" },
	{ "containers", "P", "repair", GROUP_ACT, "repair" },
	{ "nodes", "D F8", "decommission", GROUP_ACT, "decommission" },
	{ "policies", "A F9", "edit policy", GROUP_ACT, "edit" },
	{ "policies", "D F8", "policy delete", GROUP_ACT, "delete" },
	{ "policies", "n", "list endpoints --filter policies:none", GROUP_LOOK, "no policy" },
	{ "services", "I", "register", GROUP_ACT, NULL },
	{ "services", "X", "remove attention", GROUP_ACT, NULL },
	{ "endpoints", "X", "remove attention", GROUP_ACT, "all stale" },
	{ "jobs", "K", "cancel", GROUP_ACT, "cancel" },
	{ "jobs", "U", "undo", GROUP_ACT, "undo" },
	{ "any", "U", "undo", GROUP_ACT, NULL },
	{ "any", "L", "reload", GROUP_ACT, NULL },
	{ "any", "M", "choose mode", GROUP_ACT, NULL },

	{ "list", "x", "mark attention", GROUP_LOOK, "mark stale" },
	{ "list", "a", "attention", GROUP_LOOK, NULL },
	{ "list", "s F6", "sort", GROUP_LOOK, "sort" },
	{ "list", "<", "sort left", GROUP_LOOK, NULL },
	{ "list", ">", "sort right", GROUP_LOOK, NULL },
	{ "list", "o", "reverse", GROUP_LOOK, NULL },
	{ "list", "w", "wide", GROUP_LOOK, "wide" },
	{ "list", "c", "columns", GROUP_LOOK, NULL },
	{ "events", "f", "follow", GROUP_LOOK, "follow" },
	{ "any", "/ F4", "filter", GROUP_LOOK, "filter" },
	{ "any", ":", "palette", GROUP_LOOK, "command" },

	/* Parts and objects. */
	{ "detail", "] Tab", "next part", GROUP_LOOK, "tab" },
	{ "detail", "[ S-Tab", "previous part", GROUP_LOOK, NULL },
	{ "detail", "}", "next item", GROUP_LOOK, "item" },
	{ "detail", "{", "previous item", GROUP_LOOK, NULL },
	{ "diff", "]", "next part", GROUP_LOOK, "hunk" },
	{ "diff", "[", "previous part", GROUP_LOOK, NULL },
	{ "diff", "}", "next item", GROUP_LOOK, "file" },
	{ "diff", "{", "previous item", GROUP_LOOK, NULL },
	{ "diff", "|", "split", GROUP_LOOK, "split" },
	{ "diff", ")", "more context", GROUP_LOOK, "context" },
	{ "diff", "(", "less context", GROUP_LOOK, NULL },
	{ "text", "w", "wrap", GROUP_LOOK, "wrap" },
	{ "text", "n F3", "next match", GROUP_LOOK, NULL },
	{ "text", "N", "previous match", GROUP_LOOK, NULL },
	{ "log", "f", "follow", GROUP_LOOK, "follow" },
	{ "log", "a", "attention", GROUP_LOOK, "attention" },

	{ "any", "i", "preview", GROUP_LOOK, NULL },
	{ "any", "t", "time", GROUP_LOOK, NULL },
	{ "any", "b F7", "jobs", GROUP_LOOK, "jobs" },
	{ "any", "@", "messages", GROUP_LOOK, "log" },
	{ "any", "z", "zoom", GROUP_LOOK, "zoom" },
	{ "any", "? F1", "help", GROUP_LOOK, "help" },

	/* Movement. */
	{ "any", "j Down", "down", GROUP_MOVE, NULL },
	{ "any", "k Up", "up", GROUP_MOVE, NULL },
	{ "any", "h Left", "left", GROUP_MOVE, NULL },
	{ "any", "l Right", "right", GROUP_MOVE, NULL },
	{ "any", "C-d", "half down", GROUP_MOVE, NULL },
	{ "any", "C-u", "half up", GROUP_MOVE, NULL },
	{ "any", "PgDn C-f", "page down", GROUP_MOVE, NULL },
	{ "any", "PgUp C-b", "page up", GROUP_MOVE, NULL },
	{ "any", "g Home", "top", GROUP_MOVE, NULL },
	{ "any", "G End", "bottom", GROUP_MOVE, NULL },
	{ "any", "1", "members", GROUP_MOVE, NULL },
	{ "any", "2", "services", GROUP_MOVE, NULL },
	{ "any", "3", "events", GROUP_MOVE, NULL },
	{ "any", "4", "renders", GROUP_MOVE, NULL },
	{ "any", "5", "endpoints", GROUP_MOVE, NULL },
	{ "any", "6", "list policies", GROUP_MOVE, NULL },
	{ "any", "7", "list addresses", GROUP_MOVE, NULL },
	{ "any", "8", "list networks", GROUP_MOVE, NULL },
	{ "any", "9", "list nodes", GROUP_MOVE, NULL },
	{ "any", "0", "overview", GROUP_MOVE, NULL },
	{ "any", "Tab", "next pane", GROUP_MOVE, NULL },
	{ "any", "S-Tab", "previous pane", GROUP_MOVE, NULL },
	{ "any", "+", "grow", GROUP_MOVE, NULL },
	{ "any", "_", "shrink", GROUP_MOVE, NULL },
	{ "any", "-", "last", GROUP_MOVE, NULL },
	{ "any", "Esc", "back", GROUP_MOVE, NULL },
	{ "any", "q", "close", GROUP_MOVE, "quit" },
	{ "any", "Q F10", "quit", GROUP_MOVE, NULL },

	/* What leaves the console, and the terminal itself. */
	{ "any", "y", "copy", GROUP_OUT, NULL },
	{ "any", "Y", "copy all", GROUP_OUT, NULL },
	{ "any", "p", "pager", GROUP_OUT, NULL },
	{ "any", "e", "editor", GROUP_OUT, NULL },
	{ "any", "O", "export", GROUP_OUT, NULL },
	{ "any", "r F5 C-r", "refresh", GROUP_OUT, NULL },
	{ "any", "C-l", "redraw", GROUP_OUT, NULL },
	{ "any", "C-z", "suspend", GROUP_OUT, NULL },
};

struct keymap {
	/* The operator's bindings come first; their strings are owned. */
	struct key_binding *own;
	size_t own_count, own_cap;
};

struct keymap *keymap_new(void)
{
	return xcalloc(1, sizeof(struct keymap));
}

void keymap_free(struct keymap *keymap)
{
	if (!keymap)
		return;
	for (size_t i = 0; i < keymap->own_count; i++) {
		free((char *)keymap->own[i].place);
		free((char *)keymap->own[i].key);
		free((char *)keymap->own[i].command);
	}
	free(keymap->own);
	free(keymap);
}

static const struct key_binding *binding_at(const struct keymap *keymap, size_t index)
{
	if (index < keymap->own_count)
		return &keymap->own[index];
	index -= keymap->own_count;
	return index < COUNT_OF(default_keys) ? &default_keys[index] : NULL;
}

bool keymap_bind(struct keymap *keymap, const char *place, const char *key, const char *command,
		 bool allow_lowercase_actions, struct err *err)
{
	const struct command *row = tui_command_of(command);
	key_code code;

	if (!key_parse(key, &code))
		return err_set(err, ERR_INPUT, "bind %s: there is no key \"%s\"", place, key);
	if (!row && *command)
		return err_set(err, ERR_INPUT, "bind %s %s: there is no command \"%s\"", place, key,
			       command);
	/* Looking never changes anything: lower-case letters are for looking. */
	if (row && command_changes(row) && !allow_lowercase_actions &&
	    !(code < 0x80 && isupper((int)code)) && code < KEY_CODE_F1)
		return err_set(err, ERR_REFUSED,
			       "bind %s %s: \"%s\" changes things, so it needs a capital letter "
			       "or allow_lowercase_actions",
			       place, key, command);
	GROW(keymap->own, keymap->own_count, keymap->own_cap);
	keymap->own[keymap->own_count++] = (struct key_binding){
		.place = xstrdup(place),
		.key = xstrdup(key),
		.command = xstrdup(command),
		.group = row && command_changes(row) ? GROUP_ACT : GROUP_LOOK,
	};
	return true;
}

/* Is a word in a blank-separated list? Returns its position, or -1. */
static int word_position(const char *list, const char *word, size_t len)
{
	int position = 0;

	while (*list) {
		size_t n = strcspn(list, " ");

		if (n == len && memcmp(list, word, len) == 0)
			return position;
		list += n;
		list += strspn(list, " ");
		position++;
	}
	return -1;
}

static bool has_key(const char *names, key_code key)
{
	while (*names) {
		size_t len = strcspn(names, " ");
		char name[KEY_NAME_BYTES];
		key_code code;

		if (len < sizeof(name)) {
			memcpy(name, names, len);
			name[len] = '\0';
			if (key_parse(name, &code) && code == key)
				return true;
		}
		names += len;
		names += strspn(names, " ");
	}
	return false;
}

static int rank_of(const struct key_binding *binding, const char *places)
{
	if (strcmp(binding->place, "any") == 0)
		return 1000;
	return word_position(places, binding->place, strlen(binding->place));
}

const struct key_binding *keymap_find(const struct keymap *keymap, const char *places, key_code key)
{
	const struct key_binding *best = NULL, *binding;
	int best_rank = 1 << 30;

	for (size_t i = 0; (binding = binding_at(keymap, i)); i++) {
		int rank = rank_of(binding, places);

		if (rank < 0 || rank >= best_rank || !has_key(binding->key, key))
			continue;
		best = binding;
		best_rank = rank;
	}
	return best && *best->command ? best : NULL;
}

bool keymap_next(const struct keymap *keymap, const char *places, size_t *index,
		 const struct key_binding **out)
{
	const struct key_binding *binding;

	while ((binding = binding_at(keymap, *index))) {
		char name[KEY_NAME_BYTES] = "";
		size_t len = strcspn(binding->key, " ");
		key_code key;

		++*index;
		if (rank_of(binding, places) < 0 || len >= sizeof(name))
			continue;
		memcpy(name, binding->key, len);
		if (!key_parse(name, &key) || keymap_find(keymap, places, key) != binding)
			continue;
		*out = binding;
		return true;
	}
	return false;
}

const struct key_binding *keymap_find_command(const struct keymap *keymap, const char *command)
{
	const struct key_binding *binding;

	for (size_t i = 0; (binding = binding_at(keymap, i)); i++)
		if (strcmp(binding->command, command) == 0)
			return binding;
	return NULL;
}
