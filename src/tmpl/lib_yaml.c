/* toYAML and parseYAML over libyaml. Go's YAML library is a port of it, so layout, folding and
 * the choice between plain and single quotes agree; what Go adds (when a plain scalar would be
 * read as something else, the order of keys) is here. */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/text.h"
#include "funcs.h"
#include "number.h"
#include "unicode.h"

#define NODES_MAX 1000000 /* aliases repeat what they name */

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, text) == 0)
			return true;
	return false;
}

static const char *const yes_words[] = { "y",    "Y",    "yes", "Yes", "YES", "true",
					 "True", "TRUE", "on",  "On",  "ON",  NULL };
static const char *const no_words[] = { "n",     "N",     "no",  "No",  "NO",  "false",
					"False", "FALSE", "off", "Off", "OFF", NULL };
static const char *const null_words[] = { "", "~", "null", "Null", "NULL", NULL };
static const char *const other_words[] = { ".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",
					   ".INF",  "+.inf", "+.Inf", "+.INF", "-.inf",
					   "-.Inf", "-.INF", NULL };

/* Digits without the underscores that YAML lets numbers have. */
static void without_underscores(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		if (*text != '_')
			strbuf_addch(out, *text);
}

static bool is_timestamp(const char *text)
{
	size_t digits[3] = { 0, 0, 0 };

	for (size_t part = 0; part < 3; part++) {
		while (*text >= '0' && *text <= '9') {
			digits[part]++;
			text++;
		}
		if (part < 2 && *text++ != '-')
			return false;
	}
	return digits[0] == 4 && digits[1] >= 1 && digits[1] <= 2 && digits[2] >= 1 &&
	       digits[2] <= 2 && (!*text || *text == 'T' || *text == 't' || *text == ' ');
}

/* [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(.[0-9_]*)? */
static bool is_base60(const char *text)
{
	bool any = false;

	text += *text == '+' || *text == '-';
	if (!(*text >= '0' && *text <= '9'))
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

/* What a plain scalar means; NULL: a string. */
static const struct tmpl_value *resolve(struct arena *arena, const char *text)
{
	struct strbuf plain = STRBUF_INIT;
	const struct tmpl_value *value = NULL;
	int64_t integer;
	double real;

	if (is_one_of(text, yes_words))
		return tmpl_bool(true);
	if (is_one_of(text, no_words))
		return tmpl_bool(false);
	if (is_one_of(text, null_words))
		return tmpl_nil();
	if (strchr("0123456789+-.", text[0]) == NULL)
		return NULL;
	without_underscores(&plain, text);
	if (number_parse_int(plain.buf, plain.len, 0, &integer) == NUMBER_OK)
		value = tmpl_int(arena, integer);
	else if (strpbrk(plain.buf, "0123456789") && strcspn(plain.buf, "xXpPiInN") == plain.len &&
		 number_parse_float(plain.buf, plain.len, false, &real) == NUMBER_OK)
		value = tmpl_float(arena, real);
	strbuf_release(&plain);
	return value;
}

static bool reads_as_string(struct arena *arena, const char *text)
{
	return !resolve(arena, text) && !is_one_of(text, other_words) && !is_timestamp(text) &&
	       !is_base60(text);
}

struct emitter {
	yaml_emitter_t yaml;
	struct strbuf *out;
	struct arena *arena;
	int depth;
	const char *problem; /* NULL: none */
};

static int write_out(void *arg, unsigned char *bytes, size_t len)
{
	struct emitter *emitter = arg;

	strbuf_add(emitter->out, bytes, len);
	return 1;
}

static bool emit(struct emitter *emitter, yaml_event_t *event)
{
	if (yaml_emitter_emit(&emitter->yaml, event))
		return true;
	if (!emitter->problem)
		emitter->problem = emitter->yaml.problem ? emitter->yaml.problem : "unknown";
	return false;
}

static bool emit_scalar(struct emitter *emitter, const char *text, size_t len,
			yaml_scalar_style_t style)
{
	yaml_event_t event;

	if (!yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)len,
					  1, 1, style)) {
		emitter->problem = "text that is not UTF-8";
		return false;
	}
	return emit(emitter, &event);
}

static bool emit_string(struct emitter *emitter, const struct tmpl_value *value)
{
	const char *text = value->u.string.text;
	yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;

	if (strchr(text, '\n'))
		style = YAML_LITERAL_SCALAR_STYLE;
	else if (!reads_as_string(emitter->arena, text))
		style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return emit_scalar(emitter, text, value->u.string.len, style);
}

static bool emit_plain(struct emitter *emitter, struct strbuf *text)
{
	bool fine = emit_scalar(emitter, text->buf, text->len, YAML_PLAIN_SCALAR_STYLE);

	strbuf_release(text);
	return fine;
}

static uint32_t code_point_at(const char *text)
{
	uint32_t c;

	text_decode(text, strnlen(text, 4), &c);
	return c == TEXT_INVALID ? 0xfffd : c;
}

/* The number that starts here, and its end. */
static uint64_t number_at(const char *text, uint64_t before, size_t *end)
{
	while (text[*end] >= '0' && text[*end] <= '9')
		before = before * 10 + (unsigned)(text[(*end)++] - '0');
	return before;
}

/* Numbers inside keys sort by value, letters after everything else. */
static int compare_natural(const char *a, const char *b)
{
	size_t i = 0, a_end, b_end;
	uint64_t a_number = 0, b_number = 0;
	uint32_t a_char, b_char;
	bool a_letter, b_letter;

	while (a[i] && a[i] == b[i])
		i++;
	while (i && (((unsigned char)a[i] & 0xc0) == 0x80 || ((unsigned char)b[i] & 0xc0) == 0x80))
		i--;
	if (!a[i] || !b[i])
		return (a[i] != 0) - (b[i] != 0);
	a_char = code_point_at(a + i);
	b_char = code_point_at(b + i);
	a_letter = unicode_is_letter(a_char);
	b_letter = unicode_is_letter(b_char);
	if (a_letter != b_letter)
		return b_letter ? -1 : 1;
	if (!a_letter) {
		a_end = b_end = i;
		if (a[i] == '0' || b[i] == '0')
			for (size_t j = i; j > 0 && a[j - 1] >= '0' && a[j - 1] <= '9'; j--)
				if (a[j - 1] != '0')
					a_number = b_number = 1;
		a_number = number_at(a, a_number, &a_end);
		b_number = number_at(b, b_number, &b_end);
		if (a_number != b_number)
			return a_number < b_number ? -1 : 1;
		if (a_end != b_end)
			return a_end < b_end ? -1 : 1;
	}
	return (a_char > b_char) - (a_char < b_char);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct tmpl_value *one = ((const struct tmpl_pair *)a)->key;
	const struct tmpl_value *other = ((const struct tmpl_pair *)b)->key;

	if (one->type->kind != TMPL_STRING)
		return (one->u.integer > other->u.integer) - (one->u.integer < other->u.integer);
	return compare_natural(one->u.string.text, other->u.string.text);
}

static bool emit_value(struct emitter *emitter, const struct tmpl_value *value);

static bool emit_map(struct emitter *emitter, const struct tmpl_value *map)
{
	size_t count = map->u.map.count;
	struct tmpl_pair *pairs = arena_alloc(emitter->arena, (count + 1) * sizeof(*pairs));
	yaml_event_t event;

	if (count)
		memcpy(pairs, map->u.map.pairs, count * sizeof(*pairs));
	qsort(pairs, count, sizeof(*pairs), compare_pairs);
	yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
	if (!emit(emitter, &event))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!emit_value(emitter, pairs[i].key) || !emit_value(emitter, pairs[i].value))
			return false;
	yaml_mapping_end_event_initialize(&event);
	return emit(emitter, &event);
}

static bool emit_record(struct emitter *emitter, const struct tmpl_value *record)
{
	const struct tmpl_type *type = record->type;
	yaml_event_t event;

	if (!record->u.fields)
		return emit_scalar(emitter, "null", 4, YAML_PLAIN_SCALAR_STYLE);
	yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
	if (!emit(emitter, &event))
		return false;
	for (size_t i = 0; i < type->field_count; i++) {
		struct strbuf name = STRBUF_INIT;

		if (type->fields[i].late)
			continue;
		for (const char *c = type->fields[i].name; *c; c++)
			strbuf_addch(&name, (char)unicode_lower((unsigned char)*c));
		if (!emit_plain(emitter, &name) || !emit_value(emitter, record->u.fields[i]))
			return false;
	}
	yaml_mapping_end_event_initialize(&event);
	return emit(emitter, &event);
}

static bool emit_list(struct emitter *emitter, const struct tmpl_value *list)
{
	yaml_event_t event;

	yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE);
	if (!emit(emitter, &event))
		return false;
	for (size_t i = 0; i < list->u.list.count; i++)
		if (!emit_value(emitter, list->u.list.items[i]))
			return false;
	yaml_sequence_end_event_initialize(&event);
	return emit(emitter, &event);
}

static bool emit_real(struct emitter *emitter, double value)
{
	struct strbuf text = STRBUF_INIT, spelled = STRBUF_INIT;

	number_format_float(&text, value, 'g', -1);
	if (strcmp(text.buf, "NaN") == 0)
		strbuf_addstr(&spelled, ".nan");
	else if (strcmp(text.buf, "+Inf") == 0)
		strbuf_addstr(&spelled, ".inf");
	else if (strcmp(text.buf, "-Inf") == 0)
		strbuf_addstr(&spelled, "-.inf");
	else
		strbuf_add(&spelled, text.buf, text.len);
	strbuf_release(&text);
	return emit_plain(emitter, &spelled);
}

static bool emit_value(struct emitter *emitter, const struct tmpl_value *value)
{
	struct strbuf text = STRBUF_INIT;
	bool fine = false;

	if (++emitter->depth > LIMIT_JSON_DEPTH) {
		emitter->problem = "nested too deeply";
		return false;
	}
	if (emitter->out->len > LIMIT_TEMPLATE_OUTPUT) {
		emitter->problem = "too large";
		return false;
	}
	switch (value->type->kind) {
	case TMPL_STRING:
		fine = emit_string(emitter, value);
		break;
	case TMPL_FLOAT:
		fine = emit_real(emitter, value->u.real);
		break;
	case TMPL_LIST:
		fine = emit_list(emitter, value);
		break;
	case TMPL_MAP:
		fine = emit_map(emitter, value);
		break;
	case TMPL_RECORD:
		fine = emit_record(emitter, value);
		break;
	case TMPL_NIL:
	case TMPL_BOOL:
	case TMPL_INT:
	case TMPL_UINT:
		if (value->type->kind == TMPL_NIL)
			strbuf_addstr(&text, "null");
		else if (value->type->kind == TMPL_BOOL)
			strbuf_addstr(&text, value->u.boolean ? "true" : "false");
		else if (value->type->kind == TMPL_INT)
			strbuf_addf(&text, "%lld", (long long)value->u.integer);
		else
			strbuf_addf(&text, "%llu", (unsigned long long)value->u.uinteger);
		fine = emit_plain(emitter, &text);
		break;
	default:
		emitter->problem = "cannot marshal type";
		break;
	}
	emitter->depth--;
	return fine;
}

static bool emit_document(struct emitter *emitter, const struct tmpl_value *value)
{
	yaml_event_t event;

	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	if (!emit(emitter, &event))
		return false;
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
	if (!emit(emitter, &event) || !emit_value(emitter, value))
		return false;
	yaml_document_end_event_initialize(&event, 1);
	if (!emit(emitter, &event))
		return false;
	yaml_stream_end_event_initialize(&event);
	return emit(emitter, &event) && yaml_emitter_flush(&emitter->yaml);
}

static const struct tmpl_value *yaml_to_yaml(struct call *call)
{
	struct strbuf out = STRBUF_INIT;
	struct emitter emitter = { .out = &out, .arena = call->arena };
	bool fine;

	yaml_emitter_initialize(&emitter.yaml);
	yaml_emitter_set_output(&emitter.yaml, write_out, &emitter);
	yaml_emitter_set_unicode(&emitter.yaml, 1);
	fine = emit_document(&emitter, call->args[0]);
	yaml_emitter_delete(&emitter.yaml);
	if (!fine) {
		strbuf_release(&out);
		return call_fail(call, "toYAML: yaml: %s", emitter.problem);
	}
	return call_trimmed(call, &out);
}

struct loader {
	struct call *call;
	yaml_document_t document;
	unsigned nodes;
	int depth;
	const char *problem;
};

static const struct tmpl_value *load_node(struct loader *loader, int index);

static const struct tmpl_value *load_scalar(struct loader *loader, const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;
	size_t len = node->data.scalar.length;
	const struct tmpl_value *value = NULL;

	if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strlen(text) == len)
		value = resolve(loader->call->arena, text);
	return value ? value : tmpl_string(loader->call->arena, text, len);
}

static const struct tmpl_value *load_list(struct loader *loader, const yaml_node_t *node)
{
	struct tmpl_value *list = tmpl_list_new(loader->call->arena, &tmpl_type_list);

	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		const struct tmpl_value *value = load_node(loader, *item);

		if (!value)
			return NULL;
		tmpl_list_add(loader->call->arena, list, value);
	}
	return list;
}

static const struct tmpl_value *load_map(struct loader *loader, const yaml_node_t *node)
{
	struct arena *arena = loader->call->arena;
	struct tmpl_value *map = tmpl_map_new(arena, &tmpl_type_map);
	size_t most = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
	struct tmpl_pair *pairs = xcalloc(most + 1, sizeof(*pairs));
	size_t count = 0;

	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&loader->document, pair->key);
		const struct tmpl_value *value = load_node(loader, pair->value);

		if (value && (!key || key->type != YAML_SCALAR_NODE))
			loader->problem = "a key that is not a scalar";
		if (!value || loader->problem) {
			free(pairs);
			return NULL;
		}
		pairs[count++] =
			(struct tmpl_pair){ tmpl_string(arena, (const char *)key->data.scalar.value,
							key->data.scalar.length),
					    value };
	}
	tmpl_map_fill(arena, map, pairs, count);
	free(pairs);
	return map;
}

static const struct tmpl_value *load_node(struct loader *loader, int index)
{
	const yaml_node_t *node = yaml_document_get_node(&loader->document, index);
	const struct tmpl_value *value;

	if (!node || ++loader->nodes > NODES_MAX || loader->depth >= LIMIT_JSON_DEPTH) {
		loader->problem = "document is too large or nested too deeply";
		return NULL;
	}
	loader->depth++;
	if (node->type == YAML_SCALAR_NODE)
		value = load_scalar(loader, node);
	else if (node->type == YAML_SEQUENCE_NODE)
		value = load_list(loader, node);
	else
		value = load_map(loader, node);
	loader->depth--;
	return value;
}

static const struct tmpl_value *yaml_parse_yaml(struct call *call)
{
	struct loader loader = { .call = call };
	const struct tmpl_value *value = NULL;
	yaml_parser_t parser;

	if (!arg_len(call, 0))
		return tmpl_map_new(call->arena, &tmpl_type_map);
	yaml_parser_initialize(&parser);
	yaml_parser_set_input_string(&parser, (const unsigned char *)arg_str(call, 0),
				     arg_len(call, 0));
	if (!yaml_parser_load(&parser, &loader.document)) {
		call_fail(call, "yaml: line %zu: %s", parser.problem_mark.line + 1,
			  parser.problem ? parser.problem : "malformed");
		yaml_parser_delete(&parser);
		return NULL;
	}
	if (!yaml_document_get_root_node(&loader.document))
		value = tmpl_nil();
	else
		value = load_node(&loader, 1);
	yaml_document_delete(&loader.document);
	yaml_parser_delete(&parser);
	return value ? value : call_fail(call, "yaml: %s", loader.problem);
}

const struct tmpl_func yaml_funcs[] = {
	{ "toYAML", "m", yaml_to_yaml },
	{ "parseYAML", "s", yaml_parse_yaml },
	{ NULL, NULL, NULL },
};
