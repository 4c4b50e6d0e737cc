/* A filter is a list of terms that must all hold; a term is a list of alternatives, one of which
 * must. Texts of columns are compared as the table shows them, without the columns of time: an
 * age that ticks would make rows come and go by themselves. */
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/present/table.h"

#define FILTER_BYTES_MAX 4096

enum test { TEST_CONTAINS, TEST_EQUAL, TEST_UNEQUAL, TEST_LESS, TEST_MORE, TEST_REGEX };

struct alternative {
	const struct column *column; /* NULL: any */
	enum test test;
	bool negated, ignore_case, has_number;
	int64_t number; /* a duration when the column is a time */
	char *text;
	regex_t regex; /* of TEST_REGEX */
};

struct term {
	struct alternative *items;
	size_t len, cap;
	bool negated;
};

struct filter {
	struct term *terms;
	size_t len, cap;
};

struct parser {
	const char *text, *at;
	const struct table *table;
	struct err *err;
};

bool present_parse_age(const char *text, int64_t *out_ms)
{
	char *end;
	double days;

	if (text_parse_duration(text, out_ms))
		return *out_ms >= 0;
	if (!isdigit((unsigned char)*text))
		return false;
	days = strtod(text, &end);
	if (strcmp(end, "d") != 0 || days > 1e5)
		return false;
	*out_ms = (int64_t)(days * 86400000);
	return true;
}

static bool complain(struct parser *parser, const char *at, const char *what)
{
	return err_set(parser->err, ERR_INPUT, "filter, character %zu: %s",
		       (size_t)(at - parser->text) + 1, what);
}

static bool has_capital(const char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			return true;
	return false;
}

/* The text up to a blank or, outside of a regular expression, a `|`; quoted parts as they are. */
static bool read_text(struct parser *parser, bool is_regex, char **out)
{
	struct strbuf text = STRBUF_INIT;

	while (*parser->at && *parser->at != ' ' && (is_regex || *parser->at != '|')) {
		const char *quote = parser->at;

		if (*quote != '"') {
			strbuf_addch(&text, *parser->at++);
			continue;
		}
		for (parser->at++; *parser->at && *parser->at != '"'; parser->at++)
			strbuf_addch(&text, *parser->at);
		if (!*parser->at) {
			strbuf_release(&text);
			return complain(parser, quote, "this quote is not closed");
		}
		parser->at++;
	}
	*out = strbuf_detach(&text, NULL);
	return true;
}

/* "state:", "age:>", "port<": consumes it. `*found` false: what follows is a plain text. */
static bool read_test(struct parser *parser, struct alternative *item, bool *found)
{
	static const struct {
		const char *sign;
		enum test test;
	} signs[] = {
		{ ":!=", TEST_UNEQUAL }, { ":=", TEST_EQUAL },   { ":<", TEST_LESS },
		{ ":>", TEST_MORE },     { ":", TEST_CONTAINS }, { "!=", TEST_UNEQUAL },
		{ "=", TEST_EQUAL },     { "<", TEST_LESS },     { ">", TEST_MORE },
	};
	const char *start = parser->at;
	size_t len = strspn(start, "abcdefghijklmnopqrstuvwxyz_");
	char *name;

	*found = false;
	for (size_t i = 0; len && i < COUNT_OF(signs); i++) {
		if (!text_starts_with(start + len, signs[i].sign))
			continue;
		name = xstrndup(start, len);
		item->column = table_column(parser->table, name);
		item->test = signs[i].test;
		free(name);
		parser->at = start + len + strlen(signs[i].sign);
		*found = true;
		if (!item->column)
			return complain(
				parser, start,
				"no such column; put a text with \":\" in quotes to look for it");
		return true;
	}
	return true;
}

static bool compile(struct parser *parser, struct alternative *item, const char *at)
{
	char reason[160], what[200];
	int flags = REG_EXTENDED | REG_NOSUB | (item->ignore_case ? REG_ICASE : 0);
	int code = regcomp(&item->regex, item->text, flags);

	if (code == 0)
		return true;
	regerror(code, &item->regex, reason, sizeof(reason));
	/* Not compiled: nothing to free later. */
	item->test = TEST_CONTAINS;
	snprintf(what, sizeof(what), "regular expression: %s", reason);
	return complain(parser, at, what);
}

static bool read_value(struct parser *parser, struct alternative *item)
{
	const char *at = parser->at;
	bool is_regex = *at == '~' && item->test == TEST_CONTAINS, compares;

	parser->at += is_regex;
	if (!read_text(parser, is_regex, &item->text))
		return false;
	if (!*item->text)
		return complain(parser, at, "a text is missing here");
	item->ignore_case = !has_capital(item->text);
	if (is_regex) {
		item->test = TEST_REGEX;
		return compile(parser, item, at + 1);
	}
	compares = item->test == TEST_LESS || item->test == TEST_MORE;
	if (!item->column || !item->column->number)
		return !compares || complain(parser, at, "this column is text: use : = or !=");
	if (item->column->number_is_time)
		item->has_number = present_parse_age(item->text, &item->number);
	else
		item->has_number = text_parse_int(item->text, INT64_MIN, INT64_MAX, &item->number);
	if (!item->has_number && compares)
		return complain(parser, at,
				item->column->number_is_time
					? "expected an age such as 90s, 15m, 2d"
					: "expected a number");
	return true;
}

static bool read_alternative(struct parser *parser, struct term *term)
{
	struct alternative *item;
	bool found = false;

	GROW(term->items, term->len, term->cap);
	item = &term->items[term->len++];
	*item = (struct alternative){ .test = TEST_CONTAINS };
	if (term->len > 1 && *parser->at == '!') {
		item->negated = true;
		parser->at++;
	}
	return read_test(parser, item, &found) && read_value(parser, item);
}

static bool read_term(struct parser *parser, struct term *term)
{
	*term = (struct term){ 0 };
	if (*parser->at == '!') {
		term->negated = true;
		parser->at++;
	}
	do {
		if (!read_alternative(parser, term))
			return false;
	} while (*parser->at == '|' && parser->at++);
	return true;
}

struct filter *filter_parse(const char *text, const struct table *table, struct err *err)
{
	struct parser parser = { text, text, table, err };
	struct filter *filter = xcalloc(1, sizeof(*filter));

	if (strlen(text) > FILTER_BYTES_MAX) {
		err_set(err, ERR_INPUT, "the filter is longer than %d bytes", FILTER_BYTES_MAX);
		filter_free(filter);
		return NULL;
	}
	while (*parser.at) {
		if (*parser.at == ' ') {
			parser.at++;
			continue;
		}
		GROW(filter->terms, filter->len, filter->cap);
		if (!read_term(&parser, &filter->terms[filter->len++])) {
			filter_free(filter);
			return NULL;
		}
	}
	return filter;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->len; i++) {
		struct term *term = &filter->terms[i];

		for (size_t j = 0; j < term->len; j++) {
			if (term->items[j].test == TEST_REGEX)
				regfree(&term->items[j].regex);
			free(term->items[j].text);
		}
		free(term->items);
	}
	free(filter->terms);
	free(filter);
}

static bool text_passes(const struct alternative *item, const char *text)
{
	switch (item->test) {
	case TEST_REGEX:
		return regexec(&item->regex, text, 0, NULL, 0) == 0;
	case TEST_EQUAL:
	case TEST_UNEQUAL:
		return ((item->ignore_case ? strcasecmp(text, item->text)
					   : strcmp(text, item->text)) == 0) ==
		       (item->test == TEST_EQUAL);
	default:
		return (item->ignore_case ? text_find_nocase(text, item->text)
					  : strstr(text, item->text)) != NULL;
	}
}

static bool number_passes(const struct alternative *item, const void *row)
{
	int64_t value = item->column->number(row);

	if (item->column->number_is_time) {
		if (!value)
			return item->test == TEST_UNEQUAL; /* no age: neither older nor younger */
		value = clock_wall_ms() - value;
	}
	switch (item->test) {
	case TEST_LESS:
		return value < item->number;
	case TEST_MORE:
		return value > item->number;
	case TEST_UNEQUAL:
		return value != item->number;
	default:
		return value == item->number;
	}
}

static bool item_passes(const struct alternative *item, const struct table *table, const void *row)
{
	struct strbuf text = STRBUF_INIT;
	bool passes = false;

	if (item->has_number && item->test != TEST_REGEX)
		return number_passes(item, row);
	if (item->column) {
		item->column->text(row, &text);
		passes = text_passes(item, text.buf);
	} else {
		passes = text_passes(item, row_id(row));
		for (size_t i = 0; i < table->column_count && !passes; i++) {
			if (table->columns[i].flags & COLUMN_TIME)
				continue;
			strbuf_reset(&text);
			table->columns[i].text(row, &text);
			passes = text_passes(item, text.buf);
		}
	}
	strbuf_release(&text);
	return passes;
}

bool filter_matches(const struct filter *filter, const struct table *table, const void *row)
{
	for (size_t i = 0; i < filter->len; i++) {
		const struct term *term = &filter->terms[i];
		bool passes = false;

		for (size_t j = 0; j < term->len && !passes; j++)
			passes = item_passes(&term->items[j], table, row) != term->items[j].negated;
		if (passes == term->negated)
			return false;
	}
	return true;
}
