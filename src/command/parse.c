/* The options are a table: what each is called, takes, means, and where its value goes. Which
 * command takes which is decided by the group of the option and the row of the command. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/command/command.h"
#include "binnacle/present/table.h"
#include "rows.h"

#define LINE_WORDS_MAX 10000

enum group { ANY_COMMAND, CHANGING, NAMED };
enum store { STORE_TEXT, STORE_FLAG, STORE_COUNT, STORE_AGE, STORE_SECONDS };

struct option_row {
	struct command_option option;
	enum group group;
	enum store store;
	size_t offset;
};

#define TEXT(member)    STORE_TEXT, offsetof(struct command_line, member)
#define FLAG(member)    STORE_FLAG, offsetof(struct command_line, member)
#define COUNT(member)   STORE_COUNT, offsetof(struct command_line, member)
#define AGE(member)     STORE_AGE, offsetof(struct command_line, member)
#define SECONDS(member) STORE_SECONDS, offsetof(struct command_line, member)

/* clang-format off */
static const struct option_row options[] = {
	{ { "help", 0, NULL, "show the help of this command", NULL }, ANY_COMMAND, FLAG(help) },
	{ { "output", 'o', "FORMAT", "table, json, jsonl or csv", "table json jsonl csv" },
	  ANY_COMMAND, TEXT(output) },
	{ { "quiet", 'q', NULL, "no progress and no warnings, only errors", NULL },
	  ANY_COMMAND, FLAG(quiet) },
	{ { "verbose", 'v', NULL, "requests and timings on standard error", NULL },
	  ANY_COMMAND, FLAG(verbose) },
	{ { "timeout", 0, "S", "end the whole command after S seconds, with status 124", NULL },
	  ANY_COMMAND, SECONDS(timeout_ms) },
	{ { "color", 0, "WHEN", "auto, never or always", "auto never always" },
	  ANY_COMMAND, TEXT(color) },
	{ { "time", 0, "FORM", "iso, relative or epoch", "iso relative epoch" },
	  ANY_COMMAND, TEXT(time) },
	{ { "no-header", 0, NULL, "no header line in table and csv", NULL },
	  ANY_COMMAND, FLAG(no_header) },
	{ { "csv-safe", 0, NULL, "keep spreadsheets from taking a field for a formula", NULL },
	  ANY_COMMAND, FLAG(csv_safe) },
	{ { "allow-stale", 0, NULL, "act although the data is old", NULL },
	  ANY_COMMAND, FLAG(allow_stale) },
	{ { "yes", 'y', NULL, "do not ask", NULL }, CHANGING, FLAG(yes) },
	{ { "dry-run", 'n', NULL, "print the plan and its hash, change nothing", NULL },
	  CHANGING, FLAG(dry_run) },
	{ { "plan", 0, "HASH", "act only if the plan still has this hash", NULL },
	  CHANGING, TEXT(plan_hash) },
	{ { "expect", 0, "N", "act only if there are exactly N targets", NULL },
	  CHANGING, COUNT(expect) },
	{ { "dc", 0, "NAME", "the datacenter, where it is marked as production", NULL },
	  CHANGING, TEXT(dc) },
	{ { "exit-code", 0, NULL, "with --dry-run: status 9 when there is work (diff, check: always)", NULL },
	  CHANGING, FLAG(exit_code) },
	{ { "filter", 0, "FILTER", "only rows that match, as in the console's /", NULL },
	  NAMED, TEXT(filter) },
	{ { "sort", 0, "COLUMN", "order by a column; -COLUMN for the reverse", NULL },
	  NAMED, TEXT(sort) },
	{ { "columns", 0, "LIST", "column ids, separated by commas", NULL }, NAMED, TEXT(columns) },
	{ { "wide", 'w', NULL, "also the columns that are not always shown", NULL },
	  NAMED, FLAG(wide) },
	{ { "limit", 0, "N", "at most N rows", NULL }, NAMED, COUNT(limit) },
	{ { "fields", 0, NULL, "list the columns and end", NULL }, NAMED, FLAG(fields) },
	{ { "stat", 0, NULL, "only count lines", NULL }, NAMED, FLAG(stat) },
	{ { "from", 0, "GENERATION", "the old text: a generation's number, live or pending", NULL },
	  NAMED, TEXT(from) },
	{ { "to", 0, "GENERATION", "the new text; live when not given", NULL }, NAMED, TEXT(to) },
	{ { "older", 0, "AGE", "only what is in this state for longer: 90s, 15m, 2d", NULL },
	  NAMED, AGE(older_ms) },
	{ { "node", 0, "NAME", "only on this node", NULL }, NAMED, TEXT(node) },
	{ { "all", 'a', NULL, "all of them", NULL }, NAMED, FLAG(all) },
	{ { "no-release", 0, NULL, "keep the addresses assigned", NULL }, NAMED, FLAG(no_release) },
	{ { "file", 'f', "FILE", "read it from this file; - is standard input", NULL },
	  NAMED, TEXT(file) },
	{ { "keep-going", 'k', NULL, "go on after a failure", NULL }, NAMED, FLAG(keep_going) },
};
/* clang-format on */

size_t command_option_count(void)
{
	return COUNT_OF(options);
}

const struct command_option *command_option_at(size_t index)
{
	return &options[index].option;
}

/* Whether a blank-separated list has a word. */
static bool has_word(const char *list, const char *word, size_t len)
{
	while (list && *list) {
		size_t next = strcspn(list, " ");

		/* One that ends in '=' goes on with anything. */
		if (next && list[next - 1] == '=' ? len > next && memcmp(list, word, next) == 0
						  : next == len && memcmp(list, word, len) == 0)
			return true;
		list += next + strspn(list + next, " ");
	}
	return false;
}

static bool takes(const struct command *command, const struct option_row *row)
{
	if (row->group == ANY_COMMAND || (row->group == CHANGING && command_changes(command)))
		return true;
	return has_word(command->options, row->option.name, strlen(row->option.name));
}

bool command_takes_option(const struct command *command, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if (strcmp(options[i].option.name, name) == 0)
			return takes(command, &options[i]);
	return false;
}

struct command_line *command_line_new(void)
{
	struct command_line *line = xcalloc(1, sizeof(*line));

	line->older_ms = line->expect = line->limit = line->timeout_ms = -1;
	return line;
}

void command_line_free(struct command_line *line)
{
	if (!line)
		return;
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if (options[i].store == STORE_TEXT)
			free(*(char **)(void *)((char *)line + options[i].offset));
	for (size_t i = 0; i < line->word_count; i++)
		free(line->words[i]);
	free(line->words);
	free(line->verb);
	free(line);
}

static const struct option_row *find_long(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if (strlen(options[i].option.name) == len &&
		    memcmp(options[i].option.name, name, len) == 0)
			return &options[i];
	return NULL;
}

static const struct option_row *find_letter(char letter)
{
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if (options[i].option.letter && options[i].option.letter == letter)
			return &options[i];
	return NULL;
}

static bool parse_seconds(const char *value, int64_t *out_ms)
{
	if (text_parse_int(value, 0, 86400 * 30, out_ms)) {
		*out_ms *= 1000;
		return true;
	}
	return present_parse_age(value, out_ms);
}

static bool store(struct command_line *line, const struct command *command,
		  const struct option_row *row, const char *value, struct err *err)
{
	void *place = (char *)line + row->offset;
	const char *values = command->outputs && strcmp(row->option.name, "output") == 0
				     ? command->outputs
				     : row->option.values;
	const char *name = row->option.name;
	bool good = true;

	if (values && !has_word(values, value, strlen(value)))
		return err_set(err, ERR_INPUT, "--%s is one of: %s", name, values);
	switch (row->store) {
	case STORE_FLAG:
		*(bool *)place = true;
		break;
	case STORE_TEXT:
		free(*(char **)place);
		*(char **)place = xstrdup(value);
		break;
	case STORE_COUNT:
		good = text_parse_int(value, 0, 1000000000, place);
		break;
	case STORE_AGE:
		good = present_parse_age(value, place);
		break;
	case STORE_SECONDS:
		good = parse_seconds(value, place);
		break;
	}
	return good || err_set(err, ERR_INPUT, "--%s: expected %s, not \"%s\"", name,
			       row->store == STORE_COUNT ? "a number"
			       : row->store == STORE_AGE ? "an age such as 90s, 15m, 2d"
							 : "seconds",
			       value);
}

/* The longest verb that the words begin with: two words, else one. */
static const struct command *find_verb(const char *const *words, size_t count, size_t *used)
{
	const struct command *command = NULL;
	char *both;

	if (count > 1) {
		both = xasprintf("%s %s", words[0], words[1]);
		command = command_find(both);
		free(both);
		*used = 2;
	}
	if (!command) {
		command = command_find(words[0]);
		*used = 1;
	}
	return command;
}

static bool no_such_verb(const char *word, struct err *err)
{
	struct strbuf also = STRBUF_INIT;
	size_t len = strlen(word);

	for (size_t i = 0; i < command_count(); i++) {
		const char *verb = command_at(i)->verb;

		if ((strncmp(verb, word, len) == 0 && verb[len] == ' ') ||
		    (len > 2 && strncmp(verb, word, 3) == 0))
			strbuf_addf(&also, "%s\"%s\"", also.len ? ", " : "; there is ", verb);
	}
	err_set(err, ERR_INPUT, "there is no command \"%s\"%s", word, also.buf);
	strbuf_release(&also);
	return false;
}

/* How many words the text of a row's arguments allows: "KIND ID", "[TEMPLATE ...]". */
static void count_args(const char *args, size_t *least, size_t *most)
{
	bool optional = false;

	*least = *most = 0;
	while (args && *args) {
		size_t len = strcspn(args, " ");

		if (*args == '[')
			optional = true;
		if (len >= 3 && (strncmp(args, "...", 3) == 0)) {
			*most = SIZE_MAX;
		} else if (len && strncmp(args, "[-", 2) != 0 && *args != '-') {
			*most += *most < SIZE_MAX;
			*least += !optional;
		}
		if (memchr(args, ']', len))
			optional = false;
		args += len + strspn(args + len, " ");
	}
}

static bool check_words(const struct command_line *line, const struct command *command,
			struct err *err)
{
	size_t least, most;

	count_args(command->args, &least, &most);
	if (line->help || line->fields || (line->word_count >= least && line->word_count <= most))
		return true;
	return err_set(err, ERR_INPUT, "%s \"%s\": the form is %s %s",
		       line->word_count < least ? "something is missing after"
						: "too many words after",
		       command->verb, command->verb, command->args ? command->args : "");
}

static void add_word(struct command_line *line, size_t *cap, const char *word)
{
	GROW(line->words, line->word_count, *cap);
	line->words[line->word_count++] = xstrdup(word);
}

struct parser {
	const char *const *words;
	size_t count, at;
	const struct command *command;
	struct command_line *line;
	bool unfinished; /* somebody is typing it: words may still be missing */
	struct err *err;
};

/* One option; its value may be the next word. */
static bool read_option(struct parser *parser)
{
	const char *word = parser->words[parser->at], *value = NULL;
	const struct option_row *row;

	if (word[1] == '-') {
		size_t len = strcspn(word + 2, "=");

		row = find_long(word + 2, len);
		if (word[2 + len] == '=')
			value = word + 3 + len;
	} else {
		row = find_letter(word[1]);
		if (word[2])
			value = word + 2;
	}
	if (!row)
		return err_set(parser->err, ERR_INPUT, "there is no option %s; see --help", word);
	if (!takes(parser->command, row))
		return err_set(parser->err, ERR_INPUT, "\"%s\" takes no option --%s",
			       parser->command->verb, row->option.name);
	if (!row->option.value) {
		if (value)
			return err_set(parser->err, ERR_INPUT, "--%s takes no value",
				       row->option.name);
		return store(parser->line, parser->command, row, "", parser->err);
	}
	if (!value && parser->at + 1 < parser->count)
		value = parser->words[++parser->at];
	if (!value)
		return err_set(parser->err, ERR_INPUT, "--%s needs a value: %s", row->option.name,
			       row->option.value);
	return store(parser->line, parser->command, row, value, parser->err);
}

static bool read_words(struct parser *parser)
{
	bool only_words = false;
	size_t cap = 0;

	for (; parser->at < parser->count; parser->at++) {
		const char *word = parser->words[parser->at];

		if (!only_words && strcmp(word, "--") == 0)
			only_words = true;
		else if (!only_words && word[0] == '-' && word[1])
			if (!read_option(parser))
				return false;
			else
				continue;
		else
			add_word(parser->line, &cap, word);
	}
	return parser->unfinished || check_words(parser->line, parser->command, parser->err);
}

static struct command_line *parse_words(const char *const *words, size_t count, bool unfinished,
					struct err *err)
{
	struct parser parser = {
		.words = words, .count = count, .unfinished = unfinished, .err = err
	};

	if (!count) {
		err_set(err, ERR_INPUT, "no command is given; see --help");
		return NULL;
	}
	if (count > LINE_WORDS_MAX) {
		err_set(err, ERR_INPUT, "more than %d words", LINE_WORDS_MAX);
		return NULL;
	}
	parser.command = find_verb(words, count, &parser.at);
	if (!parser.command) {
		no_such_verb(words[0], err);
		return NULL;
	}
	parser.line = command_line_new();
	parser.line->verb = xstrdup(parser.command->verb);
	if (read_words(&parser))
		return parser.line;
	command_line_free(parser.line);
	return NULL;
}

struct command_line *command_parse_words(const char *const *words, size_t count, struct err *err)
{
	return parse_words(words, count, false, err);
}

/* One word of a line as a shell reads it. False: a quote is not closed. */
static bool read_shell_word(const char **at, struct strbuf *out)
{
	char quote = 0;

	for (; **at && (quote || !strchr(" \t", **at)); (*at)++) {
		char c = **at;

		if (quote && c == quote)
			quote = 0;
		else if (!quote && (c == '"' || c == '\''))
			quote = c;
		else if (c == '\\' && quote != '\'' && (*at)[1])
			strbuf_addch(out, *++*at);
		else
			strbuf_addch(out, c);
	}
	return !quote;
}

static struct command_line *parse(const char *text, bool unfinished, struct err *err)
{
	struct command_line *line = NULL;
	char **words = NULL;
	size_t count = 0, cap = 0;
	bool good = true;

	while (good && *(text += strspn(text, " \t"))) {
		struct strbuf word = STRBUF_INIT;

		good = read_shell_word(&text, &word);
		GROW(words, count, cap);
		words[count++] = strbuf_detach(&word, NULL);
		if (!good)
			err_set(err, ERR_INPUT, "a quote is not closed");
	}
	if (good)
		line = parse_words((const char *const *)words, count, unfinished, err);
	for (size_t i = 0; i < count; i++)
		free(words[i]);
	free(words);
	return line;
}

struct command_line *command_parse(const char *text, struct err *err)
{
	return parse(text, false, err);
}

struct command_line *parse_unfinished(const char *text, struct err *err)
{
	return parse(text, true, err);
}
