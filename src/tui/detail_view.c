/*
 * One object: its summary, the lists that belong to it, all its fields as JSON. For a service
 * the summary begins with its route, link by link, so that the eye finds the first broken one.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/present/table.h"
#include "internal.h"
#include "table_view.h"

#define LABEL_CELLS_MAX 18
#define ROUTE_CELLS     15
#define PREVIEW_REST_MS 300

enum tab_kind { TAB_SUMMARY, TAB_LIST, TAB_JSON };

struct tab {
	const char *title;
	enum tab_kind kind;
	enum model_table list;
	table_base_fn *base;
	const char *places;
};

struct detail_view {
	const struct table *table;
	char *id;
	struct view *from; /* the list it was opened from, borrowed; NULL */
	const struct tab *tabs;
	size_t tab_count, tab;
	struct text_view body;
	struct view *list; /* of a list tab; NULL */
	bool is_gone;
};

/* Words for states, wherever they stand in a text. */
static const struct {
	const char *word;
	enum role role;
} state_words[] = {
	{ "CRIT", ROLE_STATE_CRIT },       { "FAIL", ROLE_STATE_CRIT },
	{ "FAILED", ROLE_STATE_FAILED },   { "DOWN", ROLE_STATE_CRIT },
	{ "DENIED", ROLE_STATE_CRIT },     { "WARN", ROLE_STATE_WARN },
	{ "DUP", ROLE_STATE_WARN },        { "leaving", ROLE_STATE_WARN },
	{ "STALE", ROLE_STATE_STALE },     { "stale", ROLE_STATE_STALE },
	{ "ghost", ROLE_STATE_STALE },     { "dangling", ROLE_STATE_STALE },
	{ "?", ROLE_STATE_UNKNOWN },       { "UNKNOWN", ROLE_STATE_UNKNOWN },
	{ "unknown", ROLE_STATE_UNKNOWN }, { "PENDING", ROLE_STATE_PENDING },
	{ "HELD", ROLE_STATE_HELD },       { "held", ROLE_STATE_HELD },
	{ "maint", ROLE_STATE_MAINT },     { "running", ROLE_STATE_RUNNING },
	{ "pass", ROLE_STATE_PASS },       { "alive", ROLE_STATE_PASS },
	{ "live", ROLE_STATE_PASS },       { "ok", ROLE_STATE_PASS },
	{ "clean", ROLE_STATE_PASS },      { "done", ROLE_STATE_DONE },
};

enum role role_of_word(const char *word, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(state_words); i++)
		if (strlen(state_words[i].word) == len &&
		    memcmp(state_words[i].word, word, len) == 0)
			return state_words[i].role;
	return ROLE_NONE;
}

/* A number in front of a state word belongs to it: "2 STALE". */
void rich_add_states(struct rich *rich, enum role role, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " ,"), next, rest;
		enum role own = role_of_word(text, len);

		if (own == ROLE_NONE && len > 0 && strspn(text, "0123456789") == len &&
		    text[len] == ' ') {
			next = len + 1;
			rest = strcspn(text + next, " ,");
			own = role_of_word(text + next, rest);
			if (own != ROLE_NONE)
				len = next + rest;
		}
		rich_add_bytes(rich, own == ROLE_NONE ? role : own, text, len);
		text += len;
		len = strspn(text, " ,");
		rich_add_bytes(rich, role, text, len);
		text += len;
	}
}

static int label_cells(const char *text)
{
	int widest = 0;

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n"), label = strcspn(line, "\t\n");

		if (label < len) {
			int cells = text_width(line, label);

			if (cells > widest && cells <= LABEL_CELLS_MAX)
				widest = cells;
		}
		line += len + (line[len] == '\n');
	}
	return widest + 2;
}

void detail_lines(struct rich *out, const char *text)
{
	int value_column = label_cells(text) + 2;

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n"), label = strcspn(line, "\t\n");

		if (label < len) {
			char *value = xstrndup(line + label + 1, len - label - 1);

			rich_add(out, ROLE_TEXT, "  ");
			rich_add_bytes(out, ROLE_MUTED, line, label);
			rich_pad(out, value_column);
			rich_add_states(out, ROLE_TEXT, value);
			free(value);
		} else if (len > 0) {
			rich_add(out, ROLE_TEXT, " ");
			rich_add_bytes(out, ROLE_HEADING, line, len);
		}
		rich_end_line(out);
		line += len + (line[len] == '\n');
	}
}

/* A link of a service's route: how it stands, in a glyph, a word and a sentence. */
PRINTF_LIKE(6, 7)
static void route_link(const struct tui *tui, struct rich *out, const char *name, bool good,
		       const char *word, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	enum role role = role_of_word(word, strlen(word));
	enum glyph glyph = strcmp(word, "?") == 0 ? GLYPH_LINK_UNKNOWN
			   : good                 ? GLYPH_LINK_GOOD
						  : GLYPH_LINK_BAD;
	va_list args;

	if (role == ROLE_NONE)
		role = good ? ROLE_STATE_PASS : ROLE_STATE_UNKNOWN;
	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	rich_addf(out, role, "  %s ", grid_glyph(tui->grid, glyph));
	rich_add(out, ROLE_STRONG, name);
	rich_pad(out, ROUTE_CELLS + 4);
	rich_add(out, role, word);
	rich_pad(out, ROUTE_CELLS + 14);
	rich_add(out, ROLE_TEXT, text.buf);
	rich_end_line(out);
	strbuf_release(&text);
}

static void route_gap(const struct tui *tui, struct rich *out)
{
	rich_addf(out, ROLE_MUTED, "  %s", grid_glyph(tui->grid, GLYPH_LINK_DOWN));
	rich_end_line(out);
}

/* Does "web:80, web:443" name the service? */
static bool names_service(const char *registered, const char *service)
{
	size_t len = strlen(service);

	for (const char *p = registered; (p = strstr(p, service)); p += len) {
		bool begins = p == registered || p[-1] == ' ' || p[-1] == ',';

		if (begins && (p[len] == ':' || p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

static void route_containers(const struct tui *tui, const struct service *service, struct rich *out)
{
	const struct snapshot *containers = model_current(tui->model, MODEL_CONTAINERS);
	const struct source_status *docker = model_source(tui->model, SOURCE_DOCKER);
	size_t running = 0, stopped = 0;

	for (size_t i = 0; i < containers->count; i++) {
		const struct container_row *row = snapshot_row(containers, i);

		if (!names_service(row->registered, service->id))
			continue;
		running += strcmp(row->status, "running") == 0;
		stopped += strcmp(row->status, "running") != 0;
	}
	if (running + stopped == 0)
		route_link(tui, out, "containers", false, "?",
			   docker->health == SOURCE_OFF || docker->health >= SOURCE_DOWN
				   ? "Docker cannot be asked"
				   : "none of the known daemons runs a container of it");
	else
		route_link(tui, out, "containers", stopped == 0, stopped ? "WARN" : "ok",
			   "%zu running, %zu stopped", running, stopped);
}

static void route_template(const struct tui *tui, const char *name, struct rich *out)
{
	const struct render *render = snapshot_find(model_current(tui->model, MODEL_RENDERS), name);
	char since[CLOCK_TEXT_BYTES] = "";
	bool good;

	if (!render) {
		route_link(tui, out, "template", false, "?", "%s is unknown here", name);
		return;
	}
	good = render->state == STATE_PASS;
	if (good)
		route_link(tui, out, "template", true, render->status, "%s", render->id);
	else
		route_link(tui, out, "template", false, render->status,
			   "%s  +%" PRId64 " -%" PRId64, render->id, render->added,
			   render->removed);
	route_gap(tui, out);
	if (render->loaded_ms > 0)
		clock_local_hms(render->loaded_ms, since);
	if (render->not_loaded)
		route_link(tui, out, "nginx", false, "WARN", "%s is newer than what nginx loaded",
			   render->destination);
	else if (render->loaded_ms > 0)
		route_link(tui, out, "nginx", true, "ok", "loaded %s at %s", render->destination,
			   since);
	else
		route_link(tui, out, "nginx", false, "?", "it is not known what nginx loaded");
}

static void write_route(const struct tui *tui, const struct service *service, struct rich *out)
{
	int64_t total = service->passing + service->warning + service->critical;
	bool doubtful = service->dangling > 0 || service->duplicates > 0;

	rich_line(out, ROLE_HEADING, " Route");
	route_containers(tui, service, out);
	route_gap(tui, out);
	route_link(tui, out, "registration", !doubtful,
		   service->dangling     ? "dangling"
		   : service->duplicates ? "DUP"
					 : "ok",
		   "%" PRId64 " in Consul, %" PRId64 " dangling, %" PRId64 " registered twice",
		   total, service->dangling, service->duplicates);
	route_gap(tui, out);
	route_link(tui, out, "health", service->state == STATE_PASS || service->state == STATE_NONE,
		   service->status,
		   "%" PRId64 " passing, %" PRId64 " warning, %" PRId64 " critical",
		   service->passing, service->warning, service->critical);
	route_gap(tui, out);
	if (service->used_by.count == 0)
		route_link(tui, out, "template", false, "none", "no template reads it");
	for (size_t i = 0; i < service->used_by.count; i++)
		route_template(tui, service->used_by.items[i], out);
	rich_end_line(out);
}

void detail_write(const struct tui *tui, const struct table *table, const void *row,
		  struct rich *out)
{
	struct strbuf text = STRBUF_INIT;

	if (table->model == MODEL_SERVICES)
		write_route(tui, row, out);
	table->detail(row, tui->model, &text);
	detail_lines(out, text.buf);
	strbuf_release(&text);
	if (table->map)
		map_write(tui, table, row, out);
}

static bool instance_of_service(const void *row, const char *id)
{
	return strcmp(((const struct instance *)row)->service, id) == 0;
}

static bool instance_of_node(const void *row, const char *id)
{
	return strcmp(((const struct instance *)row)->node, id) == 0;
}

static bool endpoint_of_node(const void *row, const char *id)
{
	return strcmp(((const struct endpoint_row *)row)->node, id) == 0;
}

static bool event_of_service(const void *row, const char *id)
{
	return strcmp(((const struct event *)row)->service, id) == 0;
}

static bool event_of_node(const void *row, const char *id)
{
	return strcmp(((const struct event *)row)->node, id) == 0;
}

static bool lists(struct text_list list, const char *text)
{
	for (size_t i = 0; i < list.count; i++)
		if (strcmp(list.items[i], text) == 0)
			return true;
	return false;
}

static bool endpoint_of_policy(const void *row, const char *id)
{
	return lists(((const struct endpoint_row *)row)->policies, id);
}

static bool endpoint_of_profile(const void *row, const char *id)
{
	return lists(((const struct endpoint_row *)row)->profiles, id);
}

static bool address_of_block(const void *row, const char *id)
{
	return strcmp(((const struct address_row *)row)->block, id) == 0;
}

static bool block_of_pool(const void *row, const char *id)
{
	return strcmp(((const struct block_row *)row)->pool, id) == 0;
}

static bool block_of_node(const void *row, const char *id)
{
	return strcmp(((const struct block_row *)row)->node, id) == 0;
}

static bool generation_of_render(const void *row, const char *id)
{
	return strcmp(((const struct generation_row *)row)->template, id) == 0;
}

static const struct tab service_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "services detail text" },
	{ "Instances", TAB_LIST, MODEL_INSTANCES, instance_of_service, "detail instances list" },
	{ "History", TAB_LIST, MODEL_EVENTS, event_of_service, "detail events list" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "services detail text" },
};
static const struct tab member_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "members detail text" },
	{ "Instances", TAB_LIST, MODEL_INSTANCES, instance_of_node, "detail instances list" },
	{ "Endpoints", TAB_LIST, MODEL_ENDPOINTS, endpoint_of_node, "detail endpoints list" },
	{ "History", TAB_LIST, MODEL_EVENTS, event_of_node, "detail events list" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "members detail text" },
};
static const struct tab event_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "events detail text" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "events detail text" },
};
static const struct tab render_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "renders detail text" },
	{ "Generations", TAB_LIST, MODEL_GENERATIONS, generation_of_render,
	  "detail generations list" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "renders detail text" },
};
static const struct tab endpoint_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "endpoints detail text" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "endpoints detail text" },
};
static const struct tab instance_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "instances detail text" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "instances detail text" },
};
static const struct tab policy_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "policies detail text" },
	{ "Endpoints", TAB_LIST, MODEL_ENDPOINTS, endpoint_of_policy, "detail endpoints list" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "policies detail text" },
};
static const struct tab profile_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "detail text" },
	{ "Endpoints", TAB_LIST, MODEL_ENDPOINTS, endpoint_of_profile, "detail endpoints list" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "detail text" },
};
static const struct tab node_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "nodes detail text" },
	{ "Endpoints", TAB_LIST, MODEL_ENDPOINTS, endpoint_of_node, "detail endpoints list" },
	{ "Blocks", TAB_LIST, MODEL_BLOCKS, block_of_node, "detail list" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "nodes detail text" },
};
static const struct tab pool_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "detail text" },
	{ "Blocks", TAB_LIST, MODEL_BLOCKS, block_of_pool, "detail list" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "detail text" },
};
static const struct tab block_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "detail text" },
	{ "Addresses", TAB_LIST, MODEL_ADDRESSES, address_of_block, "detail addresses list" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "detail text" },
};
static const struct tab container_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "containers detail text" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "containers detail text" },
};
static const struct tab address_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "addresses detail text" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "addresses detail text" },
};
static const struct tab other_tabs[] = {
	{ "Summary", TAB_SUMMARY, 0, NULL, "detail text" },
	{ "Raw JSON", TAB_JSON, 0, NULL, "detail text" },
};

#define TABS(array)                                                                                \
	{                                                                                          \
		array, COUNT_OF(array)                                                             \
	}

/* ORDER TABLE */
static const struct {
	const struct tab *tabs;
	size_t count;
} tabs_of_table[MODEL_TABLE_COUNT] = {
	TABS(member_tabs),  TABS(service_tabs),  TABS(instance_tabs),  TABS(event_tabs),
	TABS(render_tabs),  TABS(endpoint_tabs), TABS(container_tabs), TABS(address_tabs),
	TABS(policy_tabs),  TABS(node_tabs),     TABS(pool_tabs),      TABS(block_tabs),
	TABS(profile_tabs), TABS(other_tabs),    TABS(other_tabs),     TABS(other_tabs),
	TABS(other_tabs),
};

static const void *current_row(const struct view *view)
{
	const struct detail_view *detail = view->state;

	return snapshot_find(model_current(view->tui->model, detail->table->model), detail->id);
}

static void write_json(const struct table *table, const void *row, struct rich *out)
{
	struct json *json = json_new_object();
	struct strbuf text = STRBUF_INIT;

	table->json(row, json);
	json_print_pretty(&text, json);
	for (const char *line = text.buf; *line;) {
		size_t len = strcspn(line, "\n");
		const char *colon = memchr(line, ':', len);
		size_t key = colon ? (size_t)(colon - line) : 0;

		rich_add_bytes(out, ROLE_JSON_KEY, line, key);
		rich_add_bytes(out, ROLE_JSON_VALUE, line + key, len - key);
		rich_end_line(out);
		line += len + (line[len] == '\n');
	}
	strbuf_release(&text);
	json_free(json);
}

static void build(struct view *view)
{
	struct detail_view *detail = view->state;
	const struct tab *tab = &detail->tabs[detail->tab];
	const void *row = current_row(view);

	view->places = tab->places;
	detail->is_gone = !row;
	if (tab->kind == TAB_LIST) {
		detail->list->kind->refresh(detail->list);
		return;
	}
	if (!row) /* what was last known stays on the screen; the title says that it is gone */
		return;
	rich_reset(&detail->body.text);
	if (tab->kind == TAB_SUMMARY)
		detail_write(view->tui, detail->table, row, &detail->body.text);
	else
		write_json(detail->table, row, &detail->body.text);
}

static void show_tab(struct view *view, size_t index)
{
	struct detail_view *detail = view->state;
	const struct tab *tab = &detail->tabs[index];

	detail->tab = index;
	view_free(detail->list);
	detail->list = NULL;
	if (tab->kind == TAB_LIST) {
		detail->list = table_view_new(view->tui, present_table(tab->list), tab->places, 0);
		table_view_set_base(detail->list, tab->base, detail->id);
	}
	rich_reset(&detail->body.text);
	detail->body.top = 0;
	detail->body.left = 0;
	build(view);
}

static void paint_tabs(const struct detail_view *detail, struct grid *grid, struct area area)
{
	int col = area.col + 1, end = area.col + area.width;

	for (size_t i = 0; i < detail->tab_count; i++) {
		bool here = i == detail->tab;

		col += grid_printf(grid, area.row, col, end - col,
				   here ? ROLE_PANE_FOCUS : ROLE_MUTED, here ? "[%s]" : " %s ",
				   detail->tabs[i].title);
		col += 1;
	}
	if (col + 12 < end)
		grid_put_text(grid, area.row, end - 10, 9, "[ ]  tabs", ROLE_HINT);
}

static void detail_paint(struct view *view, struct grid *grid, struct area area, bool focused)
{
	struct detail_view *detail = view->state;
	struct rich title = RICH_INIT;
	char age[AGE_LABEL_BYTES];
	enum role role;

	rich_addf(&title, ROLE_PANE_FOCUS, "%s > ", detail->table->title);
	rich_add(&title, ROLE_PANE_FOCUS, detail->id);
	if (detail->is_gone)
		rich_add(&title, ROLE_ROW_GONE, "  gone: this is what was last known");
	rich_end_line(&title);
	tui_age_label(view->tui, model_table_source(detail->table->model), age, &role);
	view_paint_title(grid, area, focused, &title, age, role);
	rich_release(&title);
	area.row++;
	area.height--;
	paint_tabs(detail, grid, area);
	area.row += 2;
	area.height -= 2;
	view->height = area.height;
	view->width = area.width;
	if (detail->list)
		table_view_paint_body(detail->list, grid, area, focused);
	else
		text_view_paint(&detail->body, grid, area);
}

/* To the neighbor in the list that this came from. */
static void step_item(struct view *view, enum verb verb)
{
	struct detail_view *detail = view->state;
	const void *row;

	if (!detail->from || !view_is_table(detail->from))
		return;
	detail->from->kind->act(detail->from, verb, "");
	row = table_view_row(table_view_state(detail->from));
	if (!row || strcmp(row_id(row), detail->id) == 0)
		return;
	free(detail->id);
	detail->id = xstrdup(row_id(row));
	show_tab(view, detail->tab);
}

static bool detail_text(const struct view *view, struct strbuf *out)
{
	text_view_text(&((const struct detail_view *)view->state)->body, out);
	return true;
}

static void copy_body(struct view *view)
{
	struct strbuf text = STRBUF_INIT;

	detail_text(view, &text);
	tui_copy(view->tui, "the text", text.buf, text.len);
	strbuf_release(&text);
}

static bool detail_act(struct view *view, enum verb verb, const char *args)
{
	struct detail_view *detail = view->state;

	switch (verb) {
	case VERB_NEXT_PART:
		show_tab(view, (detail->tab + 1) % detail->tab_count);
		return true;
	case VERB_PREVIOUS_PART:
		show_tab(view, (detail->tab + detail->tab_count - 1) % detail->tab_count);
		return true;
	case VERB_NEXT_ITEM:
		step_item(view, VERB_DOWN);
		return true;
	case VERB_PREVIOUS_ITEM:
		step_item(view, VERB_UP);
		return true;
	default:
		break;
	}
	if (detail->list)
		return detail->list->kind->act(detail->list, verb, args);
	if (verb == VERB_COPY) {
		tui_copy(view->tui, "the id", detail->id, strlen(detail->id));
		return true;
	}
	if (verb == VERB_COPY_JSON) {
		copy_body(view);
		return true;
	}
	return text_view_act(view, &detail->body, verb, args);
}

static bool detail_selection(const struct view *view, struct selection *out)
{
	const struct detail_view *detail = view->state;

	if (detail->list)
		return detail->list->kind->selection(detail->list, out);
	out->table = detail->table->model;
	if (detail->is_gone)
		return false;
	selection_add(out, detail->id);
	return true;
}

static bool detail_back(struct view *view)
{
	struct detail_view *detail = view->state;

	return detail->list ? detail->list->kind->back(detail->list)
			    : text_view_back(&detail->body);
}

static void detail_position(const struct view *view, struct strbuf *out)
{
	const struct detail_view *detail = view->state;

	if (detail->list)
		detail->list->kind->position(detail->list, out);
	else
		text_view_position(&detail->body, view->height, out);
}

static struct view *detail_inner(const struct view *view)
{
	return ((const struct detail_view *)view->state)->list;
}

static void detail_close(struct view *view)
{
	struct detail_view *detail = view->state;

	view_free(detail->list);
	text_view_release(&detail->body);
	free(detail->id);
}

static const struct view_kind detail_kind = {
	.name = "Detail",
	.state_size = sizeof(struct detail_view),
	.watches = MODEL_BIT_ALL,
	.refresh = build,
	.paint = detail_paint,
	.act = detail_act,
	.selection = detail_selection,
	.back = detail_back,
	.position = detail_position,
	.text = detail_text,
	.inner = detail_inner,
	.close = detail_close,
};

struct view *detail_view_new(struct tui *tui, const struct table *table, const char *id,
			     struct view *list)
{
	struct view *view = view_new(tui, &detail_kind, "detail text");
	struct detail_view *detail = view->state;

	detail->table = table;
	detail->id = xstrdup(id);
	detail->from = list;
	detail->tabs = tabs_of_table[table->model].tabs;
	detail->tab_count = tabs_of_table[table->model].count;
	strbuf_init(&detail->body.text.bytes);
	detail->body.wrap = true; /* evidence is read whole; `w` cuts it */
	show_tab(view, 0);
	return view;
}

/*
 * The row to show. While keys come the preview stays on the row it had: going through a list
 * would send a whole column of the screen for each step.
 */
static const void *previewed_row(struct tui *tui)
{
	const struct table_view *list = table_view_state(tui->panes[tui->focus]);
	const void *row = table_view_row(list), *old = NULL;
	int64_t rested = clock_mono_ms() - tui->key_ms;

	if (!row)
		return NULL;
	if (tui->previewed && tui->previewed_pane == tui->focus)
		old = snapshot_find(list->shown, tui->previewed);
	if (old && old != row && rested < PREVIEW_REST_MS) {
		tui_paint_later(tui, PREVIEW_REST_MS - rested);
		return old;
	}
	if (old != row) {
		free(tui->previewed);
		tui->previewed = xstrdup(row_id(row));
		tui->previewed_pane = tui->focus;
	}
	return row;
}

void preview_paint(struct tui *tui, struct area area)
{
	const struct table *table = table_view_state(tui->panes[tui->focus])->table;
	const void *row = previewed_row(tui);
	struct text_view body = { .text = RICH_INIT };
	struct rich title = RICH_INIT;

	rich_addf(&title, ROLE_PANE_TITLE, "Preview: %s ", table->singular);
	if (row)
		rich_add(&title, ROLE_PANE_TITLE, row_id(row));
	rich_end_line(&title);
	view_paint_title(tui->grid, area, false, &title, "i hides", ROLE_MUTED);
	rich_release(&title);
	area.row++;
	area.height--;
	if (row) {
		detail_write(tui, table, row, &body.text);
		text_view_paint(&body, tui->grid, area);
	}
	text_view_release(&body);
}
