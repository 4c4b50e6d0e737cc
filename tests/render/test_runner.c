/* The runner against a scripted Consul; where it says so, against the real nginx. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/text.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/render/runner.h"
#include "support/peer.h"
#include "support/real_consul.h"

struct scene {
	char folder[64];
	char *state_dir;
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct consul *consul;
	struct render_runner *runner;
	struct nginx_control *nginx;
	pid_t master;
	unsigned index; /* of Consul */
	unsigned changes;
	/* what run_scene waits for */
	size_t of;
	enum render_state wanted;
	const char *wanted_text;
	/* the end of an operation */
	bool done;
	struct render_applied applied;
	char *message;
};

static char *path_of(const struct scene *scene, const char *name)
{
	return xasprintf("%s/%s", scene->folder, name);
}

static void put(const struct scene *scene, const char *name, const char *text)
{
	char *path = path_of(scene, name);
	char *folder = file_dirname(path);
	struct err err;

	assert_true(file_mkdirs(folder, 0755, &err));
	assert_true(file_replace(path, text, strlen(text), NULL, &err));
	free(folder);
	free(path);
}

static void assert_file(const struct scene *scene, const char *name, const char *want)
{
	char *path = path_of(scene, name);
	struct strbuf text = STRBUF_INIT;
	struct err err;

	if (want) {
		if (!file_read(path, 1 << 20, &text, &err))
			fail_msg("%s", err.msg);
		assert_string_equal(text.buf, want);
	} else {
		assert_false(file_exists(path));
	}
	strbuf_release(&text);
	free(path);
}

static void add_base64(struct strbuf *out, const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = (unsigned char)text[i] << 16;

		bits |= i + 1 < len ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
		bits |= i + 2 < len ? (unsigned char)text[i + 2] : 0;
		strbuf_addch(out, digits[bits >> 18]);
		strbuf_addch(out, digits[bits >> 12 & 63]);
		strbuf_addch(out, i + 1 < len ? digits[bits >> 6 & 63] : '=');
		strbuf_addch(out, i + 2 < len ? digits[bits & 63] : '=');
	}
}

/* Consul's next answer for a key. */
static void set_key(struct scene *scene, const char *key, const char *text)
{
	struct strbuf body = STRBUF_INIT;
	char *request = xasprintf("GET /v1/kv/%s", key);
	char *headers = xasprintf("X-Consul-Index: %u\r\nX-Consul-LastContact: 0\r\n"
				  "X-Consul-KnownLeader: true\r\n",
				  ++scene->index);

	strbuf_addf(&body,
		    "[{\"LockIndex\":0,\"Key\":\"%s\",\"Flags\":0,\"CreateIndex\":1,"
		    "\"ModifyIndex\":%u,\"Value\":\"",
		    key, scene->index);
	add_base64(&body, text);
	strbuf_addstr(&body, "\"}]");
	peer_script(scene->peer, &(struct peer_reply){ .request = request,
						       .status = 200,
						       .headers = headers,
						       .body = body.buf,
						       .times = 1 });
	strbuf_release(&body);
	free(request);
	free(headers);
}

static void on_changed(void *arg, size_t index)
{
	struct scene *scene = arg;

	(void)index;
	scene->changes++;
}

static int set_up(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	struct err err;

	snprintf(scene->folder, sizeof(scene->folder), "/tmp/binnacle-render-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	assert_int_equal(chmod(scene->folder, 0755), 0);
	scene->state_dir = path_of(scene, "state");
	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->peer = peer_new(scene->loop);
	peer_hold(scene->peer);
	scene->consul =
		consul_new(scene->loop, scene->http,
			   &(struct consul_config){ .address = peer_url(scene->peer) }, &err);
	assert_non_null(scene->consul);
	scene->index = 10;
	*state = scene;
	return 0;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	char *command = xasprintf("rm -rf '%s'", scene->folder);

	render_runner_free(scene->runner);
	nginx_control_free(scene->nginx);
	consul_free(scene->consul);
	peer_free(scene->peer);
	http_free(scene->http);
	loop_free(scene->loop);
	if (scene->master) {
		kill(scene->master, SIGTERM);
		waitpid(scene->master, NULL, 0);
	}
	assert_int_equal(system(command), 0);
	free(command);
	free(scene->state_dir);
	free(scene->message);
	free(scene);
	return 0;
}

static void make_runner(struct scene *scene, enum render_mode mode, int64_t wait_min_ms)
{
	struct render_options options = { .mode = mode,
					  .state_dir = scene->state_dir,
					  .wait_min_ms = wait_min_ms };
	struct render_events events = { .changed = on_changed };

	scene->runner = render_runner_new(scene->loop, scene->consul, &options, &events, scene);
}

static void add(struct scene *scene, const char *contents, const char *destination,
		const char *command, bool keep)
{
	char *path = path_of(scene, destination);
	struct err err;

	if (!render_runner_add(scene->runner,
			       &(struct render_template){ .contents = contents,
							  .destination = path,
							  .nginx = scene->nginx,
							  .command = command,
							  .keep_written = keep },
			       &err))
		fail_msg("%s", err.msg);
	free(path);
}

static bool is_wanted(void *arg)
{
	struct scene *scene = arg;

	return render_status(scene->runner, scene->of)->state == scene->wanted;
}

static void wait_for(struct scene *scene, size_t index, enum render_state state)
{
	scene->of = index;
	scene->wanted = state;
	if (!run_until_true(scene->loop, is_wanted, scene))
		fail_msg("%s instead of %s: %s",
			 render_state_name(render_status(scene->runner, index)->state),
			 render_state_name(state), render_status(scene->runner, index)->err.msg);
}

static bool has_text(void *arg)
{
	struct scene *scene = arg;

	return strcmp(render_live_text(scene->runner, scene->of)->buf, scene->wanted_text) == 0;
}

static bool has_pending_text(void *arg)
{
	struct scene *scene = arg;
	const struct strbuf *text = render_pending_text(scene->runner, scene->of);

	return text && strcmp(text->buf, scene->wanted_text) == 0;
}

/* Until the file of a template holds this, by itself. */
static void wait_for_text(struct scene *scene, size_t index, const char *text)
{
	scene->of = index;
	scene->wanted_text = text;
	if (!run_until_true(scene->loop, has_text, scene))
		fail_msg("\"%s\" instead of \"%s\"", render_live_text(scene->runner, index)->buf,
			 text);
	wait_for(scene, index, RENDER_CLEAN);
}

static void on_done(void *arg, const struct render_applied *result)
{
	struct scene *scene = arg;

	assert_false(scene->done);
	scene->done = true;
	scene->applied = *result;
	free(scene->message);
	scene->message = xstrdup(result->message);
}

static void apply(struct scene *scene, size_t index, const char *pending, const char *live)
{
	struct render_apply request = { .flags = RENDER_DO_WRITE | RENDER_DO_RELOAD,
					.pending_sha256 = pending,
					.live_sha256 = live };
	struct err err;

	scene->done = false;
	assert_non_null(render_apply_start(scene->runner, index, &request, on_done, scene, &err));
	assert_false(scene->done);
	assert_true(run_until(scene->loop, &scene->done));
}

static void a_template_waits_for_its_data_and_is_written_when_it_is_complete(void **state)
{
	struct scene *scene = *state;
	const struct render_status *status;

	make_runner(scene, RENDER_AUTO, 0);
	add(scene, "{{key \"a\"}}-{{key \"b\"}}\n", "out/x.txt", NULL, false);
	render_runner_start(scene->runner);
	set_key(scene, "a", "one");
	run_for(scene->loop, 50);
	status = render_status(scene->runner, 0);
	assert_int_equal(status->state, RENDER_WAITING);
	assert_int_equal(status->waiting_count, 1);
	assert_string_equal(status->waiting_for[0], "kv.block(b)");
	assert_string_equal(status->name, "x.txt");
	assert_false(status->has_pending);
	assert_file(scene, "out/x.txt", NULL);
	set_key(scene, "b", "two");
	wait_for(scene, 0, RENDER_CLEAN);
	assert_file(scene, "out/x.txt", "one-two\n");
	set_key(scene, "a", "three");
	wait_for_text(scene, 0, "three-two\n");
	assert_file(scene, "out/x.txt", "three-two\n");
	assert_int_equal(render_status(scene->runner, 0)->generations, 2);
	assert_true(scene->changes > 0);
}

static void an_execution_says_what_made_it_necessary_and_since_when_it_waits(void **state)
{
	struct scene *scene = *state;
	const struct render_status *status;
	int64_t since_ms;

	make_runner(scene, RENDER_HOLD, 0);
	add(scene, "{{key \"a\"}}-{{key \"b\"}}-{{key \"c\"}}", "x", NULL, false);
	assert_int_equal(render_status(scene->runner, 0)->executed_ms, 0);
	render_runner_start(scene->runner);
	run_for(scene->loop, 20);
	status = render_status(scene->runner, 0);
	assert_string_equal(status->cause, "the start");
	assert_int_equal(status->waiting_count, 3);
	assert_int_equal(status->dependencies, 3);
	since_ms = status->waiting_since_ms[2];
	assert_true(since_ms > 0);
	assert_int_equal(since_ms, status->executed_ms);
	run_for(scene->loop, 20);

	/* An execution that still misses it does not begin the wait anew. */
	set_key(scene, "a", "one");
	for (int i = 0; i < 1000 && render_status(scene->runner, 0)->waiting_count == 3; i++)
		run_for(scene->loop, 5);
	status = render_status(scene->runner, 0);
	assert_string_equal(status->cause, "kv.block(a)");
	assert_int_equal(status->waiting_count, 2);
	assert_string_equal(status->waiting_for[1], "kv.block(c)");
	assert_int_equal(status->waiting_since_ms[1], since_ms);
	assert_true(status->executed_ms > since_ms);
	set_key(scene, "b", "two");
	set_key(scene, "c", "three");
	wait_for(scene, 0, RENDER_HELD);
	assert_int_equal(render_status(scene->runner, 0)->waiting_count, 0);
}

static void assert_text_named(const struct scene *scene, const char *name, const char *want)
{
	struct strbuf text = STRBUF_INIT;
	struct err err;

	if (!render_text_named(scene->runner, 0, name, &text, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(text.buf, want);
	strbuf_release(&text);
}

static void each_text_that_a_template_had_can_be_read_by_name(void **state)
{
	struct scene *scene = *state;
	struct strbuf text = STRBUF_INIT;
	const struct render_status *status;
	struct err err;

	make_runner(scene, RENDER_AUTO, 0);
	put(scene, "x", "by hand");
	add(scene, "{{key \"a\"}}", "x", NULL, false);
	assert_false(render_text_named(scene->runner, 0, "pending", &text, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	set_key(scene, "a", "one");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	set_key(scene, "a", "two");
	wait_for_text(scene, 0, "two");
	wait_for(scene, 0, RENDER_CLEAN);
	render_runner_set_mode(scene->runner, RENDER_HOLD);
	set_key(scene, "a", "three");
	wait_for(scene, 0, RENDER_HELD);
	assert_text_named(scene, "1", "by hand");
	assert_text_named(scene, "2", "one");
	assert_text_named(scene, "live", "two");
	assert_text_named(scene, "pending", "three");
	status = render_status(scene->runner, 0);
	assert_int_equal(status->kept->len, 2);
	assert_int_equal(status->kept->items[0].id, 2);
	assert_false(render_text_named(scene->runner, 0, "3", &text, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(render_text_named(scene->runner, 0, "-1", &text, &err));
	assert_int_equal(err.code, ERR_INPUT);
	strbuf_release(&text);
}

static void hold_writes_nothing_until_a_plan_is_confirmed(void **state)
{
	struct scene *scene = *state;
	const struct render_status *status;
	char pending[DIGEST_HEX_BYTES], live[DIGEST_HEX_BYTES];

	make_runner(scene, RENDER_HOLD, 0);
	put(scene, "x.conf", "first\nold\n");
	add(scene, "first\n{{key \"a\"}}\nmore\n", "x.conf", NULL, false);
	set_key(scene, "a", "new");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_HELD);
	assert_file(scene, "x.conf", "first\nold\n");
	status = render_status(scene->runner, 0);
	assert_int_equal(status->added, 2);
	assert_int_equal(status->removed, 1);
	assert_string_equal(render_pending_text(scene->runner, 0)->buf, "first\nnew\nmore\n");
	memcpy(pending, status->pending_sha256, sizeof(pending));
	memcpy(live, status->live_sha256, sizeof(live));

	apply(scene, 0, live, live); /* not the text that was planned */
	assert_int_equal(scene->applied.err.code, ERR_CONFLICT);
	assert_file(scene, "x.conf", "first\nold\n");

	put(scene, "x.conf", "somebody else\n");
	apply(scene, 0, pending, live);
	assert_int_equal(scene->applied.err.code, ERR_CONFLICT);
	assert_false(scene->applied.written);
	assert_file(scene, "x.conf", "somebody else\n");

	apply(scene, 0, pending, render_status(scene->runner, 0)->live_sha256);
	assert_true(scene->applied.ok);
	assert_true(scene->applied.written);
	assert_int_equal(scene->applied.generation, 1);
	assert_file(scene, "x.conf", "first\nnew\nmore\n");
	wait_for(scene, 0, RENDER_CLEAN);
}

static void off_shows_the_difference_and_sees_what_others_write(void **state)
{
	struct scene *scene = *state;

	make_runner(scene, RENDER_OFF, 0);
	add(scene, "{{key \"a\"}}", "x", NULL, false);
	set_key(scene, "a", "new");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_PENDING);
	run_for(scene->loop, 100);
	assert_file(scene, "x", NULL);
	put(scene, "x", "new");
	wait_for(scene, 0, RENDER_CLEAN);
}

static void a_brake_holds_back_what_auto_would_do(void **state)
{
	struct scene *scene = *state;

	make_runner(scene, RENDER_AUTO, 0);
	put(scene, "up.conf", "upstream w { server 1; server 2; server 3; }");
	put(scene, "empty.conf", "text");
	add(scene, "upstream w { {{key \"a\"}} }", "up.conf", NULL, false);
	add(scene, "{{key \"b\"}}", "empty.conf", NULL, false);
	set_key(scene, "a", "server 3;");
	set_key(scene, "b", "");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_HELD);
	wait_for(scene, 1, RENDER_HELD);
	assert_string_equal(render_status(scene->runner, 0)->brake,
			    "would remove 2 of 3 upstream servers, more than half");
	assert_string_equal(render_status(scene->runner, 1)->brake, "would empty the file");
	assert_file(scene, "up.conf", "upstream w { server 1; server 2; server 3; }");
	apply(scene, 0, NULL, NULL);
	assert_true(scene->applied.ok);
	assert_file(scene, "up.conf", "upstream w { server 3; }");
	/* A change within the limits needs nobody. */
	set_key(scene, "b", "other");
	wait_for(scene, 1, RENDER_CLEAN);
	assert_file(scene, "empty.conf", "other");
}

static void a_roll_back_stays_until_the_data_changes(void **state)
{
	struct scene *scene = *state;
	struct target_generations all;
	struct err err;

	make_runner(scene, RENDER_AUTO, 0);
	put(scene, "x", "good");
	add(scene, "{{key \"a\"}}", "x", NULL, false);
	set_key(scene, "a", "bad");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	assert_file(scene, "x", "bad");
	assert_true(render_generations(scene->runner, 0, &all, &err));
	assert_int_equal(all.len, 1);
	assert_int_equal(all.items[0].size, 4);

	assert_null(render_rollback_start(scene->runner, 0, 77, NULL, on_done, scene, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	scene->done = false;
	assert_non_null(render_rollback_start(scene->runner, 0, all.items[0].id, NULL, on_done,
					      scene, &err));
	target_generations_release(&all);
	assert_true(run_until(scene->loop, &scene->done));
	assert_true(scene->applied.ok);
	assert_file(scene, "x", "good");
	wait_for(scene, 0, RENDER_HELD);
	assert_true(text_starts_with(render_status(scene->runner, 0)->brake, "rolled back"));
	run_for(scene->loop, 100);
	assert_file(scene, "x", "good");
	set_key(scene, "a", "better");
	wait_for(scene, 0, RENDER_CLEAN);
	assert_file(scene, "x", "better");
}

static void a_roll_back_to_no_file_removes_it(void **state)
{
	struct scene *scene = *state;
	struct err err;

	make_runner(scene, RENDER_AUTO, 0);
	add(scene, "{{key \"a\"}}", "x", NULL, false);
	set_key(scene, "a", "text");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	scene->done = false;
	assert_non_null(render_rollback_start(scene->runner, 0, 1, NULL, on_done, scene, &err));
	assert_true(run_until(scene->loop, &scene->done));
	assert_true(scene->applied.ok);
	assert_file(scene, "x", NULL);
}

static void a_quiet_period_gathers_changes(void **state)
{
	struct scene *scene = *state;

	make_runner(scene, RENDER_AUTO, 400);
	put(scene, "x", "old");
	add(scene, "{{key \"a\"}}", "x", NULL, false);
	set_key(scene, "a", "one");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_PENDING);
	assert_file(scene, "x", "old");
	set_key(scene, "a", "two");
	wait_for(scene, 0, RENDER_CLEAN);
	assert_file(scene, "x", "two");
	assert_int_equal(render_status(scene->runner, 0)->generations, 1);
}

static void a_mistake_in_a_template_fails_it_alone(void **state)
{
	struct scene *scene = *state;
	char *path = path_of(scene, "z");
	struct err err;

	make_runner(scene, RENDER_AUTO, 0);
	add(scene, "{{key \"a\" | parseInt}}", "x", NULL, false);
	add(scene, "{{key \"a\"}}", "y", NULL, false);
	assert_false(render_runner_add(
		scene->runner,
		&(struct render_template){ .contents = "{{if}}", .destination = path }, &err));
	assert_false(render_runner_add(
		scene->runner,
		&(struct render_template){ .contents = "", .source = "s", .destination = path },
		&err));
	free(path);
	set_key(scene, "a", "word");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_FAILED);
	wait_for(scene, 1, RENDER_CLEAN);
	assert_non_null(strstr(render_status(scene->runner, 0)->err.msg, "parseInt"));
	set_key(scene, "a", "5");
	wait_for(scene, 0, RENDER_CLEAN);
	assert_file(scene, "x", "5");
}

static void one_command_of_many_templates_runs_once(void **state)
{
	struct scene *scene = *state;
	char *command = xasprintf("echo run >> %s/log", scene->folder);

	make_runner(scene, RENDER_AUTO, 0);
	add(scene, "1{{key \"a\"}}", "x", command, false);
	add(scene, "2{{key \"a\"}}", "y", command, false);
	set_key(scene, "a", "!");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	wait_for(scene, 1, RENDER_CLEAN);
	assert_file(scene, "x", "1!");
	assert_file(scene, "y", "2!");
	assert_file(scene, "log", "run\n");
	free(command);
}

static void a_failing_command_brings_the_old_file_back(void **state)
{
	struct scene *scene = *state;
	char *command = xasprintf("cat %s/x >> %s/log; grep -q old %s/x", scene->folder,
				  scene->folder, scene->folder);

	make_runner(scene, RENDER_AUTO, 0);
	put(scene, "x", "old");
	put(scene, "y", "old");
	add(scene, "{{key \"a\"}}", "x", command, false);
	add(scene, "{{key \"b\"}}", "y", "exit 3", true);
	set_key(scene, "a", "new");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_FAILED);
	assert_file(scene, "x", "old");
	assert_file(scene, "log", "newold"); /* once with the new, once with the old one */
	assert_int_equal(render_status(scene->runner, 0)->generations, 0);
	run_for(scene->loop, 100);
	assert_file(scene, "log", "newold");
	set_key(scene, "b", "new");
	wait_for(scene, 1, RENDER_FAILED);
	assert_file(scene, "y", "new"); /* keep_written */
	free(command);
}

static void a_failure_is_tried_again_by_itself(void **state)
{
	struct scene *scene = *state;
	struct render_options options = { .state_dir = scene->state_dir, .retry_ms = 200 };
	char *command = xasprintf("test -e %s/mended", scene->folder);

	scene->runner = render_runner_new(scene->loop, scene->consul, &options, NULL, NULL);
	put(scene, "x", "old");
	add(scene, "{{key \"a\"}}", "x", command, false);
	set_key(scene, "a", "new");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_FAILED);
	assert_file(scene, "x", "old");
	put(scene, "mended", "");
	wait_for(scene, 0, RENDER_CLEAN);
	assert_file(scene, "x", "new");
	free(command);
}

static void a_canceled_operation_is_not_heard_of(void **state)
{
	struct scene *scene = *state;
	struct render_apply request = { .flags = RENDER_DO_WRITE };
	struct render_op *op;
	struct err err;

	make_runner(scene, RENDER_HOLD, 0);
	add(scene, "{{key \"a\"}}", "x", NULL, false);
	set_key(scene, "a", "new");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_HELD);
	op = render_apply_start(scene->runner, 0, &request, on_done, scene, &err);
	render_op_cancel(&op);
	assert_null(op);
	run_for(scene->loop, 50);
	assert_false(scene->done);
	assert_file(scene, "x", NULL);
	apply(scene, 0, NULL, NULL);
	assert_true(scene->applied.ok);
	/* And with the runner, whatever is under way. */
	render_apply_start(scene->runner, 0, &request, on_done, scene, &err);
}

static void only_templates_that_use_the_answer_are_executed_again(void **state)
{
	struct scene *scene = *state;

	make_runner(scene, RENDER_AUTO, 0);
	add(scene, "{{key \"a\"}} {{env \"BINNACLE_TEST\"}}", "x", NULL, false);
	add(scene, "{{key \"b\"}} {{env \"BINNACLE_TEST\"}}", "y", NULL, false);
	setenv("BINNACLE_TEST", "first", 1);
	set_key(scene, "a", "1");
	set_key(scene, "b", "1");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	wait_for(scene, 1, RENDER_CLEAN);
	setenv("BINNACLE_TEST", "second", 1);
	set_key(scene, "a", "2");
	wait_for_text(scene, 0, "2 second");
	unsetenv("BINNACLE_TEST");
	assert_file(scene, "x", "2 second");
	assert_file(scene, "y", "1 first");
}

static void what_is_not_used_any_more_is_not_watched(void **state)
{
	struct scene *scene = *state;
	size_t asked;

	make_runner(scene, RENDER_AUTO, 0);
	add(scene, "{{if eq (key \"a\") \"yes\"}}{{key \"b\"}}{{end}}.", "x", NULL, false);
	set_key(scene, "a", "yes");
	set_key(scene, "b", "one");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	assert_file(scene, "x", "one.");
	set_key(scene, "a", "no");
	wait_for_text(scene, 0, ".");
	assert_file(scene, "x", ".");
	asked = peer_asked(scene->peer, "GET /v1/kv/b");
	set_key(scene, "b", "two");
	run_for(scene->loop, 300);
	assert_int_equal(peer_asked(scene->peer, "GET /v1/kv/b"), asked);
}

static void what_somebody_else_wrote_is_not_written_over_by_itself(void **state)
{
	struct scene *scene = *state;

	make_runner(scene, RENDER_AUTO, 0);
	add(scene, "{{key \"a\"}}", "x", NULL, false);
	set_key(scene, "a", "ours");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	put(scene, "x", "theirs");
	wait_for(scene, 0, RENDER_HELD);
	assert_true(text_starts_with(render_status(scene->runner, 0)->brake, "somebody else"));
	set_key(scene, "a", "ours again");
	scene->wanted_text = "ours again";
	assert_true(run_until_true(scene->loop, has_pending_text, scene));
	run_for(scene->loop, 50);
	assert_file(scene, "x", "theirs");
	apply(scene, 0, NULL, NULL);
	assert_true(scene->applied.ok);
	assert_file(scene, "x", "ours again");
	set_key(scene, "a", "more");
	wait_for_text(scene, 0, "more");
	assert_file(scene, "x", "more");
}

static void without_brakes_everything_is_written(void **state)
{
	struct scene *scene = *state;
	struct render_options options = { .state_dir = scene->state_dir, .no_brakes = true };

	scene->runner = render_runner_new(scene->loop, scene->consul, &options, NULL, NULL);
	put(scene, "x", "server 1; server 2; server 3;");
	add(scene, "{{key \"a\"}}", "x", NULL, false);
	set_key(scene, "a", "");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	assert_file(scene, "x", "");
}

static bool has_trouble(void *arg)
{
	struct scene *scene = arg;

	return render_status(scene->runner, 0)->trouble[0] != '\0';
}

static void an_outage_of_consul_is_told_and_changes_nothing(void **state)
{
	struct scene *scene = *state;

	make_runner(scene, RENDER_AUTO, 0);
	add(scene, "{{key \"a\"}}", "x", NULL, false);
	set_key(scene, "a", "one");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	assert_string_equal(render_status(scene->runner, 0)->trouble, "");
	peer_down(scene->peer);
	assert_true(run_until_true(scene->loop, has_trouble, scene));
	assert_true(text_starts_with(render_status(scene->runner, 0)->trouble, "kv.block(a): "));
	assert_int_equal(render_status(scene->runner, 0)->state, RENDER_CLEAN);
	assert_file(scene, "x", "one");
}

static void assert_was_asked(const struct scene *scene, const char *wanted)
{
	for (size_t k = 0; k < peer_request_count(scene->peer); k++) {
		const struct peer_request *request = peer_request(scene->peer, k);
		char *line = xasprintf("%s %s", request->method, request->target);
		bool found = text_starts_with(line, wanted);

		free(line);
		if (found)
			return;
	}
	for (size_t k = 0; k < peer_request_count(scene->peer); k++)
		print_message("%s\n", peer_request(scene->peer, k)->target);
	fail_msg("nobody asked %s", wanted);
}

/* As long as there are few: see many_services_... and many_keys_... for the rest. */
static void each_data_function_asks_what_consul_template_asks(void **state)
{
	static const struct {
		const char *template;
		const char *wanted[6];
	} cases[] = {
		{ "{{range service \"web\"}}{{end}}"
		  "{{range service \"calico.web@dc1~n1|any\"}}{{end}}"
		  "{{range services}}{{end}}{{range services \"@dc2\"}}{{end}}",
		  { "GET /v1/health/service/web?passing=1&stale",
		    "GET /v1/health/service/web?dc=dc1&near=n1&tag=calico&stale",
		    "GET /v1/catalog/services?stale", "GET /v1/catalog/services?dc=dc2&stale" } },
		{ "{{with node}}{{end}}{{with node \"n-1\"}}{{end}}"
		  "{{range nodes \"~_agent\"}}{{end}}{{range datacenters}}{{end}}"
		  "{{range caRoots}}{{end}}",
		  { "GET /v1/agent/self", "GET /v1/catalog/node/self?stale",
		    "GET /v1/catalog/node/n-1?stale", "GET /v1/catalog/nodes?near=_agent&stale",
		    "GET /v1/catalog/datacenters", "GET /v1/agent/connect/ca/roots?" } },
		{ "{{key \"app/config x\"}}{{keyOrDefault \"maybe@dc1\" \"d\"}}"
		  "{{range tree \"nest\"}}{{end}}",
		  { "GET /v1/kv/app/config%20x?stale", "GET /v1/kv/maybe?dc=dc1&stale",
		    "GET /v1/kv/nest?recurse=&stale" } },
	};
	struct scene *scene = *state;

	peer_answer(scene->peer, "GET /v1/agent/self", 200, NULL,
		    "{\"Config\":{\"NodeName\":\"self\"}}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_runner(scene, RENDER_HOLD, 0);
		add(scene, cases[i].template, "x", NULL, false);
		render_runner_start(scene->runner);
		run_for(scene->loop, 200);
		for (size_t k = 0; k < 6 && cases[i].wanted[k]; k++)
			assert_was_asked(scene, cases[i].wanted[k]);
		render_runner_free(scene->runner);
		scene->runner = NULL;
	}
}

static void a_dependency_that_is_a_file_has_its_answer(void **state)
{
	struct scene *scene = *state;
	char *path = path_of(scene, "file.txt");
	char *template = xasprintf("{{file \"%s\"}}{{key \"none\"}}", path);

	make_runner(scene, RENDER_HOLD, 0);
	put(scene, "file.txt", "text of the file");
	add(scene, template, "x", NULL, false);
	render_runner_start(scene->runner);
	run_for(scene->loop, 100);
	assert_int_equal(render_status(scene->runner, 0)->waiting_count, 1);
	assert_string_equal(render_status(scene->runner, 0)->waiting_for[0], "kv.block(none)");
	free(template);
	free(path);
}

static bool was_sent;

static void on_put(void *arg, const struct json *doc, const struct consul_meta *meta,
		   const struct err *err)
{
	(void)arg;
	(void)doc;
	(void)meta;
	(void)err;
	was_sent = true;
}

static void send_put(struct scene *scene, const char *path, const char *body)
{
	was_sent = false;
	consul_send(scene->consul, "PUT", path, body, on_put, scene);
	assert_true(run_until(scene->loop, &was_sent));
}

/* The template of an ingress, with an agent that really runs. */
static void a_real_agent_feeds_a_real_template(void **state)
{
	struct scene *scene = *state;
	struct real_consul agent = { 0 };
	struct err err;

	if (!real_consul_exists())
		skip();
	real_consul_start(&agent);
	consul_free(scene->consul);
	scene->consul = consul_new(scene->loop, scene->http,
				   &(struct consul_config){ .address = agent.address }, &err);
	make_runner(scene, RENDER_AUTO, 0);
	add(scene,
	    "{{range services}}{{if .Tags | contains \"calico\"}}upstream {{.Name}} {\n"
	    "{{range service .Name}}  server {{.Address}}:{{.Port}};\n{{end}}}\n{{end}}{{end}}"
	    "# {{keyOrDefault \"note\" \"none\"}}\n",
	    "app.conf", NULL, false);
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN); /* the agent needs its time to lead itself */
	assert_file(scene, "app.conf", "# none\n");
	send_put(
		scene, "/v1/agent/service/register",
		"{\"ID\":\"web-1\",\"Name\":\"web\",\"Tags\":[\"calico\"],\"Address\":\"10.0.0.1\","
		"\"Port\":80}");
	send_put(scene, "/v1/agent/service/register",
		 "{\"ID\":\"db-1\",\"Name\":\"db\",\"Address\":\"10.0.0.9\",\"Port\":90}");
	for (int i = 0; i < 1500 && !strstr(render_live_text(scene->runner, 0)->buf, "web"); i++)
		run_for(scene->loop, 20);
	assert_file(scene, "app.conf", "upstream web {\n  server 10.0.0.1:80;\n}\n# none\n");
	send_put(
		scene, "/v1/agent/service/register",
		"{\"ID\":\"web-2\",\"Name\":\"web\",\"Tags\":[\"calico\"],\"Address\":\"10.0.0.2\","
		"\"Port\":80}");
	send_put(scene, "/v1/kv/note", "hello");
	for (int i = 0; i < 1500 && !(strstr(render_live_text(scene->runner, 0)->buf, "0.2") &&
				      strstr(render_live_text(scene->runner, 0)->buf, "hello"));
	     i++)
		run_for(scene->loop, 20);
	assert_file(scene, "app.conf",
		    "upstream web {\n  server 10.0.0.1:80;\n  server 10.0.0.2:80;\n}\n# hello\n");
	/* Two of two at once: a brake. */
	send_put(scene, "/v1/agent/service/deregister/web-1", NULL);
	send_put(scene, "/v1/agent/service/deregister/web-2", NULL);
	run_for(scene->loop, 500);
	assert_true(render_status(scene->runner, 0)->state == RENDER_HELD ||
		    render_status(scene->runner, 0)->state == RENDER_CLEAN);
	assert_non_null(strstr(render_live_text(scene->runner, 0)->buf, "server 10.0.0."));
	wait_for(scene, 0, RENDER_HELD);
	/* The list of services or the service, whichever came first. */
	assert_non_null(strstr(render_status(scene->runner, 0)->trigger, " (-"));
	render_runner_free(scene->runner);
	scene->runner = NULL;
	real_consul_stop(&agent);
}

/* With the real nginx. */

static bool have_nginx(void)
{
	return access("/usr/sbin/nginx", X_OK) == 0;
}

static void make_nginx(struct scene *scene, const char *more)
{
	struct err err;
	char *conf = xasprintf("pid %s/nginx.pid;\nerror_log %s/error.log;\n%s\n"
			       "events { worker_connections 64; }\nhttp {\n access_log off;\n"
			       " client_body_temp_path %s/tmp; proxy_temp_path %s/tmp;\n"
			       " fastcgi_temp_path %s/tmp; uwsgi_temp_path %s/tmp;\n"
			       " scgi_temp_path %s/tmp;\n include conf.d/*.conf;\n}\n",
			       scene->folder, scene->folder, more, scene->folder, scene->folder,
			       scene->folder, scene->folder, scene->folder);

	put(scene, "nginx.conf", conf);
	free(conf);
	conf = xasprintf("server { listen unix:%s/nginx.sock; return 200; }\n", scene->folder);
	put(scene, "conf.d/base.conf", conf);
	free(conf);
	scene->nginx = nginx_control_new(scene->loop,
					 &(struct nginx_spec){ .name = "ingress",
							       .folder = scene->folder,
							       .binary = "/usr/sbin/nginx",
							       .prefix = scene->folder,
							       .verify_timeout_ms = 2000 },
					 &err);
	assert_non_null(scene->nginx);
}

static void start_master(struct scene *scene)
{
	char *conf = path_of(scene, "nginx.conf"), *pid = path_of(scene, "nginx.pid");
	struct stat st;

	scene->master = fork();
	if (scene->master == 0) {
		execl("/usr/sbin/nginx", "nginx", "-p", scene->folder, "-c", conf, "-g",
		      "daemon off;", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && (stat(pid, &st) != 0 || st.st_size == 0); i++)
		nap();
	free(conf);
	free(pid);
}

static void a_text_that_nginx_refuses_changes_nothing(void **state)
{
	struct scene *scene = *state;
	const struct render_status *status;

	if (!have_nginx())
		skip();
	make_nginx(scene, "");
	make_runner(scene, RENDER_AUTO, 0);
	put(scene, "conf.d/app.conf", "# fine\n");
	add(scene, "# next\n{{key \"a\"}}\n", "conf.d/app.conf", NULL, false);
	add(scene, "# other {{key \"b\"}}\n", "conf.d/other.conf", NULL, false);
	set_key(scene, "a", "nonsense;");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_FAILED);
	assert_file(scene, "conf.d/app.conf", "# fine\n");
	status = render_status(scene->runner, 0);
	assert_int_equal(status->check, RENDER_CHECK_FAIL);
	assert_true(text_ends_with(status->check_file, "/conf.d/app.conf"));
	assert_int_equal(status->check_line, 2);
	assert_int_equal(status->generations, 0);
	assert_non_null(strstr(status->err.msg, "unknown directive \"nonsense\""));
}

static void many_templates_make_one_reload_that_is_verified(void **state)
{
	struct scene *scene = *state;
	const struct render_status *status;

	if (!have_nginx())
		skip();
	make_nginx(scene, "");
	start_master(scene);
	make_runner(scene, RENDER_AUTO, 0);
	add(scene, "# one {{key \"a\"}}\n", "conf.d/one.conf", NULL, false);
	add(scene, "# two {{key \"a\"}}\n", "conf.d/two.conf", NULL, false);
	add(scene, "{{key \"a\"}} is wrong\n", "conf.d/wrong.conf", NULL, false);
	set_key(scene, "a", "value");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_CLEAN);
	wait_for(scene, 1, RENDER_CLEAN);
	wait_for(scene, 2, RENDER_FAILED);
	assert_file(scene, "conf.d/one.conf", "# one value\n");
	assert_file(scene, "conf.d/two.conf", "# two value\n");
	assert_file(scene, "conf.d/wrong.conf", NULL);
	status = render_status(scene->runner, 1);
	assert_true(status->loaded_ms > 0);
	assert_false(status->not_loaded);
	assert_int_equal(status->check, RENDER_CHECK_OK);
}

static void a_reload_that_nginx_does_not_take_brings_the_old_file_back(void **state)
{
	struct scene *scene = *state;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int taken = socket(AF_INET, SOCK_STREAM, 0);
	char *text;

	if (!have_nginx())
		skip();
	/* nginx -t does not mind an address in use; the master does. */
	assert_int_equal(bind(taken, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(taken, 1), 0);
	assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &len), 0);
	make_nginx(scene, "");
	start_master(scene);
	make_runner(scene, RENDER_HOLD, 0);
	put(scene, "conf.d/app.conf", "# fine\n");
	add(scene, "{{key \"a\"}}\n", "conf.d/app.conf", NULL, false);
	text = xasprintf("server { listen 127.0.0.1:%d; }", ntohs(address.sin_port));
	set_key(scene, "a", text);
	free(text);
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_HELD);
	apply(scene, 0, NULL, NULL);
	assert_false(scene->applied.ok);
	assert_true(scene->applied.restored);
	assert_false(scene->applied.written);
	assert_int_equal(scene->applied.steps[NGINX_STEP_SIGNAL], NGINX_DONE);
	assert_int_equal(scene->applied.steps[NGINX_STEP_VERIFY], NGINX_FAILED);
	assert_file(scene, "conf.d/app.conf", "# fine\n");
	wait_for(scene, 0, RENDER_FAILED);
	close(taken);
}

static void on_verdict(void *arg, const struct nginx_check_result *result, const struct err *err)
{
	struct scene *scene = arg;

	assert_false(scene->done);
	assert_null(err);
	scene->done = true;
	scene->message = xstrdup(result->message);
}

static void an_operator_may_check_without_changing_anything(void **state)
{
	struct scene *scene = *state;
	struct render_op *op;
	struct err err;

	if (!have_nginx())
		skip();
	make_nginx(scene, "");
	make_runner(scene, RENDER_OFF, 0);
	add(scene, "\n{{key \"a\"}}\n", "conf.d/app.conf", NULL, false);
	add(scene, "{{key \"a\"}}", "elsewhere", NULL, false);
	set_key(scene, "a", "bad;");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_PENDING);
	assert_non_null(render_check_start(scene->runner, 0, on_verdict, scene, &err));
	assert_true(run_until(scene->loop, &scene->done));
	assert_non_null(strstr(scene->message, "/conf.d/app.conf:2"));
	assert_int_equal(render_status(scene->runner, 0)->check, RENDER_CHECK_FAIL);
	assert_int_equal(render_status(scene->runner, 0)->state, RENDER_PENDING);
	assert_file(scene, "conf.d/app.conf", NULL);
	/* A file that nothing includes is right in a way that helps nobody. */
	free(scene->message);
	scene->done = false;
	render_check_start(scene->runner, 1, on_verdict, scene, &err);
	assert_true(run_until(scene->loop, &scene->done));
	assert_int_equal(render_status(scene->runner, 1)->check, RENDER_CHECK_OK);
	assert_non_null(strstr(render_status(scene->runner, 1)->check_message, "no include"));
	op = render_check_start(scene->runner, 1, on_verdict, scene, &err);
	render_op_cancel(&op);
	run_for(scene->loop, 50);
}

static void a_held_text_is_checked_by_itself(void **state)
{
	struct scene *scene = *state;

	if (!have_nginx())
		skip();
	make_nginx(scene, "");
	make_runner(scene, RENDER_HOLD, 0);
	add(scene, "# {{key \"a\"}}\n", "conf.d/app.conf", NULL, false);
	set_key(scene, "a", "x");
	render_runner_start(scene->runner);
	wait_for(scene, 0, RENDER_HELD);
	for (int i = 0; i < 1500 && !render_status(scene->runner, 0)->check; i++)
		run_for(scene->loop, 20);
	assert_int_equal(render_status(scene->runner, 0)->check, RENDER_CHECK_OK);
	assert_file(scene, "conf.d/app.conf", NULL);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCENE(a_template_waits_for_its_data_and_is_written_when_it_is_complete),
		IN_SCENE(an_execution_says_what_made_it_necessary_and_since_when_it_waits),
		IN_SCENE(each_text_that_a_template_had_can_be_read_by_name),
		IN_SCENE(hold_writes_nothing_until_a_plan_is_confirmed),
		IN_SCENE(off_shows_the_difference_and_sees_what_others_write),
		IN_SCENE(a_brake_holds_back_what_auto_would_do),
		IN_SCENE(a_roll_back_stays_until_the_data_changes),
		IN_SCENE(a_roll_back_to_no_file_removes_it),
		IN_SCENE(a_quiet_period_gathers_changes),
		IN_SCENE(a_mistake_in_a_template_fails_it_alone),
		IN_SCENE(one_command_of_many_templates_runs_once),
		IN_SCENE(a_failing_command_brings_the_old_file_back),
		IN_SCENE(a_failure_is_tried_again_by_itself),
		IN_SCENE(a_canceled_operation_is_not_heard_of),
		IN_SCENE(only_templates_that_use_the_answer_are_executed_again),
		IN_SCENE(what_is_not_used_any_more_is_not_watched),
		IN_SCENE(what_somebody_else_wrote_is_not_written_over_by_itself),
		IN_SCENE(without_brakes_everything_is_written),
		IN_SCENE(an_outage_of_consul_is_told_and_changes_nothing),
		IN_SCENE(each_data_function_asks_what_consul_template_asks),
		IN_SCENE(a_dependency_that_is_a_file_has_its_answer),
		IN_SCENE(a_real_agent_feeds_a_real_template),
		IN_SCENE(a_text_that_nginx_refuses_changes_nothing),
		IN_SCENE(many_templates_make_one_reload_that_is_verified),
		IN_SCENE(a_reload_that_nginx_does_not_take_brings_the_old_file_back),
		IN_SCENE(an_operator_may_check_without_changing_anything),
		IN_SCENE(a_held_text_is_checked_by_itself),
	};

	return cmocka_run_group_tests_name("render runner", tests, NULL, NULL);
}
