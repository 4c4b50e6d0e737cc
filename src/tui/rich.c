#include "rich.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/text.h"

#define TAB_CELLS 8

void rich_release(struct rich *rich)
{
	strbuf_release(&rich->bytes);
	free(rich->spans);
	free(rich->lines);
	*rich = (struct rich)RICH_INIT;
}

void rich_reset(struct rich *rich)
{
	strbuf_reset(&rich->bytes);
	rich->span_count = rich->count = 0;
	rich->line_start = rich->line_span = 0;
	rich->column = 0;
}

static void begin_span(struct rich *rich, enum role role)
{
	bool in_line = rich->span_count > rich->line_span;

	if (in_line && rich->spans[rich->span_count - 1].role == role)
		return;
	GROW(rich->spans, rich->span_count, rich->span_cap);
	rich->spans[rich->span_count++] = (struct rich_span){ rich->bytes.len, role };
}

void rich_add_bytes(struct rich *rich, enum role role, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t run = 0;

		while (run < len && bytes[run] != '\n' && bytes[run] != '\t')
			run++;
		if (run > 0) {
			begin_span(rich, role);
			strbuf_add(&rich->bytes, bytes, run);
			rich->column += text_width(bytes, run);
		} else if (bytes[0] == '\n') {
			rich_end_line(rich);
			run = 1;
		} else {
			int blanks = TAB_CELLS - rich->column % TAB_CELLS;

			begin_span(rich, role);
			strbuf_addchars(&rich->bytes, ' ', (size_t)blanks);
			rich->column += blanks;
			run = 1;
		}
		bytes += run;
		len -= run;
	}
}

void rich_add(struct rich *rich, enum role role, const char *text)
{
	rich_add_bytes(rich, role, text, strlen(text));
}

void rich_addf(struct rich *rich, enum role role, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	rich_add_bytes(rich, role, text.buf, text.len);
	strbuf_release(&text);
}

void rich_pad(struct rich *rich, int column)
{
	int blanks = column > rich->column ? column - rich->column : 1;

	begin_span(rich, ROLE_TEXT);
	strbuf_addchars(&rich->bytes, ' ', (size_t)blanks);
	rich->column += blanks;
}

void rich_end_line(struct rich *rich)
{
	GROW(rich->lines, rich->count, rich->cap);
	rich->lines[rich->count++] =
		(struct rich_line){ rich->line_start, rich->bytes.len, rich->line_span,
				    rich->span_count - rich->line_span };
	rich->line_start = rich->bytes.len;
	rich->line_span = rich->span_count;
	rich->column = 0;
}

void rich_line(struct rich *rich, enum role role, const char *text)
{
	rich_add(rich, role, text);
	rich_end_line(rich);
}

int rich_width(const struct rich *rich, size_t line)
{
	const struct rich_line *at = &rich->lines[line];

	return text_width(rich->bytes.buf + at->start, at->end - at->start);
}

int rich_paint(const struct rich *rich, size_t line, struct grid *grid, int row, int col, int width,
	       int skip)
{
	const struct rich_line *at = &rich->lines[line];
	int used = 0;

	for (size_t i = 0; i < at->span_count && used < width; i++) {
		const struct rich_span *span = &rich->spans[at->span + i];
		size_t end = i + 1 < at->span_count ? span[1].start : at->end;
		const char *bytes = rich->bytes.buf + span->start;
		size_t len = end - span->start;
		int cells = skip > 0 ? text_width(bytes, len) : 0;

		if (skip > 0 && cells <= skip) {
			skip -= cells;
			continue;
		}
		used += grid_put_bytes(grid, row, col + used, width - used, skip, bytes, len,
				       span->role);
		skip = 0;
	}
	return used;
}

bool rich_line_has(const struct rich *rich, size_t line, const char *needle)
{
	const struct rich_line *at = &rich->lines[line];
	char *text = xstrndup(rich->bytes.buf + at->start, at->end - at->start);
	bool has = text_find_nocase(text, needle) != NULL;

	free(text);
	return has;
}
