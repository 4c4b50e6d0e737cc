/* What the console promises whatever is on the screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/tui/keymap.h"
#include "../../src/tui/keys.h"
#include "../../src/tui/internal.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/command/command.h"
#include "support/console.h"
#include "support/model_fixture.h"

static int set_up(void **state)
{
	*state = console_new(80, 24, false, NULL);
	return 0;
}

static int tear_down(void **state)
{
	console_free(*state);
	return 0;
}

static void assert_shows(struct console *console, const char *text)
{
	if (!console_shows(console, text)) {
		char *screen = console_text(console);

		fail_msg("\"%s\" is not on the screen:\n%s", text, screen);
	}
}

/* The row with the cursor begins with its glyph. */
static void assert_cursor_on(struct console *console, const char *name)
{
	char *screen = console_text(console);
	const char *row = strstr(screen, "\xe2\x80\xba");

	if (!row || strncmp(row + 4, name, strlen(name)) != 0)
		fail_msg("the cursor is not on %s:\n%s", name, screen);
	free(screen);
}

/* The largest question there is: many targets with long names, much that is left out, a name to
 * type. */
static bool plan_sweep(struct command_call *call, struct err *err)
{
	static const struct step_kind kind = { .name = "test-sweep",
					       .confirm = PLAN_CONFIRM_TYPED };
	struct plan *plan = plan_new("sweep");
	struct strbuf batch = STRBUF_INIT;

	(void)err;
	strbuf_addstr(&batch, "binnacle --batch sweep");
	for (int i = 0; i < 40; i++) {
		char id[80];
		struct plan_target *target;

		snprintf(id, sizeof(id), "%064d", i);
		strbuf_addf(&batch, " %s", id);
		target = plan_add_target(plan, "endpoint", id, id);
		plan_set(&target->group, "W708-ATMQZLPR-1");
		plan_set(&target->warning, "no Docker of its node bears witness, only your word");
		plan_add_step(target, &kind, json_new_object(), "sweep it");
	}
	for (int i = 0; i < 5; i++)
		plan_skip(
			plan,
			"address 10.233.61.%d stays: Docker's record of nginx-test-2 has it. Since "
			"W708-ATMQZLPR-2 is gone, on any other host where no container of any "
			"state "
			"is called nginx-test-2: docker network disconnect -f calico nginx-test-2, "
			"\xc3\xa9t\xc3\xa9",
			i);
	plan_set(&plan->title, "Treat node W708-ATMQZLPR-1 as gone for good?");
	plan_set(&plan->operation,
		 "delete what it left in the Calico datastore, one after another: endpoints with "
		 "their addresses, claims on blocks, its keys");
	plan_set(&plan->effect, "40 endpoints, 40 addresses, 3 blocks. Docker of W708-ATMQZLPR-1 "
				"does not answer");
	plan_set(&plan->undo, "undo puts back what was saved, where nothing else stands there");
	plan_set(&plan->comes_back, "when calico/node starts there again");
	plan_set(&plan->button, "Remove 40");
	plan_set(&plan->typed, "W708-ATMQZLPR-1");
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	command_propose(call, plan);
	return true;
}

static void the_largest_question_can_be_answered_on_a_small_screen(void **state)
{
	static const struct command sweep = {
		.verb = "sweep", .summary = "", .table = -1, .plan = plan_sweep
	};
	struct console *console = *state;

	command_register(&sweep, 1);
	tui_run(console->tui, "sweep");
	console_keys(console, "wait wait");
	assert_shows(console, "Type W708-ATMQZLPR-1 to confirm");
	assert_shows(console, "binnacle --batch sweep ...");
	assert_shows(console, "Skipped");
	assert_shows(console, "2 more");
	assert_shows(console, "address 10.233.61.2 stays: Docker's record of");
	assert_false(console_shows(console, "docker network disconnect"));
	assert_shows(console, "(locked)");
	console_keys(console, "W 7 0 8 - A T M Q Z L P R - 1 wait");
	assert_false(console_shows(console, "(locked)"));
	console_keys(console, "Esc");
}

static void the_cursor_stays_on_its_row_when_rows_come_above_it(void **state)
{
	struct console *console = *state;

	console_keys(console, "j j j");
	assert_cursor_on(console, "report");
	model_fixture_services(console->model, 3, NULL, false);
	assert_cursor_on(console, "report");
	model_fixture_services(console->model, 0, "web", false);
	assert_cursor_on(console, "report");
}

static void when_its_row_disappears_the_cursor_stays_in_place(void **state)
{
	struct console *console = *state;

	console_keys(console, "j");
	assert_cursor_on(console, "cart");
	model_fixture_services(console->model, 0, "cart", false);
	assert_cursor_on(console, "maps");
}

static void marks_are_identities_and_end_with_their_row(void **state)
{
	struct console *console = *state;

	console_keys(console, "Space Space");
	assert_shows(console, "marked 2");
	model_fixture_services(console->model, 5, NULL, false);
	assert_shows(console, "marked 2");
	console_keys(console, "1 2");
	assert_shows(console, "marked 2");
	model_fixture_services(console->model, 0, "cart", false);
	assert_shows(console, "marked 1");
	console_keys(console, "u");
	assert_false(console_shows(console, "marked"));
}

static void marked_rows_under_a_filter_are_counted_in_the_question(void **state)
{
	struct console *console = *state;

	console_keys(console, "Space Space Space / w e b Enter D");
	assert_shows(console, "2 of 3 are hidden by the filter");
	assert_shows(console, "Retire 3 service");
}

static void enter_on_a_fresh_question_cancels(void **state)
{
	struct console *console = *state;

	console_keys(console, "D wait");
	assert_shows(console, "[ Cancel ]");
	console_keys(console, "Enter");
	assert_false(console_shows(console, "[ Cancel ]"));
	assert_int_equal(console_applied(), 0);
}

static void y_confirms_and_the_step_is_applied(void **state)
{
	struct console *console = *state;

	console_keys(console, "D wait y");
	console_turn(console);
	assert_int_equal(console_applied(), 1);
}

static void keys_typed_before_the_question_stood_there_do_not_reach_it(void **state)
{
	struct console *console = *state;

	tui_feed_text(console->tui, "Dy\ny");
	console_turn(console);
	console_keys(console, "y y Enter");
	assert_shows(console, "[ Cancel ]");
	assert_int_equal(console_applied(), 0);
	console_keys(console, "wait Enter");
	assert_int_equal(console_applied(), 0);
	assert_false(console_shows(console, "[ Cancel ]"));
}

static void a_typed_question_opens_only_to_its_answer(void **state)
{
	struct console *console = *state;

	console_keys(console, "5 Space Space D wait y Enter");
	assert_int_equal(console_applied(), 0);
	console_keys(console, "D wait 3 Enter");
	assert_int_equal(console_applied(), 0);
	console_keys(console, "D wait");
	assert_shows(console, "(locked)");
	console_keys(console, "2");
	if (console_shows(console, "(locked)"))
		fputs(console_text(console), stderr);
	console_keys(console, "Enter");
	console_turn(console);
	assert_int_equal(console_applied(), 2);
}

static void a_typed_answer_cannot_be_pasted(void **state)
{
	struct console *console = *state;

	console_keys(console, "5 Space Space D wait");
	tui_feed_paste(console->tui, "2");
	assert_shows(console, "(locked)");
	assert_shows(console, "paste refused: 1 bytes");
}

static void a_paste_of_all_action_keys_does_nothing(void **state)
{
	static const char *const places[] = { "1", "2", "3", "4", "5", "b", "@", "?" };
	struct console *console = *state;

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		console_keys(console, "0");
		console_keys(console, places[i]);
		tui_feed_paste(console->tui, "ARCLUIDXKMyyyy\n\nq");
		console_turn(console);
		assert_shows(console, "paste ignored: 17 bytes");
		/* The same without bracketed paste: a burst that nobody types. */
		tui_feed_text(console->tui, "ARCLUIDXKMyyyy");
		console_turn(console);
		assert_shows(console, "paste ignored: 14 keys");
		assert_false(console_shows(console, "[ Cancel ]"));
		console_keys(console, "wait5");
	}
	assert_int_equal(console_applied(), 0);
}

static void a_paste_into_the_palette_is_text_and_waits_for_enter(void **state)
{
	struct console *console = *state;

	console_keys(console, ":");
	tui_feed_paste(console->tui, "retire\nx");
	assert_shows(console, ":retire x");
	assert_int_equal(console_applied(), 0);
}

static void a_question_that_does_not_fit_is_refused(void **state)
{
	struct console *console = *state;

	tui_resize(console->tui, 59, 15);
	console_turn(console);
	console_keys(console, "D wait y");
	assert_int_equal(console_applied(), 0);
	tui_resize(console->tui, 80, 24);
	assert_false(console_shows(console, "[ Cancel ]"));
}

static void a_read_only_console_asks_nothing(void **state)
{
	struct console *console = *state;

	console->env.read_only = true;
	console_keys(console, "D wait");
	assert_shows(console, "refused: this console is read-only");
	assert_shows(console, "[READ-ONLY]");
}

static void no_key_but_a_capital_or_f8_f9_changes_anything(void **state)
{
	struct keymap *keymap = keymap_new();
	static const char *const places[] = { "members list",   "services list",  "events list",
					      "renders list",   "endpoints list", "jobs list",
					      "instances list", "diff text",      "log text" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		for (key_code key = 1; key <= KEY_CODE_F12;
		     key = key == 0x7e ? KEY_SPECIAL : key + 1) {
			const struct key_binding *binding = keymap_find(keymap, places[i], key);
			const struct command *command =
				binding ? tui_command_of(binding->command) : NULL;
			bool capital = key >= 'A' && key <= 'Z';
			char name[KEY_NAME_BYTES];

			if (!command || !command_changes(command) || capital ||
			    key == KEY_CODE_F1 + 7 || key == KEY_CODE_F1 + 8)
				continue;
			fail_msg("%s runs \"%s\" in %s", key_label(key, name), binding->command,
				 places[i]);
		}
	}
	keymap_free(keymap);
}

static void every_bound_key_runs_a_command_that_exists(void **state)
{
	static const char *const places[] = { "members list",   "services list",   "events list",
					      "renders list",   "endpoints list",  "jobs list",
					      "instances list", "containers list", "diff text",
					      "log text",       "detail text" };
	struct keymap *keymap = keymap_new();
	const struct key_binding *binding;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(places); i++)
		for (size_t index = 0; keymap_next(keymap, places[i], &index, &binding);)
			if (!tui_command_of(binding->command))
				fail_msg("%s: there is no command \"%s\"", binding->key,
					 binding->command);
	keymap_free(keymap);
}

static void a_lower_case_key_gets_no_changing_command(void **state)
{
	struct keymap *keymap = keymap_new();
	struct err err;

	(void)state;
	assert_false(keymap_bind(keymap, "services", "d", "deregister", false, &err));
	assert_int_equal(err.code, ERR_REFUSED);
	assert_true(keymap_bind(keymap, "services", "d", "deregister", true, &err));
	assert_true(keymap_bind(keymap, "services", "Z", "deregister", false, &err));
	assert_false(keymap_bind(keymap, "services", "Z", "frobnicate", false, &err));
	assert_false(keymap_bind(keymap, "services", "Hyper-q", "open", false, &err));
	keymap_free(keymap);
}

static void key_names_can_be_read_back(void **state)
{
	(void)state;
	for (key_code key = 1; key < KEY_CODE_UNKNOWN; key = key == 0x7e   ? 0xe9
							     : key == 0xe9 ? KEY_SPECIAL
									   : key + 1) {
		char name[KEY_NAME_BYTES];
		key_code back;

		assert_true(key_parse(key_label(key, name), &back));
		if (key != '\n') /* Enter has one name */
			assert_int_equal(back, key);
	}
}

static void an_unknown_key_says_so(void **state)
{
	console_keys(*state, "K");
	assert_shows(*state, "no action for K here, ? lists keys");
}

static void esc_goes_back_one_step_at_a_time_and_never_further_than_the_overview(void **state)
{
	struct console *console = *state;

	console_keys(console, "z / w e b Enter Enter");
	assert_shows(console, "Services > web");
	console_keys(console, "Esc");
	assert_shows(console, "filter: web");
	console_keys(console, "Esc");
	assert_false(console_shows(console, "filter: web"));
	assert_shows(console, "(zoom)");
	console_keys(console, "Esc");
	assert_false(console_shows(console, "(zoom)"));
	console_keys(console, "Esc Esc");
	assert_shows(console, "2 Services");
}

static void esc_in_the_filter_brings_back_the_one_before(void **state)
{
	struct console *console = *state;

	console_keys(console, "/ w e b Enter / Backspace Backspace Backspace a p i");
	assert_shows(console, "filter: api");
	console_keys(console, "Esc");
	assert_shows(console, "filter: web");
}

static void a_broken_filter_keeps_the_last_good_result(void **state)
{
	struct console *console = *state;

	console_keys(console, "/ w e b Space \"");
	assert_shows(console, "1 of 25");
	assert_shows(console, "filter, character");
}

static void following_events_pauses_when_the_cursor_moves(void **state)
{
	struct console *console = *state;

	console_keys(console, "3 j");
	assert_shows(console, "paused, 0 new");
	console_keys(console, "f");
	assert_false(console_shows(console, "paused"));
}

static void a_source_that_is_down_leaves_the_rows_on_the_screen(void **state)
{
	struct console *console = *state;

	model_set_source(console->model, SOURCE_CONSUL, SOURCE_DOWN, "",
			 "127.0.0.1:8500: connection refused");
	console_turn(console);
	assert_shows(console, "web ");
	assert_shows(console, "3 backends DOWN");
}

static void a_detail_of_what_has_gone_keeps_what_was_known(void **state)
{
	struct console *console = *state;

	console_keys(console, "Enter");
	model_fixture_services(console->model, 0, "web", false);
	console_turn(console);
	assert_shows(console, "gone: this is what was last known");
	assert_shows(console, "Route");
}

static void no_row_is_wider_than_any_screen(void **state)
{
	static const char *const views[] = { "0", "1 z", "3",     "Enter",  "b",
					     "@", "?",   ": c l", "D wait", "5 Space Space D wait",
					     "s" };
	struct console *console;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(views); i++) {
		console = console_new(80, 24, true, NULL);
		console_keys(console, views[i]);
		for (int width = 1; width <= 210; width += width < 70 ? 1 : 13) {
			for (int height = 1; height <= 61; height += height < 30 ? 3 : 10) {
				const struct grid *grid;

				tui_resize(console->tui, width, height);
				grid = tui_grid(console->tui);
				for (int row = 0; row < height; row++) {
					int cells = 0;

					for (int col = 0; col < width; col++)
						cells += grid_cell(grid, row, col)->width;
					assert_int_equal(cells, width);
				}
			}
		}
		console_free(console);
	}
}

static void no_control_character_reaches_a_cell(void **state)
{
	static const char *const views[] = { "2 z", "2 z w", "Enter", "Enter ]", "Enter ] ]" };
	struct console *console;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(views); i++) {
		const struct grid *grid;

		console = console_new(120, 40, true, NULL);
		console_keys(console, views[i]);
		grid = tui_grid(console->tui);
		for (int k = 0; k < grid->width * grid->height; k++) {
			const char *text = grid->cells[k].text;

			for (const char *p = text; *p; p++)
				assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
			assert_true(text_is_utf8(text, strlen(text)));
			assert_null(strstr(text, "\xe2\x80\xae"));
		}
		console_free(console);
	}
}

static void without_colors_every_state_is_still_a_word(void **state)
{
	static const char *const words[] = { "CRIT",  "WARN",    "maint", "none", "pass",
					     "FAIL",  "alive",   "left",  "HELD", "PENDING",
					     "clean", "FAILED",  "STALE", "DUP",  "live",
					     "?",     "dangling" };
	struct console *console = console_new(200, 60, false, "mono");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		assert_shows(console, words[i]);
	console_free(console);
}

static void the_palette_runs_commands_of_the_screen_and_of_the_engine(void **state)
{
	struct console *console = *state;

	console_keys(console, ": r e n d e r s Enter");
	assert_shows(console, "TEMPLATE");
	console_keys(console, ": l i s t Space i n s t a n c e s Enter");
	assert_shows(console, "Instances");
	console_keys(console, ": n o p e Enter");
	assert_shows(console, "there is no command");
}

static void an_error_stays_until_a_key_and_information_goes_by_itself(void **state)
{
	struct console *console = *state;

	console_keys(console, ": n o p e Enter wait5 wait5 wait5 wait5");
	assert_shows(console, "there is no command");
	console_keys(console, "j");
	assert_false(console_shows(console, "there is no command"));
	console_keys(console, "K");
	assert_shows(console, "no action for K");
	console_keys(console, "wait5");
	assert_false(console_shows(console, "no action for K"));
}

static void an_export_holds_what_the_list_shows_and_overwrites_nothing(void **state)
{
	static const char *const formats[] = { "csv", "json", "jsonl", "txt" };
	struct console *console = *state;

	console_keys(console, "/ w e b Enter");
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		char *path = xasprintf("build/export-test.%s", formats[i]);
		char *line = xasprintf("export %s %s", formats[i], path);
		struct strbuf text = STRBUF_INIT;
		struct err err;

		remove(path);
		tui_run(console->tui, line);
		assert_shows(console, "1 rows written");
		assert_true(file_read(path, 65536, &text, &err));
		assert_non_null(strstr(text.buf, "web"));
		assert_null(strstr(text.buf, "cart"));
		tui_run(console->tui, line);
		assert_shows(console, "File exists");
		console_keys(console, "wait5");
		remove(path);
		strbuf_release(&text);
		free(path);
		free(line);
	}
}

static void undo_without_a_journal_says_so(void **state)
{
	struct console *console = *state;

	console_keys(console, "U wait5");
	assert_false(console_shows(console, "[ Cancel ]"));
	assert_shows(console, "undo");
	assert_int_equal(console_applied(), 0);
}

static void an_action_on_an_empty_list_is_not_an_action_on_everything(void **state)
{
	struct console *console = *state;

	console_keys(console, "5 / n o t h i n g Enter D wait");
	assert_shows(console, "retire: nothing is selected");
}

static void publish_addresses(struct console *console)
{
	struct snapshot *snapshot = snapshot_new(MODEL_ADDRESSES);
	struct address_row *row = snapshot_add(snapshot);

	row->id = "192.168.1.30";
	row->status = "leaked";
	row->state = STATE_STALE;
	row->why = "only endpoints that are left over have it";
	row->holder = "web.9";
	row->holder_node = "dock-1";
	row->wanted_by = "web.4";
	row->wanted_on = "dock-1";
	row->releasable = true;
	model_publish(console->model, snapshot);
}

static void addresses_open_from_the_palette_as_a_list_with_details(void **state)
{
	struct console *console = *state;

	publish_addresses(console);
	console_keys(console, ": l i s t Space a d d r e s s e s Enter");
	assert_shows(console, "192.168.1.30");
	assert_shows(console, "leaked");
	assert_shows(console, "web.9 on dock-1");
	console_keys(console, "Enter");
	assert_shows(console, "web.4 on dock-1");
	assert_shows(console, "release 192.168.1.30");
}

static void repair_in_a_list_of_addresses_is_about_the_container_that_waits(void **state)
{
	struct console *console = *state;

	publish_addresses(console);
	model_publish(console->model, snapshot_new(MODEL_POOLS));
	model_set_source(console->model, SOURCE_CALICO, SOURCE_OK, "", "");
	model_set_source(console->model, SOURCE_DOCKER, SOURCE_OK, "4/4", "");
	console_keys(console, ": l i s t Space a d d r e s s e s Enter P wait");
	/* It runs in the fixture. */
	assert_shows(console, "web.4 is running on dock-1");
	console_keys(console, "Esc D wait");
	assert_shows(console, "Give 1 address back");
}

static void an_event_leads_to_its_instance_and_its_container(void **state)
{
	struct console *console = *state;

	model_set_source(console->model, SOURCE_DOCKER, SOURCE_OK, "4/4", "");
	/* dock-4:mail.1:25 dangles. */
	console_keys(console, "3 j j j j j D wait");
	assert_shows(console, "Deregister dock-4:mail.1:25?");
	console_keys(console, "Esc g I wait");
	assert_shows(console, "web.4");
}

static void stale_endpoints_are_marked_and_asked_about_in_one_go(void **state)
{
	struct console *console = *state;

	console_keys(console, "5 X wait");
	assert_shows(console, "Retire 2 endpoint");
}

static void columns_can_be_chosen_and_the_first_one_stays(void **state)
{
	struct console *console = *state;

	assert_shows(console, "TAGS");
	console_keys(console, "c Down Down Down Down Enter");
	assert_shows(console, "[ ] TAGS");
	console_keys(console, "Esc");
	assert_false(console_shows(console, "TAGS"));
	tui_run(console->tui, "columns service");
	assert_shows(console, "to choose");
	tui_run(console->tui, "columns default");
	assert_shows(console, "TAGS");
}

static void plain_has_no_frames_and_the_cursor_on_its_row(void **state)
{
	struct tui_options options = { .plain = true, .theme = "mono" };
	struct console *console = *state;
	struct strbuf text = STRBUF_INIT;
	const struct grid *grid;
	struct tui *tui;

	tui = tui_new_headless(console->loop, &console->env, 200, 60, &options);
	tui_feed_key(tui, "j");
	grid = tui_grid(tui);
	grid_dump_text(grid, &text);
	assert_null(strstr(text.buf, "---"));
	assert_null(strstr(text.buf, "==="));
	assert_non_null(strstr(text.buf, "Services"));
	for (size_t i = 0; i < text.len; i++)
		assert_true((unsigned char)text.buf[i] < 0x80);
	assert_true(grid->cursor_row > 0);
	assert_string_equal(grid_cell(grid, grid->cursor_row, grid->cursor_col)->text, "c");
	strbuf_release(&text);
	tui_free(tui);
}

static void whatever_is_typed_in_whatever_order_breaks_nothing(void **state)
{
	static const char *const keys[] = {
		"j",    "k",    "G",    "g",   "Enter", "Esc", "Tab",       "S-Tab", "1",   "2",
		"3",    "4",    "5",    "0",   "Space", "v",   "*",         "u",     "x",   "X",
		"s",    "<",    ">",    "o",   "w",     "a",   "f",         "/",     ":",   "?",
		"b",    "@",    "z",    "+",   "_",     "-",   "i",         "t",     "]",   "[",
		"}",    "{",    "|",    ")",   "(",     "n",   "N",         "h",     "l",   "D",
		"A",    "R",    "C",    "L",   "U",     "I",   "M",         "K",     "C-d", "C-u",
		"PgDn", "PgUp", "C-c",  "C-l", "r",     "d",   "Backspace", "Up",    "q",   "y",
		"Down", "Left", "Home", "End", "Del",   "C-w", "C-r",       "web",   "~",   "\"",
	};
	uint32_t random = 42;

	(void)state;
	for (int round = 0; round < 6; round++) {
		struct console *console = console_new(80, 24, true, NULL);

		for (int i = 0; i < 1500; i++) {
			random = random * 1664525u + 1013904223u;
			if (!tui_feed_key(console->tui, keys[(random >> 16) % COUNT_OF(keys)]))
				tui_feed_text(console->tui, "web");
			if (i % 7 == 0)
				clock_fake_advance(300);
			if (i % 50 == 0)
				tui_resize(console->tui, 1 + (int)(random >> 8) % 200,
					   1 + (int)(random >> 20) % 70);
			if (i % 60 == 0)
				tui_resize(console->tui, 120, 40);
			if (i % 90 == 0)
				model_fixture_services(console->model, random >> 30, "web", true);
			if (i % 250 == 0)
				model_fixture_many(console->model, (random >> 24) % 40);
			if (i % 3 == 0)
				console_turn(console);
		}
		console_free(console);
	}
}

static void ten_thousand_rows_are_a_list_like_any_other(void **state)
{
	struct console *console = *state;

	model_fixture_many(console->model, 10000);
	console_keys(console, "z G");
	assert_shows(console, "10000/10000");
	console_keys(console, "/ n o t e s");
	assert_shows(console, "400 of 10000");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(the_cursor_stays_on_its_row_when_rows_come_above_it),
		CASE(when_its_row_disappears_the_cursor_stays_in_place),
		CASE(marks_are_identities_and_end_with_their_row),
		CASE(marked_rows_under_a_filter_are_counted_in_the_question),
		CASE(enter_on_a_fresh_question_cancels),
		CASE(y_confirms_and_the_step_is_applied),
		CASE(keys_typed_before_the_question_stood_there_do_not_reach_it),
		CASE(a_typed_question_opens_only_to_its_answer),
		CASE(a_typed_answer_cannot_be_pasted),
		CASE(a_paste_of_all_action_keys_does_nothing),
		CASE(a_paste_into_the_palette_is_text_and_waits_for_enter),
		CASE(a_question_that_does_not_fit_is_refused),
		CASE(a_read_only_console_asks_nothing),
		CASE(no_key_but_a_capital_or_f8_f9_changes_anything),
		CASE(every_bound_key_runs_a_command_that_exists),
		CASE(a_lower_case_key_gets_no_changing_command),
		CASE(key_names_can_be_read_back),
		CASE(an_unknown_key_says_so),
		CASE(esc_goes_back_one_step_at_a_time_and_never_further_than_the_overview),
		CASE(esc_in_the_filter_brings_back_the_one_before),
		CASE(a_broken_filter_keeps_the_last_good_result),
		CASE(following_events_pauses_when_the_cursor_moves),
		CASE(a_source_that_is_down_leaves_the_rows_on_the_screen),
		CASE(a_detail_of_what_has_gone_keeps_what_was_known),
		cmocka_unit_test(no_row_is_wider_than_any_screen),
		cmocka_unit_test(no_control_character_reaches_a_cell),
		cmocka_unit_test(without_colors_every_state_is_still_a_word),
		CASE(the_palette_runs_commands_of_the_screen_and_of_the_engine),
		CASE(an_error_stays_until_a_key_and_information_goes_by_itself),
		CASE(an_export_holds_what_the_list_shows_and_overwrites_nothing),
		CASE(undo_without_a_journal_says_so),
		CASE(an_action_on_an_empty_list_is_not_an_action_on_everything),
		CASE(addresses_open_from_the_palette_as_a_list_with_details),
		CASE(repair_in_a_list_of_addresses_is_about_the_container_that_waits),
		CASE(an_event_leads_to_its_instance_and_its_container),
		CASE(stale_endpoints_are_marked_and_asked_about_in_one_go),
		CASE(columns_can_be_chosen_and_the_first_one_stays),
		CASE(the_largest_question_can_be_answered_on_a_small_screen),
		CASE(plain_has_no_frames_and_the_cursor_on_its_row),
		cmocka_unit_test(whatever_is_typed_in_whatever_order_breaks_nothing),
		CASE(ten_thousand_rows_are_a_list_like_any_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
