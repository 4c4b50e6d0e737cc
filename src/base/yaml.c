/* Over libyaml, of which Go's YAML library is a port: layout, folding and the choice between
 * plain and single quotes agree. What Go adds is here: the order of keys, and when a plain text
 * would be read as something else. */
#include "binnacle/base/yaml.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/text.h"

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	struct err *err;
	size_t nodes;
};

static bool complain(struct reader *reader, size_t line, const char *what)
{
	return err_set(reader->err, ERR_INPUT, "line %zu: %s", line, what);
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
	const yaml_parser_t *parser = &reader->parser;

	if (yaml_parser_parse(&reader->parser, event))
		return true;
	return err_set(reader->err, ERR_INPUT, "line %zu, column %zu: %s",
		       (parser->problem_mark.line ? parser->problem_mark.line : parser->mark.line) +
			       1,
		       parser->problem_mark.column + 1,
		       parser->problem ? parser->problem : "it is not YAML");
}

static struct yaml_node *new_node(struct reader *reader, enum yaml_kind kind,
				  const yaml_event_t *event)
{
	struct yaml_node *node;

	if (++reader->nodes > LIMIT_YAML_NODES) {
		complain(reader, event->start_mark.line + 1, "there are too many items");
		return NULL;
	}
	node = arena_alloc(reader->arena, sizeof(*node));
	node->kind = kind;
	node->line = event->start_mark.line + 1;
	node->text = node->key = "";
	return node;
}

/* Anchors and tags would let a text mean more than it says. */
static bool is_simple(struct reader *reader, const yaml_event_t *event, const yaml_char_t *anchor,
		      const yaml_char_t *tag)
{
	if (anchor)
		return complain(reader, event->start_mark.line + 1,
				"anchors and aliases are not taken: write it out");
	if (tag)
		return complain(reader, event->start_mark.line + 1, "tags (!...) are not taken");
	return true;
}

static struct yaml_node *read_text(struct reader *reader, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	struct yaml_node *node;

	if (!is_simple(reader, event, event->data.scalar.anchor, event->data.scalar.tag))
		return NULL;
	if (strlen(value) != event->data.scalar.length) {
		complain(reader, event->start_mark.line + 1, "a text holds a NUL byte");
		return NULL;
	}
	if (!(node = new_node(reader, YAML_TEXT, event)))
		return NULL;
	node->text = arena_strdup(reader->arena, value);
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return node;
}

static struct yaml_node *read_node(struct reader *reader, yaml_event_t *event, unsigned depth);

/* The event is consumed. */
static struct yaml_node *read_next(struct reader *reader, yaml_event_t *event, unsigned depth)
{
	struct yaml_node *node = read_node(reader, event, depth);

	yaml_event_delete(event);
	return node;
}

static bool read_items(struct reader *reader, struct yaml_node *list, unsigned depth)
{
	const struct yaml_node **link = &list->first;
	struct yaml_node *item;
	yaml_event_t event;

	while (next_event(reader, &event)) {
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return true;
		}
		if (!(item = read_next(reader, &event, depth)))
			return false;
		*link = item;
		link = &item->next;
		list->count++;
	}
	return false;
}

static const char *read_key(struct reader *reader, const struct yaml_node *map, yaml_event_t *event)
{
	size_t line = event->start_mark.line + 1;
	const struct yaml_node *key;

	if (event->type != YAML_SCALAR_EVENT) {
		yaml_event_delete(event);
		complain(reader, line, "a key must be a plain word");
		return NULL;
	}
	key = read_text(reader, event);
	yaml_event_delete(event);
	if (!key)
		return NULL;
	if (yaml_member(map, key->text)) {
		err_set(reader->err, ERR_INPUT, "line %zu: \"%.80s\" stands twice", line,
			key->text);
		return NULL;
	}
	return key->text;
}

static bool read_members(struct reader *reader, struct yaml_node *map, unsigned depth)
{
	const struct yaml_node **link = &map->first;
	struct yaml_node *member;
	const char *key;
	yaml_event_t event;

	while (next_event(reader, &event)) {
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return true;
		}
		if (!(key = read_key(reader, map, &event)) || !next_event(reader, &event) ||
		    !(member = read_next(reader, &event, depth)))
			return false;
		member->key = key;
		*link = member;
		link = &member->next;
		/* Each key is compared with all before it. */
		if (++map->count > LIMIT_YAML_MEMBERS)
			return complain(reader, member->line, "there are too many members");
	}
	return false;
}

static struct yaml_node *read_node(struct reader *reader, yaml_event_t *event, unsigned depth)
{
	size_t line = event->start_mark.line + 1;
	struct yaml_node *node;

	if (depth > LIMIT_JSON_DEPTH) {
		complain(reader, line, "it is nested too deeply");
		return NULL;
	}
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_text(reader, event);
	case YAML_SEQUENCE_START_EVENT:
		if (!is_simple(reader, event, event->data.sequence_start.anchor,
			       event->data.sequence_start.tag))
			return NULL;
		node = new_node(reader, YAML_LIST, event);
		return node && read_items(reader, node, depth + 1) ? node : NULL;
	case YAML_MAPPING_START_EVENT:
		if (!is_simple(reader, event, event->data.mapping_start.anchor,
			       event->data.mapping_start.tag))
			return NULL;
		node = new_node(reader, YAML_MAP, event);
		return node && read_members(reader, node, depth + 1) ? node : NULL;
	default:
		complain(reader, line, "anchors and aliases are not taken: write it out");
		return NULL;
	}
}

static bool read_documents(struct reader *reader, struct yaml_node *documents)
{
	const struct yaml_node **link = &documents->first;
	yaml_event_t event;

	while (next_event(reader, &event)) {
		struct yaml_node *node;

		switch (event.type) {
		case YAML_STREAM_END_EVENT:
			yaml_event_delete(&event);
			return true;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			yaml_event_delete(&event);
			continue;
		default:
			break;
		}
		if (!(node = read_next(reader, &event, 0)))
			return false;
		*link = node;
		link = &node->next;
		documents->count++;
	}
	return false;
}

const struct yaml_node *yaml_read(const char *text, size_t len, struct arena *arena,
				  struct err *err)
{
	struct reader reader = { .arena = arena, .err = err };
	struct yaml_node *documents = arena_alloc(arena, sizeof(*documents));
	bool ok;

	documents->kind = YAML_LIST;
	documents->text = documents->key = "";
	documents->line = 1;
	if (!yaml_parser_initialize(&reader.parser)) {
		err_set(err, ERR_SYSTEM, "the YAML reader cannot be started");
		return NULL;
	}
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
	ok = read_documents(&reader, documents);
	yaml_parser_delete(&reader.parser);
	return ok ? documents : NULL;
}

const struct yaml_node *yaml_member(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *member = map->first; member; member = member->next)
		if (strcmp(member->key, key) == 0)
			return member;
	return NULL;
}

static bool is_one_of(const char *text, const char *words)
{
	size_t len = strlen(text);

	for (const char *at = words; *at;) {
		size_t word = strcspn(at, " ");

		if (word == len && memcmp(at, text, len) == 0)
			return true;
		at += word;
		at += strspn(at, " ");
	}
	return false;
}

bool yaml_is_null(const struct yaml_node *node)
{
	return node && node->kind == YAML_TEXT && !node->quoted &&
	       (!*node->text || is_one_of(node->text, "~ null Null NULL"));
}

/* -----  writing  ----- */

/* 1, -1.5e3, 0x1f, 0b11, 017, 1_000 */
static bool looks_like_number(const char *text)
{
	char plain[80], *end;
	size_t len = 0;

	if (!strchr("0123456789+-.", *text))
		return false;
	for (; *text; text++)
		if (*text != '_') {
			if (len + 1 == sizeof(plain))
				return false;
			plain[len++] = *text;
		}
	plain[len] = '\0';
	if (!strpbrk(plain, "0123456789"))
		return false;
	text = plain + (*plain == '-' || *plain == '+');
	if (text[0] == '0' && text[1] == 'b')
		return text[2] && strspn(text + 2, "01") == strlen(text + 2);
	if (strpbrk(plain, "nNiIpP"))
		return false;
	strtod(plain, &end);
	return !*end;
}

/* 2017-1-2 and 2017-01-02T15:04:05: four digits, then one or two, twice. */
static bool looks_like_time(const char *text)
{
	static const size_t least[] = { 4, 1, 1 }, most[] = { 4, 2, 2 };

	for (size_t part = 0; part < 3; part++) {
		size_t digits = strspn(text, "0123456789");

		if (digits < least[part] || digits > most[part])
			return false;
		text += digits;
		if (part < 2 && *text++ != '-')
			return false;
	}
	return !*text || strchr("Tt ", *text);
}

/* 1:30, 190:20:30.15 */
static bool looks_like_base60(const char *text)
{
	bool any = false;

	text += *text == '+' || *text == '-';
	if (!isdigit((unsigned char)*text))
		return false;
	text += strspn(text, "0123456789_");
	while (*text == ':') {
		size_t digits = strspn(++text, "0123456789");

		if (digits < 1 || digits > 2 || (digits == 2 && *text > '5'))
			return false;
		text += digits;
		any = true;
	}
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789_");
	return any && !*text;
}

static bool reads_as_text(const char *text)
{
	static const char words[] = "y Y yes Yes YES true True TRUE on On ON n N no No NO false "
				    "False FALSE off Off OFF ~ null Null NULL << .nan .NaN .NAN "
				    ".inf .Inf .INF +.inf +.Inf +.INF -.inf -.Inf -.INF";

	return *text && !is_one_of(text, words) && !looks_like_number(text) &&
	       !looks_like_time(text) && !looks_like_base60(text);
}

static int write_out(void *arg, unsigned char *bytes, size_t len)
{
	strbuf_add(arg, bytes, len);
	return 1;
}

/* What can go wrong here would be a mistake of ours: the text is UTF-8, the events balance. */
static void emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
	int ok = yaml_emitter_emit(emitter, event);

	assert(ok);
	(void)ok;
}

static void emit_scalar(yaml_emitter_t *emitter, const char *text, size_t len,
			yaml_scalar_style_t style)
{
	yaml_event_t event;
	int ok = yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
					      (int)len, 1, 1, style);

	assert(ok);
	(void)ok;
	emit(emitter, &event);
}

/* Text from outside may be no UTF-8; its JSON form always is. */
static void emit_text(yaml_emitter_t *emitter, const char *text)
{
	yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;
	struct strbuf clean = STRBUF_INIT;

	for (size_t at = 0, len = strlen(text); at < len;) {
		uint32_t point;
		size_t used = text_decode(text + at, len - at, &point);

		if (point == TEXT_INVALID)
			strbuf_addstr(&clean, "\xef\xbf\xbd");
		else
			strbuf_add(&clean, text + at, used);
		at += used;
	}
	if (strchr(clean.buf, '\n'))
		style = YAML_LITERAL_SCALAR_STYLE;
	else if (!reads_as_text(clean.buf))
		style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	emit_scalar(emitter, clean.buf, clean.len, style);
	strbuf_release(&clean);
}

static bool is_letter(char c)
{
	return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

static unsigned long long number_at(const char *text, size_t *end)
{
	unsigned long long number = 0;

	for (; isdigit((unsigned char)text[*end]); ++*end)
		number = number * 10 + (unsigned)(text[*end] - '0');
	return number;
}

/* Numbers inside of keys sort by value, letters after everything else. */
static int compare_keys(const char *a, const char *b)
{
	size_t i = 0, a_end, b_end;
	unsigned long long a_number, b_number;

	while (a[i] && a[i] == b[i])
		i++;
	if (!a[i] || !b[i])
		return (a[i] != 0) - (b[i] != 0);
	if (is_letter(a[i]) && is_letter(b[i]))
		return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
	if (is_letter(a[i]) || is_letter(b[i]))
		return is_letter(b[i]) ? -1 : 1;
	a_end = b_end = i;
	a_number = number_at(a, &a_end);
	b_number = number_at(b, &b_end);
	if (a_number != b_number)
		return a_number < b_number ? -1 : 1;
	if (a_end != b_end)
		return a_end < b_end ? -1 : 1;
	return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
}

static int compare_members(const void *a, const void *b)
{
	return compare_keys(json_key(*(const struct json *const *)a),
			    json_key(*(const struct json *const *)b));
}

static void emit_value(yaml_emitter_t *emitter, const struct json *value);

static void emit_object(yaml_emitter_t *emitter, const struct json *value)
{
	const struct json **members = xcalloc(json_count(value) + 1, sizeof(*members));
	size_t count = 0;
	yaml_event_t event;

	JSON_EACH(member, value)
	{
		members[count++] = member;
	}
	qsort(members, count, sizeof(*members), compare_members);
	yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
	emit(emitter, &event);
	for (size_t i = 0; i < count; i++) {
		emit_text(emitter, json_key(members[i]));
		emit_value(emitter, members[i]);
	}
	yaml_mapping_end_event_initialize(&event);
	emit(emitter, &event);
	free(members);
}

static void emit_value(yaml_emitter_t *emitter, const struct json *value)
{
	struct strbuf text = STRBUF_INIT;
	yaml_event_t event;

	if (json_is_object(value)) {
		emit_object(emitter, value);
	} else if (json_is_array(value)) {
		yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						     YAML_BLOCK_SEQUENCE_STYLE);
		emit(emitter, &event);
		JSON_EACH(item, value)
		{
			emit_value(emitter, item);
		}
		yaml_sequence_end_event_initialize(&event);
		emit(emitter, &event);
	} else if (json_is_string(value)) {
		emit_text(emitter, json_as_str(value, ""));
	} else {
		json_print(&text, value); /* null, true, false and numbers are the same in both */
		emit_scalar(emitter, text.buf, text.len, YAML_PLAIN_SCALAR_STYLE);
		strbuf_release(&text);
	}
}

void yaml_write(struct strbuf *out, const struct json *value)
{
	yaml_emitter_t emitter;
	yaml_event_t event;
	int ok = yaml_emitter_initialize(&emitter);

	assert(ok);
	(void)ok;
	yaml_emitter_set_output(&emitter, write_out, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	emit(&emitter, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
	emit(&emitter, &event);
	emit_value(&emitter, value);
	yaml_document_end_event_initialize(&event, 1);
	emit(&emitter, &event);
	yaml_stream_end_event_initialize(&event);
	emit(&emitter, &event);
	yaml_emitter_delete(&emitter);
}
