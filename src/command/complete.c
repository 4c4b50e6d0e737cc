/* The last word of a line is completed by where it stands: a verb, a word of the verb's
 * arguments, an identity, or an option. Candidates that begin with what is typed come before
 * those that only hold it. */
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/present/table.h"
#include "rows.h"

#define CANDIDATES_MAX 200

struct completing {
	struct completion *out;
	const char *head; /* what stays in front of the candidate */
	size_t head_len;
	const char *part; /* what is typed of the word */
	size_t first;     /* number of candidates that begin with the part */
	const char *already;
};

void completion_release(struct completion *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->texts[i]);
	free(list->texts);
	*list = (struct completion){ 0 };
}

static void offer(struct completing *c, const char *candidate)
{
	bool begins = strncasecmp(candidate, c->part, strlen(c->part)) == 0;
	struct strbuf text = STRBUF_INIT, word = STRBUF_INIT;
	size_t at = begins ? c->first : c->out->count;

	if (c->out->count >= CANDIDATES_MAX || (!begins && !text_find_nocase(candidate, c->part)))
		return;
	strbuf_add(&text, c->head, c->head_len);
	add_shell_word(&word, candidate);
	/* A verb of two words stays two words. */
	strbuf_addstr(&text, c->head_len ? word.buf + 1 : candidate);
	strbuf_release(&word);
	for (size_t i = 0; i < c->out->count; i++) {
		if (strcmp(c->out->texts[i], text.buf) == 0) {
			strbuf_release(&text);
			return;
		}
	}
	GROW(c->out->texts, c->out->count, c->out->cap);
	memmove(c->out->texts + at + 1, c->out->texts + at,
		(c->out->count - at) * sizeof(*c->out->texts));
	c->out->texts[at] = strbuf_detach(&text, NULL);
	c->out->count++;
	c->first += begins;
}

static const char *called(enum model_table table, const void *row)
{
	switch (table) {
	case MODEL_ENDPOINTS:
		return ((const struct endpoint_row *)row)->name;
	case MODEL_CONTAINERS:
		return ((const struct container_row *)row)->name;
	default:
		return row_id(row);
	}
}

static void offer_rows(struct completing *c, const struct action_env *env, enum model_table table)
{
	const struct snapshot *snapshot = model_current(env->model, table);

	for (size_t i = 0; i < snapshot->count; i++)
		offer(c, called(table, snapshot_row(snapshot, i)));
}

static void offer_alternatives(struct completing *c, const char *args, size_t len)
{
	while (len) {
		size_t word = 0;
		char *text;

		while (word < len &&
		       (args[word] == '-' || (args[word] >= 'a' && args[word] <= 'z')))
			word++;
		if (word) {
			text = xstrndup(args, word);
			offer(c, text);
			free(text);
		}
		word += word < len;
		args += word;
		len -= word;
	}
}

/* The text of the argument at a place; the last one stands for all that follow. */
static const char *argument_at(const char *args, size_t place, size_t *len)
{
	const char *found = args;

	for (*len = strcspn(args, " "); place-- && args[*len];) {
		args += *len + strspn(args + *len, " ");
		*len = strcspn(args, " ");
		if (strncmp(args, "...", 3) == 0) {
			*len = strcspn(found, " ");
			return found;
		}
		found = args;
	}
	return args;
}

static void offer_words(struct completing *c, const struct command *command,
			const struct action_env *env, const struct command_line *line)
{
	const struct table *table;
	const char *args;
	size_t len;

	if (!command->args)
		return;
	args = argument_at(command->args, line ? line->word_count : 0, &len);
	if (strncmp(args, "KIND", 4) == 0) {
		for (int i = 0; i < MODEL_TABLE_COUNT; i++)
			offer(c, present_table((enum model_table)i)->name);
		return;
	}
	offer_alternatives(c, args, len);
	if (command->table >= 0) {
		offer_rows(c, env, (enum model_table)command->table);
	} else if (line && line->word_count == 1) {
		table = present_table_named(line->words[0]);
		if (table && strstr(command->args, "KIND ID"))
			offer_rows(c, env, table->model);
	}
}

static void offer_options(struct completing *c, const struct command *command)
{
	for (size_t i = 0; i < command_option_count(); i++) {
		const struct command_option *option = command_option_at(i);
		char *name;

		if (!command_takes_option(command, option->name))
			continue;
		name = xasprintf("--%s", option->name);
		if (!c->already || !strstr(c->already, name))
			offer(c, name);
		free(name);
	}
}

void command_complete(const char *text, const struct action_env *env, struct completion *out)
{
	const char *blank = strrchr(text, ' '), *part = blank ? blank + 1 : text;
	struct completing c = {
		.out = out, .head = text, .head_len = (size_t)(part - text), .part = part
	};
	char *head = xstrndup(text, c.head_len);
	struct command_line *line = NULL;
	const struct command *command = NULL;
	struct err err;

	*out = (struct completion){ 0 };
	if (c.head_len)
		line = parse_unfinished(head, &err);
	if (line)
		command = command_find(line->verb);
	if (command) {
		c.already = head;
		if (*part == '-')
			offer_options(&c, command);
		else
			offer_words(&c, command, env, line);
	}
	if (!command || !out->count) {
		struct completing verbs = { .out = out, .head = text, .part = text };

		for (size_t i = 0; i < command_count(); i++)
			offer(&verbs, command_at(i)->verb);
	}
	command_line_free(line);
	free(head);
}
