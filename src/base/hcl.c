/* A recursive descent parser over bytes. The first error sticks: after it, every function
 * returns NULL at once. JSON goes through json.c and is copied into the same tree. */
#include "binnacle/base/hcl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"

struct parser {
	const char *at, *end, *line_start;
	size_t line, depth;
	struct arena *arena;
	struct err *err;
	bool failed;
};

static struct hcl_value *parse_value(struct parser *p);
static void parse_members(struct parser *p, struct hcl_value *object, bool braced);

static void *fail(struct parser *p, const char *what)
{
	if (!p->failed)
		err_set(p->err, ERR_INPUT, "line %zu, column %zu: %s", p->line,
			(size_t)(p->at - p->line_start) + 1, what);
	p->failed = true;
	return NULL;
}

static int peek(const struct parser *p)
{
	return p->at < p->end ? (unsigned char)*p->at : -1;
}

static void advance(struct parser *p)
{
	if (*p->at++ == '\n') {
		p->line++;
		p->line_start = p->at;
	}
}

static bool starts(const struct parser *p, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(p->end - p->at) >= len && memcmp(p->at, word, len) == 0;
}

static void skip_line(struct parser *p)
{
	while (peek(p) >= 0 && peek(p) != '\n')
		advance(p);
}

static void skip_blanks(struct parser *p)
{
	for (;;) {
		int c = peek(p);

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			advance(p);
		} else if (c == '#' || starts(p, "//")) {
			skip_line(p);
		} else if (starts(p, "/*")) {
			while (peek(p) >= 0 && !starts(p, "*/"))
				advance(p);
			if (peek(p) < 0) {
				fail(p, "comment without an end");
				return;
			}
			p->at += 2;
		} else {
			return;
		}
	}
}

static struct hcl_value *new_value(struct parser *p, enum hcl_kind kind)
{
	struct hcl_value *value = arena_alloc(p->arena, sizeof(*value));

	value->kind = kind;
	value->key = value->text = "";
	value->line = p->line;
	value->column = (size_t)(p->at - p->line_start) + 1;
	return value;
}

static void add_hex(struct parser *p, struct strbuf *out, int digits)
{
	uint32_t cp = 0;

	while (digits--) {
		int c = peek(p);

		if (!isxdigit(c)) {
			fail(p, "bad \\u escape");
			return;
		}
		cp = cp * 16 + (uint32_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
		advance(p);
	}
	if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		fail(p, "the \\u escape is not a character");
	else
		text_encode(out, cp);
}

static void add_escape(struct parser *p, struct strbuf *out)
{
	static const char names[] = "abfnrtv\\\"", bytes[] = "\a\b\f\n\r\t\v\\\"";
	int c = peek(p);
	const char *found = c > 0 ? strchr(names, c) : NULL;

	if (c < 0 || (!found && c != 'u' && c != 'U')) {
		fail(p, "unknown escape in a string");
		return;
	}
	advance(p);
	if (found)
		strbuf_addch(out, bytes[found - names]);
	else
		add_hex(p, out, c == 'u' ? 4 : 8);
}

/* Text inside ${ } is kept as it is; quotes in it do not end the string. */
static const char *parse_string(struct parser *p)
{
	struct strbuf out = STRBUF_INIT;
	const char *text = NULL;
	int braces = 0;

	advance(p);
	while (!p->failed) {
		int c = peek(p);

		if (c < 0 || (c == '\n' && !braces)) {
			fail(p, "string without a closing quote");
		} else if (c == '"' && !braces) {
			advance(p);
			text = arena_strndup(p->arena, out.buf, out.len);
			break;
		} else if (c == '\\' && !braces) {
			advance(p);
			add_escape(p, &out);
		} else {
			if (starts(p, "${"))
				braces++;
			else if (c == '}' && braces)
				braces--;
			if (starts(p, "${")) {
				strbuf_addch(&out, '$');
				advance(p);
				c = '{';
			}
			strbuf_addch(&out, (char)c);
			advance(p);
		}
	}
	strbuf_release(&out);
	return text;
}

/* Take away the indentation of the closing word, where a line has that much. */
static void unindent(struct strbuf *text, size_t indent)
{
	struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < text->len;) {
		size_t cut = 0;

		while (cut < indent && i < text->len &&
		       (text->buf[i] == ' ' || text->buf[i] == '\t')) {
			i++;
			cut++;
		}
		while (i < text->len) {
			strbuf_addch(&out, text->buf[i]);
			if (text->buf[i++] == '\n')
				break;
		}
	}
	strbuf_release(text);
	*text = out;
}

static const char *parse_heredoc(struct parser *p)
{
	struct strbuf out = STRBUF_INIT;
	const char *word, *text = NULL;
	size_t word_len;
	bool indented;

	p->at += 2;
	indented = peek(p) == '-';
	if (indented)
		p->at++;
	word = p->at;
	while (isalnum(peek(p)) || peek(p) == '_')
		p->at++;
	word_len = (size_t)(p->at - word);
	if (peek(p) == '\r')
		p->at++;
	if (!word_len || peek(p) != '\n')
		return fail(p, "a heredoc begins with <<WORD and a line end");
	advance(p);
	while (peek(p) >= 0) {
		const char *line = p->at, *start = line;
		size_t len;

		skip_line(p);
		len = (size_t)(p->at - line);
		while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
			len--;
		while (start < line + len && (*start == ' ' || *start == '\t'))
			start++;
		if ((size_t)(line + len - start) == word_len &&
		    memcmp(start, word, word_len) == 0) {
			if (indented)
				unindent(&out, (size_t)(start - line));
			text = arena_strndup(p->arena, out.buf, out.len);
			strbuf_release(&out);
			return text;
		}
		if (peek(p) == '\n')
			advance(p);
		strbuf_add(&out, line, (size_t)(p->at - line));
	}
	strbuf_release(&out);
	return fail(p, "heredoc without its closing word");
}

static bool is_word(int c)
{
	return c > 0 && (isalnum(c) || c == '_' || c == '-' || c == '.' || c >= 0x80);
}

static struct hcl_value *parse_word(struct parser *p)
{
	struct hcl_value *value = new_value(p, HCL_NUMBER);
	const char *start = p->at;
	char *end;

	while (is_word(peek(p)) || (p->at == start && (peek(p) == '-' || peek(p) == '+')))
		advance(p);
	value->text = arena_strndup(p->arena, start, (size_t)(p->at - start));
	if (strcmp(value->text, "true") == 0 || strcmp(value->text, "false") == 0) {
		value->kind = HCL_BOOL;
		value->boolean = value->text[0] == 't';
		return value;
	}
	value->number = strtod(value->text, &end);
	if (p->at == start || *end || end == value->text) {
		p->at = start;
		return fail(
			p,
			"a value was expected: \"text\", number, true, false, [list] or {object}");
	}
	return value;
}

static struct hcl_value *parse_list(struct parser *p)
{
	struct hcl_value *list = new_value(p, HCL_LIST), *item;
	const struct hcl_value **link = &list->first;

	advance(p);
	for (;;) {
		skip_blanks(p);
		if (p->failed)
			return NULL;
		if (peek(p) == ']') {
			advance(p);
			return list;
		}
		item = parse_value(p);
		if (!item)
			return NULL;
		*link = item;
		link = &item->next;
		skip_blanks(p);
		if (peek(p) == ',')
			advance(p);
		else if (peek(p) != ']')
			return fail(p, "',' or ']' was expected in the list");
	}
}

static struct hcl_value *parse_object(struct parser *p)
{
	struct hcl_value *object = new_value(p, HCL_OBJECT);

	advance(p);
	parse_members(p, object, true);
	return p->failed ? NULL : object;
}

static struct hcl_value *parse_value(struct parser *p)
{
	struct hcl_value *value;

	skip_blanks(p);
	if (++p->depth > LIMIT_JSON_DEPTH)
		return fail(p, "nested too deep");
	if (peek(p) == '"') {
		value = new_value(p, HCL_STRING);
		value->text = parse_string(p);
	} else if (starts(p, "<<")) {
		value = new_value(p, HCL_STRING);
		value->text = parse_heredoc(p);
	} else if (peek(p) == '[') {
		value = parse_list(p);
	} else if (peek(p) == '{') {
		value = parse_object(p);
	} else {
		value = parse_word(p);
	}
	p->depth--;
	return p->failed ? NULL : value;
}

static const char *parse_key(struct parser *p)
{
	const char *start = p->at;

	if (peek(p) == '"')
		return parse_string(p);
	while (is_word(peek(p)))
		advance(p);
	if (p->at == start)
		return fail(p, "a key was expected");
	return arena_strndup(p->arena, start, (size_t)(p->at - start));
}

/* key = value, key { … } or key "label" … { … } */
static struct hcl_value *parse_member(struct parser *p)
{
	const char *key, *labels[8], **copy;
	size_t label_count = 0, line = p->line, column = (size_t)(p->at - p->line_start) + 1;
	struct hcl_value *value;

	key = parse_key(p);
	if (!key)
		return NULL;
	for (skip_blanks(p); peek(p) == '"'; skip_blanks(p)) {
		if (label_count == sizeof(labels) / sizeof(labels[0]))
			return fail(p, "too many labels");
		labels[label_count] = parse_string(p);
		if (!labels[label_count++])
			return NULL;
	}
	if (label_count || peek(p) == '{') {
		if (peek(p) != '{')
			return fail(p, "'{' was expected after the labels");
	} else if (peek(p) == '=' || peek(p) == ':') {
		advance(p);
	} else {
		return fail(p, "'=' or '{' was expected after the key");
	}
	value = parse_value(p);
	if (!value)
		return NULL;
	copy = arena_alloc(p->arena, label_count * sizeof(*copy));
	if (label_count)
		memcpy(copy, labels, label_count * sizeof(*copy));
	value->labels = copy;
	value->label_count = label_count;
	value->key = key;
	value->line = line;
	value->column = column;
	return value;
}

static void parse_members(struct parser *p, struct hcl_value *object, bool braced)
{
	const struct hcl_value **link = &object->first;

	for (;;) {
		struct hcl_value *member;

		skip_blanks(p);
		if (p->failed)
			return;
		if (braced && peek(p) == '}') {
			advance(p);
			return;
		}
		if (peek(p) < 0) {
			if (braced)
				fail(p, "'}' was expected");
			return;
		}
		member = parse_member(p);
		if (!member)
			return;
		*link = member;
		link = &member->next;
		skip_blanks(p);
		if (peek(p) == ',')
			advance(p);
	}
}

static struct hcl_value *copy_json(struct parser *p, const struct json *doc)
{
	struct hcl_value *value = new_value(p, HCL_NULL);
	const struct hcl_value **link = &value->first;

	value->line = value->column = 0;
	value->key = arena_strdup(p->arena, json_key(doc));
	if (json_is_bool(doc)) {
		value->kind = HCL_BOOL;
		value->boolean = json_as_bool(doc, false);
		value->text = value->boolean ? "true" : "false";
	} else if (json_is_number(doc)) {
		struct strbuf text = STRBUF_INIT;

		value->kind = HCL_NUMBER;
		value->number = json_as_number(doc, 0);
		json_print(&text, doc);
		value->text = arena_strdup(p->arena, text.buf);
		strbuf_release(&text);
	} else if (json_is_string(doc)) {
		value->kind = HCL_STRING;
		value->text = arena_strdup(p->arena, json_as_str(doc, ""));
	} else if (json_is_array(doc) || json_is_object(doc)) {
		value->kind = json_is_array(doc) ? HCL_LIST : HCL_OBJECT;
		JSON_EACH(item, doc)
		{
			struct hcl_value *copy = copy_json(p, item);

			*link = copy;
			link = &copy->next;
		}
	}
	return value;
}

const struct hcl_value *hcl_parse(const char *text, size_t len, struct arena *arena,
				  struct err *err)
{
	struct parser p = { .at = text,
			    .end = text + len,
			    .line_start = text,
			    .line = 1,
			    .arena = arena,
			    .err = err };
	struct hcl_value *root;

	if (memchr(text, '\0', len)) {
		err_set(err, ERR_INPUT, "the file holds NUL bytes: it is not a configuration file");
		return NULL;
	}
	skip_blanks(&p);
	if (peek(&p) == '{') {
		struct json *doc = json_parse(p.at, (size_t)(p.end - p.at), err);

		root = doc ? copy_json(&p, doc) : NULL;
		json_free(doc);
		return root;
	}
	root = new_value(&p, HCL_OBJECT);
	parse_members(&p, root, false);
	return p.failed ? NULL : root;
}

const struct hcl_value *hcl_get(const struct hcl_value *object, const char *key)
{
	const struct hcl_value *found = NULL;

	if (!object || object->kind != HCL_OBJECT)
		return NULL;
	for (const struct hcl_value *member = object->first; member; member = member->next)
		if (strcmp(member->key, key) == 0)
			found = member;
	return found;
}

const struct hcl_value *hcl_each(const struct hcl_value *object, const char *key,
				 const struct hcl_value *previous)
{
	bool passed = !previous;

	if (!object || object->kind != HCL_OBJECT)
		return NULL;
	for (const struct hcl_value *member = object->first; member; member = member->next) {
		if (strcmp(member->key, key) != 0)
			continue;
		if (member->kind != HCL_LIST) {
			if (passed)
				return member;
			passed = member == previous;
			continue;
		}
		for (const struct hcl_value *item = member->first; item; item = item->next) {
			if (passed)
				return item;
			passed = item == previous;
		}
	}
	return NULL;
}

static bool bad_value(const struct hcl_value *value, const char *want, struct err *err)
{
	if (value->line)
		return err_set(err, ERR_INPUT, "line %zu: %s must be %s", value->line, value->key,
			       want);
	return err_set(err, ERR_INPUT, "%s must be %s", value->key, want);
}

bool hcl_read_text(const struct hcl_value *object, const char *key, const char **out,
		   struct err *err)
{
	const struct hcl_value *value = hcl_get(object, key);

	if (!value || value->kind == HCL_NULL)
		return true;
	if (value->kind == HCL_LIST || value->kind == HCL_OBJECT)
		return bad_value(value, "a text", err);
	*out = value->text;
	return true;
}

bool hcl_read_bool(const struct hcl_value *object, const char *key, bool *out, struct err *err)
{
	static const char *const words[] = { "0",     "1",    "f",     "t",    "F",     "T",
					     "false", "true", "FALSE", "TRUE", "False", "True" };
	const struct hcl_value *value = hcl_get(object, key);

	if (!value || value->kind == HCL_NULL)
		return true;
	if (value->kind == HCL_BOOL) {
		*out = value->boolean;
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(value->text, words[i]) == 0) {
			*out = i % 2;
			return true;
		}
	}
	return bad_value(value, "true or false", err);
}

bool hcl_read_int(const struct hcl_value *object, const char *key, int64_t min, int64_t max,
		  int64_t *out, struct err *err)
{
	const struct hcl_value *value = hcl_get(object, key);
	char want[96];

	if (!value || value->kind == HCL_NULL)
		return true;
	if (text_parse_int(value->text, min, max, out))
		return true;
	snprintf(want, sizeof(want), "a whole number from %lld to %lld", (long long)min,
		 (long long)max);
	return bad_value(value, want, err);
}

bool hcl_read_duration(const struct hcl_value *object, const char *key, int64_t *out_ms,
		       struct err *err)
{
	const struct hcl_value *value = hcl_get(object, key);
	int64_t ms;

	if (!value || value->kind == HCL_NULL)
		return true;
	if (!text_parse_duration(value->text, &ms) || ms < 0)
		return bad_value(value, "a duration such as \"300ms\", \"5s\" or \"1h30m\"", err);
	*out_ms = ms;
	return true;
}

bool hcl_read_list(const struct hcl_value *object, const char *key, const char *const **out,
		   struct arena *arena, struct err *err)
{
	const struct hcl_value *value = hcl_get(object, key);
	const char **items;
	size_t count = 0;

	if (!value || value->kind == HCL_NULL)
		return true;
	if (value->kind == HCL_OBJECT)
		return bad_value(value, "a list of texts", err);
	if (value->kind == HCL_LIST) {
		for (const struct hcl_value *item = value->first; item; item = item->next) {
			if (item->kind == HCL_LIST || item->kind == HCL_OBJECT)
				return bad_value(value, "a list of texts", err);
			count++;
		}
		items = arena_alloc(arena, (count + 1) * sizeof(*items));
		count = 0;
		for (const struct hcl_value *item = value->first; item; item = item->next)
			items[count++] = item->text;
	} else {
		items = arena_alloc(arena, (strlen(value->text) + 2) * sizeof(*items));
		for (const char *p = value->text; *p;) {
			size_t len = strcspn(p, ",");

			if (len)
				items[count++] = arena_strndup(arena, p, len);
			p += len + (p[len] == ',');
		}
	}
	*out = items;
	return true;
}

/* How many of the first letters agree: enough to find the key that was meant. */
static const char *nearest(const char *key, const char *const *allowed)
{
	const char *best = NULL;
	size_t most = 2;

	for (; *allowed; allowed++) {
		size_t same = 0;

		while (key[same] && key[same] == (*allowed)[same])
			same++;
		if (same > most) {
			most = same;
			best = *allowed;
		}
	}
	return best;
}

bool hcl_only_keys(const struct hcl_value *object, const char *where, const char *const *allowed,
		   struct err *err)
{
	for (const struct hcl_value *member = object->first; member; member = member->next) {
		const char *const *known = allowed;
		const char *meant;

		while (*known && strcmp(*known, member->key) != 0)
			known++;
		if (*known)
			continue;
		meant = nearest(member->key, allowed);
		return err_set(err, ERR_INPUT, "line %zu: unknown key \"%s\" in %s%s%s%s",
			       member->line, member->key, where, meant ? "; did you mean \"" : "",
			       meant ? meant : "", meant ? "\"?" : "");
	}
	return true;
}
