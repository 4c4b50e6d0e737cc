/*
 * Pictures of the console: tests/screens/NAME.keys says what is typed, NAME.screen what must
 * then be on the screen. A .keys file has one item per line:
 *
 *     size 80x24        (first)
 *     hostile           the names are hostile
 *     theme NAME
 *     keys 5 Space D    names of keys; `wait` lets 300 ms pass
 *     resize 59x15
 *     diff              opens a difference
 *     waiting           the templates are one that waits for its data
 *     picture           make screenshots draws it
 *     # comment
 *
 * UPDATE_SCREENS=1 writes the pictures instead of comparing them: look at them before they are
 * committed. SCREENSHOTS=DIR draws those that are pictures as SVG into a folder, in the colors of
 * SCREENSHOT_THEME where the script names no theme.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "binnacle/base/file.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "support/console.h"
#include "support/model_fixture.h"

#define SCREENS "tests/screens"

struct script {
	struct console *console;
	int width, height;
	bool hostile, is_picture;
	char theme[40];
};

static void begin(struct script *script)
{
	const char *theme = *script->theme ? script->theme : getenv("SCREENSHOT_THEME");

	if (!script->console)
		script->console =
			console_new(script->width, script->height, script->hostile, theme);
}

static void obey(struct script *script, const char *path, const char *line)
{
	int width, height;

	if (sscanf(line, "size %dx%d", &width, &height) == 2) {
		script->width = width;
		script->height = height;
	} else if (strcmp(line, "hostile") == 0) {
		script->hostile = true;
	} else if (strcmp(line, "picture") == 0) {
		script->is_picture = true;
	} else if (text_starts_with(line, "theme ")) {
		snprintf(script->theme, sizeof(script->theme), "%s", line + 6);
	} else if (sscanf(line, "resize %dx%d", &width, &height) == 2) {
		begin(script);
		tui_resize(script->console->tui, width, height);
		console_turn(script->console);
	} else if (text_starts_with(line, "keys ")) {
		begin(script);
		console_keys(script->console, line + 5);
	} else if (strcmp(line, "diff") == 0) {
		begin(script);
		console_open_diff(script->console);
	} else if (strcmp(line, "waiting") == 0) {
		begin(script);
		model_fixture_waiting(script->console->model);
		console_turn(script->console);
	} else if (*line && *line != '#') {
		fail_msg("%s: what is \"%s\"?", path, line);
	}
}

static void play(struct script *script, const char *path)
{
	struct strbuf text = STRBUF_INIT;
	struct err err;

	if (!file_read(path, 65536, &text, &err))
		fail_msg("%s", err.msg);
	for (char *p = text.buf; *p;) {
		size_t len = strcspn(p, "\n");
		char *line = xstrndup(p, len);

		obey(script, path, line);
		free(line);
		p += len + (p[len] == '\n');
	}
	strbuf_release(&text);
	begin(script);
}

static void draw(struct script *script, const char *name)
{
	const char *dir = getenv("SCREENSHOTS");
	struct strbuf svg = STRBUF_INIT;
	struct file_mode mode = { .mode = 0644 };
	struct err err;
	char *path;

	if (!dir || !*dir || !script->is_picture)
		return;
	path = xasprintf("%s/%s.svg", dir, name);
	grid_dump_svg(tui_grid(script->console->tui), tui_theme(script->console->tui), name, &svg);
	if (!file_replace(path, svg.buf, svg.len, &mode, &err))
		fail_msg("%s", err.msg);
	strbuf_release(&svg);
	free(path);
}

static void assert_screen(const char *path, const char *screen)
{
	struct strbuf want = STRBUF_INIT;
	struct file_mode mode = { .mode = 0644 };
	struct err err;

	if (getenv("UPDATE_SCREENS")) {
		assert_true(file_replace(path, screen, strlen(screen), &mode, &err));
		return;
	}
	if (!file_read(path, 1u << 20, &want, &err))
		fail_msg("%s", err.msg);
	if (strcmp(want.buf, screen) != 0)
		fail_msg("%s differs; now it is:\n%s", path, screen);
	strbuf_release(&want);
}

static void assert_fits(const struct grid *grid)
{
	for (int row = 0; row < grid->height; row++) {
		int cells = 0;

		for (int col = 0; col < grid->width; col++)
			cells += grid_cell(grid, row, col)->width;
		assert_int_equal(cells, grid->width);
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void each_script_ends_in_its_picture(void **state)
{
	DIR *dir = opendir(SCREENS);
	struct dirent *entry;
	struct {
		char **items;
		size_t len, cap;
	} names = { 0 };

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (!text_ends_with(entry->d_name, ".keys"))
			continue;
		GROW(names.items, names.len, names.cap);
		names.items[names.len++] =
			xstrndup(entry->d_name, strlen(entry->d_name) - strlen(".keys"));
	}
	closedir(dir);
	assert_true(names.len > 0);
	qsort(names.items, names.len, sizeof(*names.items), compare_names);
	for (size_t i = 0; i < names.len; i++) {
		struct script script = { .width = 80, .height = 24 };
		char *keys = xasprintf(SCREENS "/%s.keys", names.items[i]);
		char *picture = xasprintf(SCREENS "/%s.screen", names.items[i]), *screen;

		play(&script, keys);
		screen = console_text(script.console);
		assert_fits(tui_grid(script.console->tui));
		draw(&script, names.items[i]);
		/* Pictures are drawn in other colors, and the name of the theme is on the screen.
		 */
		if (!getenv("SCREENSHOTS"))
			assert_screen(picture, screen);
		console_free(script.console);
		free(screen);
		free(keys);
		free(picture);
		free(names.items[i]);
	}
	free(names.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_script_ends_in_its_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
