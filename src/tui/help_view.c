/*
 * Help for a place: made from the key map and the two tables of commands, so that it cannot say
 * anything else than what the keys do.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "internal.h"

#define KEYS_CELLS  13
#define TWO_COLUMNS 110 /* below, summaries would be cut */
#define ENTRIES_MAX 128

/* ORDER GROUP */
static const char *const group_titles[GROUP_COUNT] = {
	"LOOK (changes nothing)",
	"ACT (asks first)",
	"MOVE",
	"OUT (clipboard, terminal)",
};

/* What the states of a pane mean; each begins with its word. */
static const struct {
	const char *place;
	const char *lines[6];
} states[] = {
	{ "members",
	  { "alive  answers gossip", "FAIL  does not answer", "leaving  says goodbye",
	    "left  has left by itself" } },
	{ "services",
	  { "pass  all checks pass", "WARN  a check warns", "CRIT  a check is critical",
	    "maint  in maintenance", "none  has no checks" } },
	{ "events",
	  { "FAILED  the registry refused", "dangling  registered without a container",
	    "stale  not as its container asks", "duplicate  registered twice",
	    "warning  probably not as it was meant" } },
	{ "renders",
	  { "clean  the file is what the data says", "PENDING  it differs and will be written",
	    "HELD  it differs and waits for you", "waiting  data is missing: see the detail",
	    "FAILED  see the detail view" } },
	{ "endpoints",
	  { "live  in Docker and in Calico", "STALE  evidence that it is gone",
	    "ghost  Docker has forgotten it", "held  a name that blocks a new one",
	    "?  a source cannot be asked", "young  too new to judge" } },
	{ "policies",
	  { "ok  it selects endpoints", "idle  it selects none",
	    "BROKEN  its selector or its text cannot be read" } },
	{ "addresses",
	  { "in use  somebody has it", "leaked  only endpoints that are left over have it",
	    "orphan  nobody has it", "foreign  another orchestrator's",
	    "?  a source cannot be asked", "young  too new to judge" } },
};

static void add_entry(struct rich *out, int column, int end, const struct key_binding *binding)
{
	const struct command *command = tui_command_of(binding->command);
	/* With words of its own the command says more than what it is in general. */
	bool is_more = command && strlen(binding->command) > strlen(command->verb);
	const char *summary = !command  ? "no such command"
			      : is_more ? binding->command
					: command->summary;
	struct strbuf keys = STRBUF_INIT, text = STRBUF_INIT;

	strbuf_addstr(&keys, binding->key);
	rich_pad(out, column);
	rich_add(out, ROLE_HINT_KEY, keys.buf);
	rich_pad(out, column + KEYS_CELLS);
	strbuf_addstr(&text, summary);
	if (end > 0 && (int)text.len > end - column - KEYS_CELLS - 1) {
		strbuf_setlen(&text, (size_t)(end - column - KEYS_CELLS - 2));
		strbuf_addch(&text, '~');
	}
	rich_add(out, ROLE_TEXT, text.buf);
	strbuf_release(&keys);
	strbuf_release(&text);
}

static void add_group(struct rich *out, struct tui *tui, const char *places, enum key_group group)
{
	const struct key_binding *entries[ENTRIES_MAX], *binding;
	size_t index = 0, count = 0, rows;
	int width = tui->grid->width, half = width / 2;
	bool two = width >= TWO_COLUMNS;

	while (keymap_next(tui->keymap, places, &index, &binding))
		if (binding->group == group && count < ENTRIES_MAX)
			entries[count++] = binding;
	if (count == 0)
		return;
	rich_addf(out, ROLE_HEADING, "  %s", group_titles[group]);
	rich_end_line(out);
	rows = two ? (count + 1) / 2 : count;
	for (size_t i = 0; i < rows; i++) {
		add_entry(out, 2, two ? half : width, entries[i]);
		if (two && i + rows < count)
			add_entry(out, half, width, entries[i + rows]);
		rich_end_line(out);
	}
	rich_end_line(out);
}

static void add_states(struct rich *out, const char *places)
{
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		if (!strstr(places, states[i].place))
			continue;
		rich_line(out, ROLE_HEADING, "  STATES");
		for (size_t k = 0; k < COUNT_OF(states[i].lines) && states[i].lines[k]; k++) {
			const char *line = states[i].lines[k];
			size_t word = strcspn(line, " ");
			enum role role = role_of_word(line, word);

			rich_pad(out, 2);
			rich_add_bytes(out, role == ROLE_NONE ? ROLE_STRONG : role, line, word);
			rich_pad(out, 2 + KEYS_CELLS);
			rich_add(out, ROLE_TEXT, line + word + strspn(line + word, " "));
			rich_end_line(out);
		}
		rich_end_line(out);
	}
}

static void add_filter_help(struct rich *out)
{
	static const char *const lines[][2] = {
		{ "web", "in any column; no capitals: case does not matter" },
		{ "web edge", "both" },
		{ "web|api", "either" },
		{ "!dock-4", "not" },
		{ "state:CRIT", "one column; also = != < >: age:>1h" },
		{ "~^web[0-9]+$", "regular expression" },
		{ "\"two words\"", "as it stands" },
	};

	rich_line(out, ROLE_HEADING, "  FILTER");
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		rich_pad(out, 2);
		rich_add(out, ROLE_HINT_KEY, lines[i][0]);
		rich_pad(out, 2 + KEYS_CELLS);
		rich_add(out, ROLE_TEXT, lines[i][1]);
		rich_end_line(out);
	}
}

static const char *place_title(const char *places)
{
	static const char *const titles[][2] = {
		{ "members", "Members" },     { "services", "Services" },
		{ "events", "Events" },       { "renders", "Renders" },
		{ "endpoints", "Endpoints" }, { "instances", "Instances" },
		{ "jobs", "Jobs" },           { "log", "Messages" },
		{ "diff", "Diff" },           { "generations", "Generations" },
		{ "detail", "Detail" },
	};

	for (size_t i = 0; i < COUNT_OF(titles); i++)
		if (strstr(places, titles[i][0]))
			return titles[i][1];
	return "Text";
}

struct view *help_view_new(struct tui *tui, const struct view *about)
{
	char *title = xasprintf("Help: %s", place_title(about->places));
	struct view *view = plain_view_new(tui, title, "help text");
	struct rich *text = plain_view_text(view);
	static const enum key_group order[] = { GROUP_ACT, GROUP_LOOK, GROUP_MOVE, GROUP_OUT };

	rich_end_line(text);
	for (size_t i = 0; i < COUNT_OF(order); i++)
		add_group(text, tui, about->places, order[i]);
	add_states(text, about->places);
	add_filter_help(text);
	free(title);
	return view;
}
