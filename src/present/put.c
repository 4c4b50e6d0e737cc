#include "put.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/text.h"

void put_list(struct strbuf *out, struct text_list list, const char *separator)
{
	for (size_t i = 0; i < list.count; i++) {
		if (i)
			strbuf_addstr(out, separator);
		strbuf_addstr(out, list.items[i]);
	}
}

static void put_age(struct strbuf *out, int64_t wall_ms)
{
	char text[TEXT_AGE_BYTES];

	strbuf_addstr(out, text_age(clock_wall_ms() - wall_ms, text));
}

void put_time(struct strbuf *out, int64_t wall_ms)
{
	char text[CLOCK_TEXT_BYTES];

	if (!wall_ms)
		return;
	switch (present_time()) {
	case PRESENT_TIME_CLOCK:
		strbuf_addstr(out, clock_local_hms(wall_ms, text));
		break;
	case PRESENT_TIME_AGE:
		put_age(out, wall_ms);
		break;
	case PRESENT_TIME_ISO:
		strbuf_addstr(out, clock_rfc3339(wall_ms, text));
		break;
	case PRESENT_TIME_EPOCH:
		strbuf_addf(out, "%" PRId64, wall_ms / 1000);
		break;
	}
}

void put_since(struct strbuf *out, int64_t wall_ms)
{
	if (wall_ms && present_time() == PRESENT_TIME_CLOCK)
		put_age(out, wall_ms);
	else
		put_time(out, wall_ms);
}

void put_count(struct strbuf *out, int64_t count)
{
	if (count < 0)
		strbuf_addch(out, '-');
	else
		strbuf_addf(out, "%" PRId64, count);
}

/* Where the last number of a name begins; a number with a leading zero is no number, since it
 * could not be told from its range. */
static size_t number_at(const char *name)
{
	size_t len = strlen(name), at = len;

	while (at > 0 && isdigit((unsigned char)name[at - 1]))
		at--;
	if (name[at] == '0' && name[at + 1])
		return len;
	return len - at > 9 ? len : at;
}

static int compare_names(const void *a, const void *b)
{
	return present_compare_names(*(const char *const *)a, *(const char *const *)b);
}

/* Whether `next` is `name` with the number raised by `step`. */
static bool follows(const char *name, const char *next, long step)
{
	size_t at = number_at(name);

	return name[at] && number_at(next) == at && next[at] && memcmp(name, next, at) == 0 &&
	       (step == 0 || atol(next + at) == atol(name + at) + step);
}

void put_names(struct strbuf *out, struct text_list names)
{
	const char **sorted = xreallocarray(NULL, names.count + 1, sizeof(*sorted));

	for (size_t i = 0; i < names.count; i++)
		sorted[i] = names.items[i];
	qsort(sorted, names.count, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < names.count;) {
		const char *name = sorted[i];
		size_t run = 1;

		if (i && follows(sorted[i - 1], name, 0))
			strbuf_addf(out, ",%s", name + number_at(name));
		else
			strbuf_addf(out, "%s%s", i ? " " : "", name);
		while (i + run < names.count && follows(name, sorted[i + run], (long)run))
			run++;
		if (run > 2)
			strbuf_addf(out, "..%s", sorted[i + run - 1] + number_at(name));
		else
			run = 1;
		i += run;
	}
	free(sorted);
}

void detail_text(struct strbuf *out, const char *label, const char *value)
{
	/* Neither may hold a tab or newline of its own, else it could pretend to be other lines. */
	if (!*value)
		return;
	text_clean(out, label, strlen(label));
	strbuf_addch(out, '\t');
	text_clean(out, value, strlen(value));
	strbuf_addch(out, '\n');
}

void detail_lines_of(struct strbuf *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = xstrndup(text, len);

		detail_text(out, "", line);
		free(line);
		text += len;
		text += *text == '\n';
	}
}

void detail_fmt(struct strbuf *out, const char *label, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	detail_text(out, label, text.buf);
	strbuf_release(&text);
}

void detail_list(struct strbuf *out, const char *label, struct text_list list)
{
	for (size_t i = 0; i < list.count; i++)
		detail_text(out, i ? "" : label, list.items[i]);
}

void detail_since(struct strbuf *out, const char *label, int64_t wall_ms)
{
	char time[CLOCK_TEXT_BYTES], age[TEXT_AGE_BYTES];

	if (wall_ms)
		strbuf_addf(out, "%s\t%s (%s)\n", label, clock_rfc3339(wall_ms, time),
			    text_age(clock_wall_ms() - wall_ms, age));
}

void detail_heading(struct strbuf *out, const char *heading)
{
	strbuf_addf(out, "\n%s\n", heading);
}

void json_add_list(struct json *into, const char *name, struct text_list list)
{
	struct json *array = json_add_array(into, name);

	for (size_t i = 0; i < list.count; i++)
		json_add_str(array, NULL, list.items[i]);
}

void json_add_time(struct json *into, const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT_BYTES];

	json_add_str(into, name, wall_ms ? clock_rfc3339(wall_ms, text) : NULL);
}

void json_add_count(struct json *into, const char *name, int64_t count)
{
	if (count < 0)
		json_add_null(into, name);
	else
		json_add_int(into, name, count);
}

void json_add_text(struct json *into, const char *name, const char *text)
{
	json_add_str(into, name, *text ? text : NULL);
}

void summary_add(struct strbuf *out, size_t count, const char *word)
{
	if (count)
		strbuf_addf(out, "%s%zu %s", out->len ? "  " : "", count, word);
}
