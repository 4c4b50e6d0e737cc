/* Addresses as a map. What wants attention is a letter, so that a map without colors says the
 * same; what is in use and what is free are signs of our own. */
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/present/table.h"
#include "internal.h"

#define LABEL_CELLS 8

static const struct {
	char mark;
	enum glyph glyph; /* GLYPH_COUNT: the letter itself */
	enum role role;
	const char *means;
} marks[] = {
	{ '#', GLYPH_BLOCK_DONE, ROLE_STATE_PASS, "in use" },
	{ 'L', GLYPH_COUNT, ROLE_STATE_STALE, "leaked" },
	{ 'O', GLYPH_COUNT, ROLE_STATE_STALE, "orphan" },
	{ 'F', GLYPH_COUNT, ROLE_MUTED, "foreign" },
	{ '?', GLYPH_COUNT, ROLE_STATE_UNKNOWN, "not known" },
	{ '.', GLYPH_BLOCK_TODO, ROLE_MUTED, "free" },
};

static void put_mark(const struct tui *tui, struct rich *out, char mark)
{
	char letter[2] = { mark, '\0' };

	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		if (marks[i].mark != mark)
			continue;
		rich_add(out, marks[i].role,
			 marks[i].glyph == GLYPH_COUNT ? letter
						       : grid_glyph(tui->grid, marks[i].glyph));
		return;
	}
	rich_add(out, mark == '[' || mark == ']' ? ROLE_STRONG : ROLE_TEXT, letter);
}

static void put_legend(const struct tui *tui, struct rich *out)
{
	rich_add(out, ROLE_HEADING, " Map   ");
	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		put_mark(tui, out, marks[i].mark);
		rich_addf(out, ROLE_MUTED, " %s   ", marks[i].means);
	}
	rich_end_line(out);
}

void map_write(const struct tui *tui, const struct table *table, const void *row, struct rich *out)
{
	struct strbuf map = STRBUF_INIT;

	table->map(row, tui->model, &map);
	if (map.len) {
		rich_end_line(out);
		put_legend(tui, out);
	}
	for (const char *line = map.buf; *line; line += *line == '\n') {
		size_t len = strcspn(line, "\n"), label = strcspn(line, "\t\n");

		rich_add(out, ROLE_TEXT, "  ");
		rich_add_bytes(out, ROLE_MUTED, line, label);
		if (label < len)
			rich_pad(out, LABEL_CELLS);
		for (size_t i = label + 1; i < len; i++)
			put_mark(tui, out, line[i]);
		rich_end_line(out);
		line += len;
	}
	strbuf_release(&map);
}
