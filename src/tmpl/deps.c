/* Query strings are short and their grammars regular: each is read from left to right by taking
 * runs of allowed characters, and what is left over at the end makes it malformed. */
#include "binnacle/tmpl/deps.h"

#include <assert.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "unicode.h"

static const struct {
	const char *name;
	unsigned filter;
} filters[] = {
	/* in the order of the canonical text */
	{ "any", DEP_FILTER_ANY },
	{ "critical", DEP_FILTER_CRITICAL },
	{ "maintenance", DEP_FILTER_MAINTENANCE },
	{ "passing", DEP_FILTER_PASSING },
	{ "warning", DEP_FILTER_WARNING },
};

const char *dep_kind_name(enum dep_kind kind)
{
	switch (kind) {
	case DEP_SERVICE:
		return "health.service";
	case DEP_CONNECT:
		return "health.connect";
	case DEP_SERVICES:
		return "catalog.services";
	case DEP_NODE:
		return "catalog.node";
	case DEP_NODES:
		return "catalog.nodes";
	case DEP_DATACENTERS:
		return "catalog.datacenters";
	case DEP_KEY:
		return "kv.block";
	case DEP_KEY_EXISTS:
		return "kv.get";
	case DEP_LS:
	case DEP_TREE:
		return "kv.list";
	case DEP_FILE:
		return "file";
	case DEP_CA_ROOTS:
		return "connect.caroots";
	case DEP_CA_LEAF:
		return "connect.caleaf";
	case DEP_PLUGIN:
		return "plugin";
	case DEP_PARTITIONS:
		return "list.partitions";
	case DEP_PEERINGS:
		return "list.peerings";
	case DEP_EXPORTED_SERVICES:
		return "list.exportedServices";
	}
	return "";
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static bool is_place(char c)
{
	return is_word(c) || c == '.' || c == '-';
}

static bool is_name(char c)
{
	return is_word(c) || c == '-';
}

static bool is_tag(char c)
{
	return is_place(c) || c == ':' || c == '=';
}

static bool is_filter(char c)
{
	return is_word(c) || c == ',';
}

static const char *take(struct arena *arena, const char **at, bool (*allowed)(char))
{
	const char *start = *at;

	while (**at && allowed(**at))
		++*at;
	return arena_strndup(arena, start, (size_t)(*at - start));
}

/* "@dc" or "~near", when it is there. False: the mark without a name. */
static bool take_marked(struct arena *arena, const char **at, char mark, const char **out)
{
	if (**at != mark)
		return true;
	++*at;
	*out = take(arena, at, is_place);
	return **out != '\0';
}

static struct dep *dep_new(struct arena *arena, enum dep_kind kind)
{
	struct dep *dep = arena_alloc(arena, sizeof(*dep));

	*dep = (struct dep){ kind, "", "", "", "", "", "", "", "", "", 0, false };
	return dep;
}

static const struct dep *malformed(enum dep_kind kind, const char *query, struct err *err)
{
	struct strbuf quoted = STRBUF_INIT;
	const char *name = kind == DEP_KEY ? "kv.get" : dep_kind_name(kind);

	unicode_quote(&quoted, query, strlen(query), '"', false);
	err_set(err, ERR_INPUT, "%s: invalid format: %s", name, quoted.buf);
	strbuf_release(&quoted);
	return NULL;
}

/* The text in parentheses after the name of the kind; none: the name alone. */
static const struct dep *finish(struct arena *arena, struct dep *dep, struct strbuf *inner)
{
	const char *kind = dep_kind_name(dep->kind);
	size_t kind_len = strlen(kind);
	char *text;

	dep->text = kind;
	if (inner->len) { /* "kind(inner)", by hand, as every call of a data function does it */
		text = arena_alloc(arena, kind_len + inner->len + 3);
		memcpy(text, kind, kind_len);
		text[kind_len] = '(';
		memcpy(text + kind_len + 1, inner->buf, inner->len);
		text[kind_len + 1 + inner->len] = ')';
		dep->text = text;
	}
	strbuf_release(inner);
	return dep;
}

static void add_marked(struct strbuf *out, char mark, const char *text)
{
	if (*text) {
		strbuf_addch(out, mark);
		strbuf_addstr(out, text);
	}
}

/* The tag takes as much as it can: the name is what follows the last dot. */
static bool take_tag_and_name(struct arena *arena, const char **at, struct dep *dep)
{
	const char *start = *at, *end = start, *dot = NULL;

	while (*end && is_tag(*end)) {
		if (*end == '.' && end > start)
			dot = end;
		end++;
	}
	if (dot && !(is_name(dot[1])))
		return false;
	if (dot) {
		dep->tag = arena_strndup(arena, start, (size_t)(dot - start));
		*at = dot + 1;
	}
	dep->name = take(arena, at, is_name);
	return *dep->name != '\0';
}

/* "?ns=a&partition=b". */
static bool take_parameters(struct arena *arena, const char **at, struct dep *dep)
{
	const struct {
		const char *name;
		const char **to;
	} known[] = {
		{ "ns=", &dep->ns },
		{ "partition=", &dep->partition },
		{ "peer=", &dep->peer },
		{ "sameness-group=", &dep->sameness_group },
	};

	if (**at != '?')
		return true;
	do {
		size_t i = 0;

		++*at;
		while (i < COUNT_OF(known) &&
		       strncmp(*at, known[i].name, strlen(known[i].name)) != 0)
			i++;
		if (i == COUNT_OF(known))
			return false;
		*at += strlen(known[i].name);
		*known[i].to = take(arena, at, is_place);
		if (!**known[i].to)
			return false;
	} while (**at == '&');
	return true;
}

static bool take_filters(struct arena *arena, const char **at, struct dep *dep, const char *query,
			 struct err *err)
{
	const char *text, *name;

	if (**at != '|') {
		dep->filters = DEP_FILTER_PASSING;
		return true;
	}
	++*at;
	text = take(arena, at, is_filter);
	if (!*text || **at) {
		malformed(dep->kind, query, err);
		return false;
	}
	while (*(text += strspn(text, ","))) {
		size_t i = 0, len = strcspn(text, ",");

		name = arena_strndup(arena, text, len);
		text += len;
		while (i < COUNT_OF(filters) && strcmp(filters[i].name, name) != 0)
			i++;
		if (i == COUNT_OF(filters))
			return err_set(err, ERR_INPUT, "%s: invalid filter: \"%s\" in \"%s\"",
				       dep_kind_name(dep->kind), name, query);
		dep->filters |= filters[i].filter;
	}
	return true;
}

static void add_filters(struct strbuf *out, unsigned set)
{
	char mark = '|';

	for (size_t i = 0; i < COUNT_OF(filters); i++) {
		if (set & filters[i].filter) {
			add_marked(out, mark, filters[i].name);
			mark = ',';
		}
	}
}

static void add_tag(struct strbuf *out, const char *tag)
{
	strbuf_addstr(out, tag);
	strbuf_addch(out, '.');
}

const struct dep *dep_parse_service(struct arena *arena, enum dep_kind kind, const char *query,
				    struct err *err)
{
	struct dep *dep = dep_new(arena, kind);
	struct strbuf text = STRBUF_INIT;
	const char *at = query;

	if (!take_tag_and_name(arena, &at, dep) || !take_parameters(arena, &at, dep) ||
	    !take_marked(arena, &at, '@', &dep->dc) || !take_marked(arena, &at, '~', &dep->near) ||
	    (*at && *at != '|'))
		return malformed(kind, query, err);
	if (!take_filters(arena, &at, dep, query, err))
		return NULL;
	if (*dep->tag)
		add_tag(&text, dep->tag);
	strbuf_addstr(&text, dep->name);
	add_marked(&text, '@', dep->dc);
	add_marked(&text, '~', dep->near);
	if (*dep->ns)
		strbuf_addf(&text, "?ns=%s", dep->ns);
	if (*dep->partition)
		strbuf_addf(&text, "?partition=%s", dep->partition);
	if (*dep->peer)
		strbuf_addf(&text, "?peer=%s", dep->peer);
	if (*dep->sameness_group)
		strbuf_addf(&text, "?sameness-group=%s", dep->sameness_group);
	add_filters(&text, dep->filters);
	return finish(arena, dep, &text);
}

const struct dep *dep_parse_services(struct arena *arena, const char *query, struct err *err)
{
	struct dep *dep = dep_new(arena, DEP_SERVICES);
	struct strbuf text = STRBUF_INIT;
	const char *at = query;

	if (!take_marked(arena, &at, '@', &dep->dc) || *at)
		return malformed(DEP_SERVICES, query, err);
	add_marked(&text, '@', dep->dc);
	return finish(arena, dep, &text);
}

const struct dep *dep_parse_node(struct arena *arena, const char *query, struct err *err)
{
	struct dep *dep = dep_new(arena, DEP_NODE);
	struct strbuf text = STRBUF_INIT;
	const char *at = query;

	dep->name = take(arena, &at, is_place);
	if ((*query && !*dep->name) || !take_marked(arena, &at, '@', &dep->dc) || *at)
		return malformed(DEP_NODE, query, err);
	strbuf_addstr(&text, dep->name);
	add_marked(&text, '@', dep->dc);
	return finish(arena, dep, &text);
}

const struct dep *dep_parse_nodes(struct arena *arena, const char *query, struct err *err)
{
	struct dep *dep = dep_new(arena, DEP_NODES);
	struct strbuf text = STRBUF_INIT;
	const char *at = query;

	if (!take_marked(arena, &at, '@', &dep->dc) || !take_marked(arena, &at, '~', &dep->near) ||
	    *at)
		return malformed(DEP_NODES, query, err);
	add_marked(&text, '@', dep->dc);
	add_marked(&text, '~', dep->near);
	return finish(arena, dep, &text);
}

static bool is_key(char c)
{
	return c != '@';
}

const struct dep *dep_parse_kv(struct arena *arena, enum dep_kind kind, const char *query,
			       struct err *err)
{
	struct dep *dep = dep_new(arena, kind);
	struct strbuf text = STRBUF_INIT;
	const char *at = query;

	if (*at == '/')
		at++;
	dep->name = take(arena, &at, is_key);
	/* A key has a name; a prefix may be empty, for everything. */
	if ((!*dep->name && kind != DEP_TREE && kind != DEP_LS) ||
	    !take_marked(arena, &at, '@', &dep->dc) || *at)
		return malformed(kind, query, err);
	strbuf_addstr(&text, dep->name);
	add_marked(&text, '@', dep->dc);
	if (!text.len) {
		dep->text = arena_printf(arena, "%s()", dep_kind_name(kind));
		return dep;
	}
	return finish(arena, dep, &text);
}

const struct dep *dep_plain(struct arena *arena, enum dep_kind kind, const char *name)
{
	struct dep *dep = dep_new(arena, kind);
	struct strbuf text = STRBUF_INIT;

	if (kind == DEP_PEERINGS || kind == DEP_EXPORTED_SERVICES)
		dep->partition = arena_strdup(arena, name);
	else
		dep->name = arena_strdup(arena, name);
	strbuf_addstr(&text, name);
	return finish(arena, dep, &text);
}

/* Most of the texts of most dependencies are empty. */
static const char *copied(struct arena *arena, const char *text)
{
	return *text ? arena_strdup(arena, text) : "";
}

const struct dep *dep_copy(struct arena *arena, const struct dep *dep)
{
	struct dep *copy = arena_alloc(arena, sizeof(*copy));

	*copy = *dep;
	copy->text = copied(arena, dep->text);
	copy->name = copied(arena, dep->name);
	copy->tag = copied(arena, dep->tag);
	copy->dc = copied(arena, dep->dc);
	copy->near = copied(arena, dep->near);
	copy->ns = copied(arena, dep->ns);
	copy->partition = copied(arena, dep->partition);
	copy->peer = copied(arena, dep->peer);
	copy->sameness_group = copied(arena, dep->sameness_group);
	return copy;
}

struct dep *dep_dup(const struct dep *dep)
{
	const char *const texts[] = { dep->text,      dep->name, dep->tag,
				      dep->dc,        dep->near, dep->ns,
				      dep->partition, dep->peer, dep->sameness_group };
	const char *copies[COUNT_OF(texts)];
	size_t size = sizeof(*dep);
	struct dep *copy;
	char *at;

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		size += strlen(texts[i]) + 1;
	copy = xmalloc(size);
	at = (char *)(copy + 1);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		size_t len = strlen(texts[i]) + 1;

		copies[i] = memcpy(at, texts[i], len);
		at += len;
	}
	*copy = (struct dep){ dep->kind, copies[0], copies[1],    copies[2],
			      copies[3], copies[4], copies[5],    copies[6],
			      copies[7], copies[8], dep->filters, dep->skip_unreachable };
	return copy;
}

bool dep_set_add(struct dep_set *set, const struct dep *dep)
{
	const struct dep *copy;

	if (strmap_has(&set->map, dep->text))
		return false;
	copy = dep_copy(&set->arena, dep);
	strmap_put(&set->map, copy->text, (void *)(uintptr_t)copy);
	return true;
}

bool dep_set_has(const struct dep_set *set, const char *text)
{
	return strmap_has(&set->map, text);
}

const struct dep *dep_set_find(const struct dep_set *set, const char *text)
{
	return strmap_get(&set->map, text);
}

size_t dep_set_count(const struct dep_set *set)
{
	return set->map.count;
}

const struct dep *dep_set_at(const struct dep_set *set, size_t index)
{
	assert(index < set->map.count);
	return set->map.entries[index].value;
}

void dep_set_release(struct dep_set *set)
{
	strmap_release(&set->map);
	arena_release(&set->arena);
	*set = (struct dep_set)DEP_SET_INIT;
}
