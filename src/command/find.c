#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/present/table.h"
#include "rows.h"

#define SHORTENED_MIN 6 /* characters of a long id that may stand for it */
#define NAMED_MAX     5 /* candidates that a message lists */

static bool begins(const char *id, const char *word)
{
	size_t len = strlen(word);

	return len >= SHORTENED_MIN && strncmp(id, word, len) == 0;
}

static bool has_address(struct text_list addresses, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < addresses.count; i++) {
		const char *address = addresses.items[i];

		if (strncmp(address, word, len) == 0 && (!address[len] || address[len] == '/'))
			return true;
	}
	return false;
}

/* Whether a word may stand for a row that it does not name in full. */
static bool stands_for(enum model_table table, const void *row, const char *word)
{
	switch (table) {
	case MODEL_INSTANCES:
		return strcmp(((const struct instance *)row)->service_id, word) == 0;
	case MODEL_ENDPOINTS: {
		const struct endpoint_row *endpoint = row;

		return begins(endpoint->name, word) || has_address(endpoint->addresses, word) ||
		       (*endpoint->container && strcmp(endpoint->container, word) == 0);
	}
	case MODEL_CONTAINERS: {
		const struct container_row *container = row;

		return strcmp(container->name, word) == 0 || begins(container->container_id, word);
	}
	case MODEL_ADDRESSES: {
		size_t len = strlen(row_id(row));

		return strncmp(word, row_id(row), len) == 0 &&
		       (strcmp(word + len, "/32") == 0 || strcmp(word + len, "/128") == 0);
	}
	case MODEL_NETWORKS: {
		const struct network_row *network = row;

		return strcmp(network->name, word) == 0 || begins(network->network_id, word);
	}
	case MODEL_RENDERS:
		return strcmp(((const struct render *)row)->destination, word) == 0;
	default:
		return false;
	}
}

const void *find_row(const struct snapshot *snapshot, const char *word, struct err *err)
{
	const struct table *table = present_table(snapshot->table);
	const void *found = snapshot_find(snapshot, word);
	struct strbuf names = STRBUF_INIT;
	size_t count = 0;

	if (found)
		return found;
	for (size_t i = 0; i < snapshot->count; i++) {
		const void *row = snapshot_row(snapshot, i);

		if (!stands_for(snapshot->table, row, word))
			continue;
		found = row;
		if (count++ < NAMED_MAX)
			strbuf_addf(&names, "%s%s", count > 1 ? ", " : "", row_id(row));
	}
	if (count > 1) {
		err_set(err, ERR_INPUT, "\"%s\" names %zu %s: %s%s; say which", word, count,
			table->name, names.buf, count > NAMED_MAX ? ", …" : "");
		found = NULL;
	} else if (!count) {
		err_set(err, ERR_NOT_FOUND, "there is no %s \"%s\"", table->singular, word);
	}
	strbuf_release(&names);
	return found;
}

const struct table *find_table(const char *word, struct err *err)
{
	const struct table *table = present_table_named(word);
	struct strbuf names = STRBUF_INIT;

	if (table)
		return table;
	for (int i = 0; i < MODEL_TABLE_COUNT; i++)
		strbuf_addf(&names, "%s%s", i ? ", " : "",
			    present_table((enum model_table)i)->name);
	err_set(err, ERR_INPUT, "there is no kind \"%s\"; there are %s", word, names.buf);
	strbuf_release(&names);
	return NULL;
}

void call_say(struct command_call *call, int level, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	if (call->front->message)
		call->front->message(call->front_arg, level, text.buf);
	strbuf_release(&text);
}

void add_shell_word(struct strbuf *out, const char *word)
{
	bool plain = *word && !strpbrk(word, " \t\n\"'\\$`!*?[](){}<>|&;~#");

	strbuf_addch(out, ' ');
	if (plain) {
		strbuf_addstr(out, word);
		return;
	}
	strbuf_addch(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			strbuf_addstr(out, "'\\''");
		else
			strbuf_addch(out, *word);
	}
	strbuf_addch(out, '\'');
}
