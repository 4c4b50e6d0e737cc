#include "support/console.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/command/command.h"
#include "support/model_fixture.h"

static unsigned applied;

static bool count_apply(struct step_run *run, struct err *err)
{
	(void)err;
	applied++;
	step_finish(run, NULL, "retired");
	return true;
}

static const struct step_kind retire_step = {
	.name = "test-retire",
	.apply = count_apply,
	.confirm = PLAN_CONFIRM_YES,
	.typed_from = 2,
	.irreversible = true,
};
static const struct step_kind nap_step = {
	.name = "test-nap",
	.apply = count_apply,
	.confirm = PLAN_CONFIRM_YES,
};

static bool propose(struct command_call *call, const struct step_kind *kind, const char *what)
{
	struct plan *plan = plan_new(call->command->verb);
	const struct command_line *line = call->line;

	plan_set(&plan->title, "Retire %zu %s?", line->word_count, what);
	plan_set(&plan->operation, "count %zu %s and do nothing else", line->word_count, what);
	plan_set(&plan->effect, "a number in this program grows");
	plan_set(&plan->undo, kind->irreversible ? "none" : "wake them up");
	plan_set(&plan->comes_back, "no");
	plan_set(&plan->batch, "binnacle --batch %s --all", call->command->verb);
	plan_set(&plan->button, "Retire %zu", line->word_count);
	for (size_t i = 0; i < line->word_count; i++) {
		const struct snapshot *rows = model_current(call->env->model, MODEL_ENDPOINTS);
		const struct endpoint_row *row = snapshot_find(rows, line->words[i]);
		struct plan_target *target = plan_add_target(plan, what, line->words[i],
							     row ? row->container : line->words[i]);

		if (row) {
			plan_set(&target->group, "%s", row->node);
			plan_set(&target->evidence, "%s  %s", row->addresses.items[0], row->why);
		}
		plan_add_step(target, kind, json_new_object(), "count %s", line->words[i]);
	}
	command_propose(call, plan);
	return true;
}

static bool plan_retire(struct command_call *call, struct err *err)
{
	(void)err;
	return propose(call, &retire_step, "endpoint");
}

static bool plan_nap(struct command_call *call, struct err *err)
{
	(void)err;
	return propose(call, &nap_step, "service");
}

/* A question that shows what will be. */
static bool plan_rewrite(struct command_call *call, struct err *err)
{
	const char *name = call->line->words[0];
	struct plan *plan = plan_new(call->command->verb);
	struct plan_target *target = plan_add_target(plan, "policy", name, name);

	(void)err;
	plan_set(&plan->title, "Apply policy %s?", name);
	plan_set(&plan->operation, "write to the Calico datastore");
	plan_set(&plan->effect, "%s: selects 3 endpoints, loses 1", name);
	plan_set(&plan->undo, "undo writes back what stood there");
	plan_set(&plan->batch, "binnacle --batch policy apply -f web.yaml");
	plan_set(&plan->button, "Apply");
	plan_set(&target->evidence, "selects 3 endpoints, loses 1");
	plan_set(&target->preview, "%s",
		 "@@ -4,7 +4,8 @@ metadata:\n   name: allow-web\n spec:\n   ingress:\n"
		 "-  - action: allow\n+  - action: deny\n+    protocol: tcp\n     source: {}\n"
		 "-  selector: role == 'web'\n+  selector: role == 'edge'\n");
	plan_add_step(target, &nap_step, json_new_object(), "write policy %s", name);
	command_propose(call, plan);
	return true;
}

static const struct command test_commands[] = {
	{ .verb = "rewrite",
	  .args = "[POLICY ...]",
	  .summary = "write a policy",
	  .options = "yes",
	  .table = MODEL_POLICIES,
	  .takes_selection = true,
	  .plan = plan_rewrite },
	{ .verb = "retire",
	  .args = "[ENDPOINT ...]",
	  .summary = "retire endpoints",
	  .options = "yes",
	  .table = MODEL_ENDPOINTS,
	  .takes_selection = true,
	  .plan = plan_retire },
	{ .verb = "nap",
	  .args = "[SERVICE ...]",
	  .summary = "let services sleep",
	  .options = "yes",
	  .table = MODEL_SERVICES,
	  .takes_selection = true,
	  .plan = plan_nap },
};

struct console *console_new(int width, int height, bool hostile, const char *theme)
{
	static const struct tui_bind binds[] = { { "endpoints", "D", "retire" },
						 { "services", "D", "nap" },
						 { "policies", "A", "rewrite" } };
	static const char *const dirs[] = { "themes", NULL };
	struct tui_options options = {
		.theme = theme, .theme_dirs = dirs, .binds = binds, .bind_count = COUNT_OF(binds)
	};
	struct console *console = xcalloc(1, sizeof(*console));

	setlocale(LC_ALL, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	tzset();
	unsetenv("BINNACLE_THEME");
	clock_fake(FIXTURE_MONO_MS, FIXTURE_NOW_MS);
	applied = 0;
	console->loop = loop_new();
	console->model = model_new();
	model_fixture_fill(console->model, hostile);
	console->env.loop = console->loop;
	console->env.model = console->model;
	console->env.node = "edge-1";
	command_register(test_commands, COUNT_OF(test_commands));
	console->tui = tui_new_headless(console->loop, &console->env, width, height, &options);
	tui_grid(console->tui);
	return console;
}

void console_free(struct console *console)
{
	tui_free(console->tui);
	model_free(console->model);
	loop_free(console->loop);
	clock_real();
	free(console);
}

void console_turn(struct console *console)
{
	for (int i = 0; i < 8; i++)
		loop_turn(console->loop, 0);
	tui_grid(console->tui);
}

void console_keys(struct console *console, const char *keys)
{
	while (*keys) {
		size_t len = strcspn(keys, " ");
		char *key = xstrndup(keys, len);

		if (strcmp(key, "wait") == 0)
			clock_fake_advance(300);
		else if (strcmp(key, "wait5") == 0)
			clock_fake_advance(5000);
		else if (!tui_feed_key(console->tui, key))
			abort();
		console_turn(console);
		free(key);
		keys += len;
		keys += strspn(keys, " ");
	}
}

char *console_text(struct console *console)
{
	struct strbuf text = STRBUF_INIT;

	grid_dump_text(tui_grid(console->tui), &text);
	return strbuf_detach(&text, NULL);
}

bool console_shows(struct console *console, const char *text)
{
	char *screen = console_text(console);
	bool shows = strstr(screen, text) != NULL;

	free(screen);
	return shows;
}

unsigned console_applied(void)
{
	return applied;
}

void console_open_diff(struct console *console)
{
	static const char before[] = "upstream web {\n"
				     "  least_conn;\n"
				     "  server 192.168.1.16:8080 max_fails=3;\n"
				     "  server 192.168.2.6:8080 max_fails=3;\n"
				     "  server 192.168.3.2:8080 max_fails=3;\n"
				     "}\n"
				     "upstream api {\n"
				     "  server 192.168.3.5:9000;\n"
				     "  server 192.168.3.6:9000;\n"
				     "  server 192.168.3.7:9000;\n"
				     "  proxy_password hunter2;\n"
				     "}\n"
				     "upstream cart {\n"
				     "  server 192.168.2.31:80;\n"
				     "}\n";
	static const char after[] = "upstream web {\n"
				    "  least_conn;\n"
				    "  server 192.168.1.17:8080 max_fails=3;\n"
				    "  server 192.168.4.4:8080 max_fails=3;\n"
				    "  server 192.168.2.6:8080 max_fails=3;\n"
				    "  server 192.168.3.2:8080 max_fails=3;\n"
				    "}\n"
				    "upstream api {\n"
				    "  server 192.168.3.5:9000;\n"
				    "  server 192.168.3.6:9000;\n"
				    "  server 192.168.3.7:9000;\n"
				    "  proxy_password correct-horse;\n"
				    "}\n"
				    "upstream cart {\n"
				    "  server 192.168.2.30:80 backup;\n"
				    "  server 192.168.3.9:80;\t\n"
				    "}\n";
	struct tui_diff diff = { .title = "Renders > upstreams.conf   written -> pending",
				 .verdict = "check ok",
				 .facts = "trigger: web (+1), cart (-1)",
				 .old_text = before,
				 .old_len = sizeof(before) - 1,
				 .new_text = after,
				 .new_len = sizeof(after) - 1 };

	tui_open_diff(console->tui, &diff);
	console_turn(console);
}
