/*
 * A theme is a table: one style per role, one color per depth in it. Files are read line by line
 * into the table; what a file does not say keeps the value of the theme it inherits from.
 */
#include "binnacle/tui/theme.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/err.h"
#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strmap.h"
#include "binnacle/base/text.h"
#include "builtin_themes.h"

#define INHERIT_DEPTH_MAX 4

enum color_kind { COLOR_UNSET, COLOR_DEFAULT, COLOR_INDEX, COLOR_RGB };

struct color {
	enum color_kind kind;
	uint32_t value;
};

enum slot { SLOT_TRUE, SLOT_256, SLOT_16, SLOT_COUNT };

struct colors {
	struct color at[SLOT_COUNT];
};

struct style {
	bool own; /* said by the file itself, not inherited */
	bool set;
	struct colors fg, bg;
	unsigned attrs;
};

enum background { BACKGROUND_ANY, BACKGROUND_DARK, BACKGROUND_LIGHT };

struct theme {
	char *name;
	enum background background;
	struct style styles[ROLE_COUNT];
};

/* What a file is read with. */
struct reader {
	struct theme *theme;
	const char *path;
	const char *const *dirs;
	struct strbuf *problems;
	struct strmap palette; /* name -> struct colors, owned */
	int depth, line;
	size_t faults;
};

static const char *const role_names[] = {
#define ROLE_NAME(id, name) name,
	ROLE_LIST(ROLE_NAME)
#undef ROLE_NAME
};
_Static_assert(COUNT_OF(role_names) == ROLE_COUNT, "ORDER ROLE");
_Static_assert(ROLE_STATE_FAILED - ROLE_STATE_NONE == STATE_FAILED - STATE_NONE, "ORDER STATE");

static const char *const basic_names[] = { "black", "red",     "green", "yellow",
					   "blue",  "magenta", "cyan",  "white" };
static const char *const attr_names[] = { "bold", "dim", "underline", "reverse" };

enum role role_of_state(enum row_state state)
{
	assert((unsigned)state < STATE_COUNT);
	return (enum role)(ROLE_STATE_NONE + (int)state);
}

const char *role_name(enum role role)
{
	return role < ROLE_COUNT ? role_names[role] : "none";
}

static bool role_find(const char *name, enum role *out)
{
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		if (strcmp(role_names[i], name) == 0) {
			*out = (enum role)i;
			return true;
		}
	}
	return false;
}

/* The colors of an index in the common palette of 256. */
static uint32_t rgb_of_index(unsigned index)
{
	static const uint32_t first[] = { 0x000000, 0xcd3131, 0x0dbc79, 0xd7a520,
					  0x3b78d8, 0xbc3fbc, 0x11a8cd, 0xd0d0d0,
					  0x666666, 0xf14c4c, 0x23d18b, 0xf5f543,
					  0x5c9dff, 0xd670d6, 0x29b8db, 0xffffff };
	static const uint32_t steps[] = { 0, 95, 135, 175, 215, 255 };
	uint32_t gray;

	if (index < 16)
		return first[index];
	if (index < 232) {
		index -= 16;
		return steps[index / 36] << 16 | steps[index / 6 % 6] << 8 | steps[index % 6];
	}
	gray = 8 + (index - 232) * 10;
	return gray << 16 | gray << 8 | gray;
}

static int channel(uint32_t rgb, int shift)
{
	return (int)(rgb >> shift & 0xff);
}

/* The 16 first entries differ from terminal to terminal: only the fixed 240 are candidates. */
static unsigned nearest_256(uint32_t rgb)
{
	unsigned best = 16;
	int best_distance = 1 << 30;

	for (unsigned i = 16; i < 256; i++) {
		uint32_t other = rgb_of_index(i);
		int distance = 0;

		for (int shift = 0; shift <= 16; shift += 8) {
			int d = channel(rgb, shift) - channel(other, shift);

			distance += d * d;
		}
		if (distance < best_distance) {
			best_distance = distance;
			best = i;
		}
	}
	return best;
}

/* By hue, so that a pale red stays red. */
static unsigned nearest_16(uint32_t rgb)
{
	int r = channel(rgb, 16), g = channel(rgb, 8), b = channel(rgb, 0);
	int high = r > g ? (r > b ? r : b) : (g > b ? g : b);
	int low = r < g ? (r < b ? r : b) : (g < b ? g : b);
	int middle = (high + low) / 2;
	unsigned index;

	if (high - low < 40)
		return high > 200 ? 15 : high > 110 ? 7 : high > 50 ? 8 : 0;
	index = (r > middle ? 1u : 0) | (g > middle ? 2u : 0) | (b > middle ? 4u : 0);
	return high > 220 ? index + 8 : index;
}

static struct color derive(struct color from, enum slot slot)
{
	struct color out = { COLOR_INDEX, 0 };

	if (from.kind == COLOR_RGB)
		out.value = slot == SLOT_256 ? nearest_256(from.value) : nearest_16(from.value);
	else if (from.kind == COLOR_INDEX && from.value >= 16 && slot == SLOT_16)
		out.value = nearest_16(rgb_of_index(from.value));
	else
		return from;
	return out;
}

static bool parse_basic(const char *text, struct color *out)
{
	unsigned bright = 0;

	if (text_starts_with(text, "bright-")) {
		bright = 8;
		text += strlen("bright-");
	}
	for (unsigned i = 0; i < COUNT_OF(basic_names); i++) {
		if (strcmp(text, basic_names[i]) == 0) {
			*out = (struct color){ COLOR_INDEX, i + bright };
			return true;
		}
	}
	return false;
}

static bool is_hex_color(const char *text)
{
	return text[0] == '#' && strspn(text + 1, "0123456789abcdefABCDEF") == 6;
}

static bool parse_step(const char *text, struct color *out)
{
	int64_t number;

	if (strcmp(text, "default") == 0)
		*out = (struct color){ COLOR_DEFAULT, 0 };
	else if (is_hex_color(text) && text[7] == '\0')
		*out = (struct color){ COLOR_RGB, (uint32_t)strtoul(text + 1, NULL, 16) };
	else if (text_parse_int(text, 0, 255, &number))
		*out = (struct color){ COLOR_INDEX, (uint32_t)number };
	else
		return parse_basic(text, out);
	return true;
}

/* "NAME" of the palette, or one to three steps joined by `/`. */
static bool parse_colors(const struct reader *reader, const char *text, struct colors *out)
{
	const struct colors *named = strmap_get(&reader->palette, text);
	int slot = 0;

	if (named) {
		*out = *named;
		return true;
	}
	for (const char *p = text; slot < SLOT_COUNT; slot++) {
		size_t len = strcspn(p, "/");
		char *step = xstrndup(p, len);
		bool ok = parse_step(step, &out->at[slot]);

		free(step);
		if (!ok)
			return false;
		p += len;
		if (*p == '\0') {
			slot++;
			break;
		}
		if (slot == SLOT_COUNT - 1)
			return false;
		p++;
	}
	for (; slot < SLOT_COUNT; slot++)
		out->at[slot] = derive(out->at[slot - 1], (enum slot)slot);
	/* The coarse step is best derived from the finest that is given. */
	if (!strchr(text, '/'))
		out->at[SLOT_16] = derive(out->at[SLOT_TRUE], SLOT_16);
	return true;
}

PRINTF_LIKE(2, 3)
static void problem(struct reader *reader, const char *fmt, ...)
{
	va_list args;

	reader->faults++;
	if (!reader->problems)
		return;
	strbuf_addf(reader->problems, "%s:%d: ", reader->path, reader->line);
	va_start(args, fmt);
	strbuf_vaddf(reader->problems, fmt, args);
	va_end(args);
	strbuf_addch(reader->problems, '\n');
}

static bool parse_attr(const char *word, unsigned *attrs)
{
	for (unsigned i = 0; i < COUNT_OF(attr_names); i++) {
		if (strcmp(word, attr_names[i]) == 0) {
			*attrs |= 1u << i;
			return true;
		}
	}
	return false;
}

/* Cut the next word off; NULL at the end. */
static char *next_word(char **text)
{
	char *word = *text + strspn(*text, " \t");
	size_t len = strcspn(word, " \t");

	*text = word + len;
	if (len == 0)
		return NULL;
	if (word[len] != '\0')
		*(*text)++ = '\0';
	return word;
}

/* "FG [on BG] [attr ...]", or attributes alone. */
static void read_style(struct reader *reader, enum role role, char *value)
{
	struct style style = { .own = true, .set = true };
	struct colors *next = &style.fg;
	bool has_fg = false;

	for (char *word = next_word(&value); word; word = next_word(&value)) {
		struct colors colors = { 0 };

		if (strcmp(word, "on") == 0) {
			next = &style.bg;
		} else if (parse_attr(word, &style.attrs)) {
			continue;
		} else if (parse_colors(reader, word, &colors) && next) {
			has_fg = true;
			*next = colors;
			next = NULL;
		} else {
			problem(reader, "unknown color or attribute \"%s\"", word);
			return;
		}
	}
	if (!has_fg && style.attrs == 0) {
		problem(reader, "%s has neither a color nor an attribute", role_name(role));
		return;
	}
	reader->theme->styles[role] = style;
}

static void theme_read(struct reader *reader, const char *text);
static bool load_into(struct reader *from, struct theme *theme, const char *name);

static void inherit(struct reader *reader, const char *name)
{
	char *own_name;

	if (reader->depth >= INHERIT_DEPTH_MAX) {
		problem(reader, "inherit: more than %d themes in a row", INHERIT_DEPTH_MAX);
		return;
	}
	own_name = xstrdup(reader->theme->name);
	if (!load_into(reader, reader->theme, name))
		problem(reader, "inherit: there is no theme \"%s\"", name);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		reader->theme->styles[i].own = false;
	free(reader->theme->name);
	reader->theme->name = own_name;
}

static void read_head(struct reader *reader, const char *key, const char *value)
{
	struct theme *theme = reader->theme;

	if (strcmp(key, "name") == 0) {
		free(theme->name);
		theme->name = xstrdup(value);
	} else if (strcmp(key, "background") == 0) {
		if (strcmp(value, "dark") == 0)
			theme->background = BACKGROUND_DARK;
		else if (strcmp(value, "light") == 0)
			theme->background = BACKGROUND_LIGHT;
		else if (strcmp(value, "any") == 0)
			theme->background = BACKGROUND_ANY;
		else
			problem(reader, "background is \"%s\", not dark, light or any", value);
	} else if (strcmp(key, "inherit") == 0) {
		enum background background = theme->background;

		inherit(reader, value);
		if (background != BACKGROUND_ANY)
			theme->background = background;
	} else {
		problem(reader, "unknown setting \"%s\"", key);
	}
}

/* A comment begins at the line's start or after a blank; `#rrggbb` is a color. */
static void cut_comment(char *line)
{
	for (char *p = line; *p; p++) {
		bool may_begin = p == line || isblank((unsigned char)p[-1]);

		if (*p == '#' && may_begin && !(p != line && is_hex_color(p))) {
			*p = '\0';
			return;
		}
	}
}

/* "a / b" is "a/b". */
static void join_steps(char *value)
{
	char *out = value;

	for (char *p = value; *p; p++) {
		if (*p == '/') {
			while (out > value && isblank((unsigned char)out[-1]))
				out--;
			*out++ = '/';
			while (isblank((unsigned char)p[1]))
				p++;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
}

static void read_item(struct reader *reader, const char *section, char *line)
{
	char *equals = strchr(line, '=');
	struct strbuf key = STRBUF_INIT, value = STRBUF_INIT;
	enum role role;

	if (!equals) {
		problem(reader, "expected NAME = VALUE");
		return;
	}
	strbuf_add(&key, line, (size_t)(equals - line));
	strbuf_addstr(&value, equals + 1);
	strbuf_trim(&key);
	strbuf_trim(&value);
	if (section[0] == '\0') {
		read_head(reader, key.buf, value.buf);
	} else if (strcmp(section, "palette") == 0) {
		struct colors colors = { 0 };

		join_steps(value.buf);
		if (parse_colors(reader, value.buf, &colors)) {
			struct colors *kept = xmalloc(sizeof(*kept));

			*kept = colors;
			free(strmap_put(&reader->palette, key.buf, kept));
		} else {
			problem(reader, "unknown color \"%s\"", value.buf);
		}
	} else if (!role_find(key.buf, &role)) {
		problem(reader, "unknown role \"%s\"", key.buf);
	} else if (value.len > 0) {
		join_steps(value.buf);
		read_style(reader, role, value.buf);
	} else {
		problem(reader, "%s has no value", key.buf);
	}
	strbuf_release(&key);
	strbuf_release(&value);
}

static void theme_read(struct reader *reader, const char *text)
{
	char *copy = xstrdup(text), section[16] = "";
	char *p = copy;

	while (p) {
		char *end = strchr(p, '\n');
		char *line = p;

		if (end)
			*end = '\0';
		p = end ? end + 1 : NULL;
		reader->line++;
		cut_comment(line);
		line += strspn(line, " \t\r");
		line[strcspn(line, "\r")] = '\0';
		if (*line == '\0')
			continue;
		if (*line == '[') {
			snprintf(section, sizeof(section), "%.*s", (int)strcspn(line + 1, "]"),
				 line + 1);
			if (strcmp(section, "palette") != 0 && strcmp(section, "roles") != 0)
				problem(reader, "unknown section [%s]", section);
			continue;
		}
		read_item(reader, section, line);
	}
	free(copy);
	for (size_t i = 0; i < reader->palette.count; i++)
		free(reader->palette.entries[i].value);
	strmap_release(&reader->palette);
}

static void read_into(struct theme *theme, const char *text, const char *path, struct reader *from)
{
	struct reader reader = { .theme = theme,
				 .path = path,
				 .dirs = from->dirs,
				 .problems = from->problems,
				 .palette = STRMAP_INIT,
				 .depth = from->depth + 1 };

	theme_read(&reader, text);
	from->faults += reader.faults;
}

static bool load_into(struct reader *from, struct theme *theme, const char *name)
{
	struct strbuf text = STRBUF_INIT;
	bool found = false;

	/* A name is no path: it came from a configuration or from another file. */
	if (strchr(name, '/') || name[0] == '.')
		return false;
	for (const char *const *dir = from->dirs; dir && *dir && !found; dir++) {
		char *path = xasprintf("%s/%s.theme", *dir, name);
		struct err err;

		if (file_read(path, LIMIT_CONFIG_FILE, &text, &err)) {
			read_into(theme, text.buf, path, from);
			found = true;
		}
		free(path);
	}
	for (size_t i = 0; i < COUNT_OF(builtin_themes) && !found; i++) {
		if (strcmp(builtin_themes[i].name, name) == 0) {
			read_into(theme, builtin_themes[i].text, name, from);
			found = true;
		}
	}
	strbuf_release(&text);
	return found;
}

static struct theme *theme_new(const char *name)
{
	struct theme *theme = xcalloc(1, sizeof(*theme));

	theme->name = xstrdup(name);
	return theme;
}

struct theme *theme_load(const char *name, const char *const *dirs, struct strbuf *problems)
{
	struct theme *theme = theme_new(name);
	/* What a file leaves out without naming a parent looks as in `terminal`. */
	struct reader builtin = { .problems = problems };
	struct reader reader = { .dirs = dirs, .problems = problems };
	bool found = load_into(&builtin, theme, "terminal");

	assert(found);
	if (strcmp(name, "terminal") != 0 || dirs)
		found = load_into(&reader, theme, name);
	if (!found && problems && strcmp(name, "terminal") != 0)
		strbuf_addf(problems, "there is no theme \"%s\"; using terminal\n", name);
	return theme;
}

void theme_free(struct theme *theme)
{
	if (!theme)
		return;
	free(theme->name);
	free(theme);
}

const char *theme_name(const struct theme *theme)
{
	return theme->name;
}

static int color_at(const struct color *color, enum color_depth depth, unsigned *attrs)
{
	switch (color->kind) {
	case COLOR_UNSET:
	case COLOR_DEFAULT:
		return LOOK_DEFAULT;
	case COLOR_RGB:
		return (int)(color->value | LOOK_RGB);
	case COLOR_INDEX:
		break;
	}
	if (depth == DEPTH_8 && color->value >= 8) {
		/* Bright black is invisible or unreadable with 8 colors. */
		if (color->value == 8)
			return LOOK_DEFAULT;
		*attrs |= LOOK_BOLD;
		return (int)color->value - 8;
	}
	return (int)color->value;
}

static void lay(const struct style *style, enum slot slot, enum color_depth depth,
		struct look *look)
{
	const struct color *fg = &style->fg.at[slot], *bg = &style->bg.at[slot];
	unsigned ignored = 0;

	if (!style->set)
		return;
	look->attrs |= style->attrs;
	if (depth == DEPTH_NONE)
		return;
	if (fg->kind != COLOR_UNSET)
		look->fg = color_at(fg, depth, &look->attrs);
	if (bg->kind != COLOR_UNSET)
		look->bg = color_at(bg, depth, &ignored);
}

struct look theme_look(const struct theme *theme, enum role role, enum role over,
		       enum color_depth depth)
{
	struct look look = { LOOK_DEFAULT, LOOK_DEFAULT, 0 };
	enum slot slot = depth == DEPTH_TRUE ? SLOT_TRUE : depth == DEPTH_256 ? SLOT_256 : SLOT_16;

	lay(&theme->styles[ROLE_TEXT], slot, depth, &look);
	if (role != ROLE_TEXT && role != ROLE_NONE)
		lay(&theme->styles[role], slot, depth, &look);
	if (over != ROLE_NONE)
		lay(&theme->styles[over], slot, depth, &look);
	return look;
}

uint32_t theme_rgb(const struct theme *theme, int color, bool is_background)
{
	bool light = theme->background == BACKGROUND_LIGHT;

	if (color == LOOK_DEFAULT)
		return is_background == light ? 0xf7f7f4 : 0x15191e;
	if (color & LOOK_RGB)
		return (uint32_t)color & 0xffffff;
	return rgb_of_index((unsigned)color);
}

/* Relative luminance and contrast as WCAG 2.1 defines them. */
static double luminance(uint32_t rgb)
{
	static const double weights[] = { 0.0722, 0.7152, 0.2126 };
	double sum = 0;

	for (int i = 0; i < 3; i++) {
		double c = channel(rgb, i * 8) / 255.0;

		sum += weights[i] * (c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
	}
	return sum;
}

static double contrast(uint32_t a, uint32_t b)
{
	double x = luminance(a), y = luminance(b);

	return x > y ? (x + 0.05) / (y + 0.05) : (y + 0.05) / (x + 0.05);
}

/* The first 16 colors and the default are the terminal's own: nobody knows them. */
static bool is_known(int color)
{
	return color != LOOK_DEFAULT && (color & LOOK_RGB || color >= 16);
}

static bool check_contrast(const struct theme *theme, struct strbuf *out)
{
	double least = text_starts_with(theme->name, "high-contrast") ? 7.0 : 4.5;
	bool ok = true;

	for (int i = 0; i < ROLE_COUNT; i++) {
		for (int depth = DEPTH_256; depth <= DEPTH_TRUE; depth++) {
			struct look look =
				theme_look(theme, (enum role)i, ROLE_NONE, (enum color_depth)depth);
			double ratio;

			if (!is_known(look.fg) || !is_known(look.bg))
				continue;
			ratio = contrast(theme_rgb(theme, look.fg, false),
					 theme_rgb(theme, look.bg, true));
			/* Frames and the rest of a bar are no text. */
			if (ratio >= least || i == ROLE_FRAME || i == ROLE_PROGRESS_TODO)
				continue;
			strbuf_addf(out, "%s: contrast %.1f:1 is below %.1f:1 (%s)\n", role_name(i),
				    ratio, least, depth == DEPTH_256 ? "256 colors" : "truecolor");
			ok = false;
		}
	}
	return ok;
}

static bool look_alike(const struct theme *theme, enum role a, enum role b, enum color_depth depth)
{
	struct look x = theme_look(theme, a, ROLE_NONE, depth);
	struct look y = theme_look(theme, b, ROLE_NONE, depth);

	return x.fg == y.fg && x.bg == y.bg && x.attrs == y.attrs;
}

/* Good, attention and bad must differ; the words tell the others apart. */
static bool check_states(const struct theme *theme, struct strbuf *out)
{
	static const enum role apart[][2] = {
		{ ROLE_STATE_PASS, ROLE_STATE_WARN },   { ROLE_STATE_PASS, ROLE_STATE_CRIT },
		{ ROLE_STATE_WARN, ROLE_STATE_CRIT },   { ROLE_STATE_PASS, ROLE_STATE_STALE },
		{ ROLE_STATE_PASS, ROLE_STATE_FAILED }, { ROLE_DIFF_ADD, ROLE_DIFF_DEL },
	};
	bool ok = true;

	for (size_t i = 0; i < COUNT_OF(apart); i++) {
		for (int depth = DEPTH_NONE; depth <= DEPTH_TRUE; depth++) {
			/* Without colors only mono has attributes for all. */
			bool fault = depth != DEPTH_NONE;

			if (!look_alike(theme, apart[i][0], apart[i][1], (enum color_depth)depth))
				continue;
			if (!fault)
				continue;
			strbuf_addf(out, "%s and %s look alike at depth %d\n",
				    role_name(apart[i][0]), role_name(apart[i][1]), depth);
			ok = false;
			break;
		}
	}
	return ok;
}

static bool check_vanishing(const struct theme *theme, struct strbuf *out)
{
	bool ok = true;

	for (int i = 0; i < ROLE_COUNT; i++) {
		struct look look = theme_look(theme, (enum role)i, ROLE_NONE, DEPTH_8);

		if (look.fg == LOOK_DEFAULT || look.fg != look.bg)
			continue;
		strbuf_addf(out, "%s vanishes with 8 colors\n", role_name((enum role)i));
		ok = false;
	}
	return ok;
}

bool theme_check(const char *path, const char *const *dirs, struct strbuf *out)
{
	struct theme *theme = theme_new(file_basename(path));
	struct strbuf text = STRBUF_INIT;
	struct reader from = { .dirs = dirs, .problems = out };
	struct err err;
	bool ok;

	if (!file_read(path, LIMIT_CONFIG_FILE, &text, &err)) {
		strbuf_addf(out, "%s\n", err.msg);
		ok = false;
		goto out;
	}
	read_into(theme, text.buf, path, &from);
	ok = from.faults == 0;
	for (int i = 0; i < ROLE_COUNT; i++) {
		if (theme->styles[i].set)
			continue;
		strbuf_addf(out, "%s is set neither here nor in an inherited theme\n",
			    role_name((enum role)i));
		ok = false;
	}
	ok &= check_contrast(theme, out);
	ok &= check_states(theme, out);
	ok &= check_vanishing(theme, out);
out:
	strbuf_release(&text);
	theme_free(theme);
	return ok;
}
