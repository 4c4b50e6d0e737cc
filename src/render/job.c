/*
 * One template: what it says now, what its file says, and what follows from the two. The state
 * is judged anew from these facts whenever one of them changes; nothing sets it directly, except
 * an operation that has the job in its hands.
 */
#include "runner_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "brake.h"
#include "host.h"

#define TRIGGERS_MAX 16
#define RETRY_MS     30000
#define RETRY_MAX_MS 600000

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static const char *const *copy_list(const char *const *list)
{
	const char **all;
	size_t count = 0;

	if (!list)
		return NULL;
	while (list[count])
		count++;
	all = xcalloc(count + 1, sizeof(*all));
	for (size_t i = 0; i < count; i++)
		all[i] = xstrdup(list[i]);
	return all;
}

static void free_list(const char *const *list)
{
	for (size_t i = 0; list && list[i]; i++)
		free((char *)list[i]);
	free((void *)list);
}

/* Equal ones give equal output from equal answers. */
static void identify(struct render_job *job, const struct strbuf *text)
{
	const struct render_template *spec = &job->spec;
	const char *left = spec->left_delimiter, *right = spec->right_delimiter;
	struct strbuf all = STRBUF_INIT;

	strbuf_addf(&all, "%d %s%c%s%c%s%c", spec->error_on_missing_key, left ? left : "", '\0',
		    right ? right : "", '\0', spec->sandbox ? spec->sandbox : "", '\0');
	for (size_t i = 0; spec->denied && spec->denied[i]; i++)
		strbuf_addf(&all, "%s%c", spec->denied[i], '\0');
	strbuf_addch(&all, '\0');
	strbuf_add(&all, text->buf, text->len);
	digest_sha256_hex(all.buf, all.len, job->identity);
	strbuf_release(&all);
}

static bool parse(struct render_job *job, struct err *err)
{
	struct render_template *spec = &job->spec;
	struct tmpl_options options = { .left_delimiter = spec->left_delimiter,
					.right_delimiter = spec->right_delimiter,
					.error_on_missing_key = spec->error_on_missing_key,
					.denied = spec->denied };
	struct strbuf text = STRBUF_INIT;

	if (spec->source && !file_read(spec->source, LIMIT_TEMPLATE_FILE, &text, err))
		return err_context(err, "failed to read template");
	if (!spec->source)
		strbuf_addstr(&text, spec->contents);
	identify(job, &text);
	job->tmpl = tmpl_parse(spec->name, text.buf, text.len, &options, err);
	if (!job->tmpl)
		err_context(err, "%s", spec->source ? spec->source : "(dynamic)");
	strbuf_release(&text);
	return job->tmpl != NULL;
}

/* ---- what is owed for the file ---- */

/* Who has to take what is written; the caller frees. NULL: nobody. */
static char *taker(const struct render_job *job)
{
	const struct render_template *spec = &job->spec;
	bool has_command = spec->command && *spec->command;

	if (!spec->nginx && !has_command)
		return NULL;
	return xasprintf("%s\n%s", spec->nginx ? nginx_control_name(spec->nginx) : "",
			 has_command ? spec->command : "");
}

static void find_debt(struct render_job *job)
{
	char *what = taker(job);

	job->is_owed = what && target_is_owed(&job->target, what, job->live_sha256);
	free(what);
	if (!job->is_owed)
		return;
	job->is_unloaded = true;
	log_warn("render",
		 "%s: the file was written, but we ended before it was taken: that is still owed",
		 job->spec.name);
}

void job_owe(struct render_job *job, const char *sha256)
{
	char *what = taker(job);
	struct err err;

	/* Without the note only a restart at the wrong moment is worse off. */
	if (what && !target_owe(&job->target, what, sha256, &err))
		log_debug("render", "%s: %s", job->spec.name, err.msg);
	free(what);
}

void job_pay(struct render_job *job)
{
	job->is_owed = false;
	backoff_reset(&job->owed_backoff);
	loop_timer_stop(&job->owed_timer);
	target_settle(&job->target);
}

static void on_owed_again(void *arg)
{
	struct render_job *job = arg;

	job->owed_timer = NULL;
	runner_schedule(job->runner);
}

void job_put_off(struct render_job *job)
{
	loop_timer_stop(&job->owed_timer);
	job->owed_timer = loop_timer_start(job->runner->loop, backoff_next_ms(&job->owed_backoff),
					   on_owed_again, job);
}

bool job_is_owed(const struct render_job *job)
{
	return job->is_owed && !job->is_busy && !job->owed_timer && job->state == RENDER_CLEAN &&
	       job->runner->options.mode == RENDER_AUTO;
}

/* A program that the template runs has ended. */
static void on_effect(void *arg)
{
	struct render_job *job = arg;
	struct render_runner *runner = job->runner;

	for (size_t i = 0; i < runner->count; i++)
		if (strcmp(runner->jobs[i]->identity, job->identity) == 0)
			runner->jobs[i]->must_execute = true;
	runner_schedule(runner);
}

struct render_job *job_new(struct render_runner *runner, const struct render_template *spec,
			   struct err *err)
{
	struct render_job *job = xcalloc(1, sizeof(*job));

	job->runner = runner;
	job->spec = *spec;
	job->spec.name = copy(spec->name);
	job->spec.source = copy(spec->source);
	job->spec.contents = copy(spec->contents);
	job->spec.destination = copy(spec->destination);
	job->spec.command = copy(spec->command);
	job->spec.left_delimiter = copy(spec->left_delimiter);
	job->spec.right_delimiter = copy(spec->right_delimiter);
	job->spec.denied = copy_list(spec->denied);
	job->spec.sandbox = copy(spec->sandbox);
	job->target = (struct target_spec){ .path = job->spec.destination,
					    .state_dir = runner->state_dir,
					    .perms = spec->perms,
					    .backup = spec->backup,
					    .create_dirs = !spec->no_create_dirs };
	trace_init(&job->trace);
	strbuf_init(&job->pending);
	strbuf_init(&job->live);
	strbuf_init(&job->exec_text);
	strbuf_init(&job->refused_why);
	job->retry_backoff =
		(struct backoff){ .base_ms = runner->options.retry_ms ? runner->options.retry_ms
								      : RETRY_MS,
				  .max_ms = RETRY_MAX_MS };
	job->owed_backoff = job->retry_backoff;
	strbuf_init(&job->brake);
	strbuf_init(&job->trouble);
	strbuf_init(&job->trigger_text);
	strbuf_init(&job->check_message);
	strbuf_init(&job->check_file);
	if (runner->options.effects)
		job->effects = effects_new(runner->loop, on_effect, job);
	job->must_execute = true;
	job->since_ms = clock_wall_ms();
	if (!parse(job, err)) {
		job_free(job);
		return NULL;
	}
	job_read_live(job);
	job_list_generations(job);
	find_debt(job);
	return job;
}

static void clear_triggers(struct render_job *job)
{
	for (size_t i = 0; i < job->trigger_count; i++)
		free(job->triggers[i].what);
	job->trigger_count = 0;
	strbuf_reset(&job->trigger_text);
}

void job_free(struct render_job *job)
{
	struct render_template *spec = &job->spec;

	clear_triggers(job);
	free(job->triggers);
	nginx_check_cancel(&job->check);
	loop_timer_stop(&job->quiet);
	loop_timer_stop(&job->retry);
	loop_timer_stop(&job->owed_timer);
	tmpl_free(job->tmpl);
	given_free(job->given);
	effects_free(job->effects);
	arena_release(&job->host);
	dep_set_release(&job->used);
	dep_set_release(&job->missing);
	trace_release(&job->trace);
	target_generations_release(&job->kept);
	strbuf_release(&job->pending);
	strbuf_release(&job->live);
	strbuf_release(&job->exec_text);
	strbuf_release(&job->refused_why);
	strbuf_release(&job->brake);
	strbuf_release(&job->trouble);
	strbuf_release(&job->trigger_text);
	strbuf_release(&job->check_message);
	strbuf_release(&job->check_file);
	free((char *)spec->name);
	free((char *)spec->source);
	free((char *)spec->contents);
	free((char *)spec->destination);
	free((char *)spec->command);
	free((char *)spec->left_delimiter);
	free((char *)spec->right_delimiter);
	free_list(spec->denied);
	free((char *)spec->sandbox);
	free(job);
}

void job_touch(struct render_job *job)
{
	job->is_changed = true;
	runner_notify(job->runner);
}

static void set_state(struct render_job *job, enum render_state state)
{
	if (job->state == state)
		return;
	job->state = state;
	job->since_ms = clock_wall_ms();
	job_touch(job);
}

static bool is_equal(const struct render_job *job)
{
	return strbuf_equal(&job->pending, &job->live);
}

static void compare(struct render_job *job)
{
	job->added = job->removed = 0;
	if (job->has_pending && !is_equal(job))
		diff_count(job->live.buf, job->live.len, job->pending.buf, job->pending.len,
			   &job->added, &job->removed);
	job_touch(job);
}

bool job_is_outdated(const struct render_job *job)
{
	struct stat st;

	if (stat(job->spec.destination, &st) != 0)
		return job->live_exists;
	return !job->live_exists || st.st_ino != job->seen.st_ino ||
	       st.st_size != job->seen.st_size || st.st_mtim.tv_sec != job->seen.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != job->seen.st_mtim.tv_nsec;
}

void job_read_live(struct render_job *job)
{
	job->live_err = (struct err){ 0 };
	if (stat(job->spec.destination, &job->seen) != 0)
		job->seen = (struct stat){ 0 };
	if (!target_read(job->spec.destination, &job->live, &job->live_exists, &job->live_err)) {
		strbuf_reset(&job->live);
		job->live_exists = true;
	} else {
		job->live_err.code = ERR_NONE;
	}
	digest_sha256_hex(job->live.buf, job->live.len, job->live_sha256);
	job->written_ms = job->live_exists ? (int64_t)job->seen.st_mtim.tv_sec * 1000 +
						     job->seen.st_mtim.tv_nsec / 1000000
					   : 0;
	compare(job);
}

void job_list_generations(struct render_job *job)
{
	struct err err;

	target_generations_release(&job->kept);
	if (!target_list(&job->target, &job->kept, &err))
		target_generations_release(&job->kept);
	job_touch(job);
}

void job_add_trigger(struct render_job *job, const struct dep *dep, long delta)
{
	const char *what = dep->name[0] ? dep->name : dep_kind_name(dep->kind);
	size_t i;

	for (i = 0; i < job->trigger_count; i++)
		if (strcmp(job->triggers[i].what, what) == 0)
			break;
	if (i == TRIGGERS_MAX)
		return;
	if (i == job->trigger_count) {
		GROW(job->triggers, job->trigger_count, job->trigger_cap);
		job->triggers[job->trigger_count++] = (struct render_trigger){ xstrdup(what), 0 };
	}
	job->triggers[i].delta += delta;
	strbuf_reset(&job->trigger_text);
	for (i = 0; i < job->trigger_count; i++) {
		strbuf_addf(&job->trigger_text, "%s%s", i ? ", " : "", job->triggers[i].what);
		if (job->triggers[i].delta)
			strbuf_addf(&job->trigger_text, " (%+ld)", job->triggers[i].delta);
	}
	job_touch(job);
}

/* Templates may change the environment that they see by nothing. */
static const char *lookup_env(void *arg, const char *name)
{
	const struct render_job *job = arg;
	size_t len = strlen(name);

	for (const char *const *at = job->runner->options.env; at && *at; at++)
		if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
			return *at + len + 1;
	return getenv(name);
}

const struct tmpl_value *job_lookup(const struct render_job *job, const struct dep *dep)
{
	if (given_covers(job->given, dep))
		return given_lookup(job->given, dep);
	return render_source_lookup(job->runner->source, dep);
}

bool job_asks(const struct render_job *job, const char *text)
{
	const struct dep *dep = dep_set_find(&job->used, text);

	return dep && !given_covers(job->given, dep);
}

static const struct tmpl_value *lookup(void *arg, const struct dep *dep)
{
	return job_lookup(arg, dep);
}

static const struct tmpl_address *addresses(void *arg, size_t *count)
{
	struct render_job *job = arg;

	return host_addresses(&job->host, count);
}

/* spew_dump, to whoever writes the template and runs it by hand. */
static void print(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	fwrite(bytes, 1, len, stdout);
	fflush(stdout);
}

static bool plugin_ready(void *arg, const char *const *argv)
{
	const struct render_job *job = arg;

	return effects_plugin_ready(job->effects, argv);
}

static bool plugin(void *arg, const char *const *argv, struct strbuf *out)
{
	const struct render_job *job = arg;

	return effects_plugin(job->effects, argv, out);
}

static bool write_file(void *arg, const char *path, const char *user, const char *group,
		       const char *mode, const char *flags, const char *bytes, size_t len,
		       struct err *err)
{
	const struct render_job *job = arg;

	return effects_write(job->effects, path, user, group, mode, flags, bytes, len, err);
}

static void on_quiet(void *arg)
{
	struct render_job *job = arg;

	job->quiet = NULL;
	job->quiet_until_ms = 0;
	runner_schedule(job->runner);
}

/* Another change: wait for the least time again, but not beyond the end that was set by the
 * first one. */
static void arm_quiet(struct render_job *job)
{
	const struct render_options *options = &job->runner->options;
	int64_t min = job->spec.own_wait ? job->spec.wait_min_ms : options->wait_min_ms;
	int64_t max = job->spec.own_wait ? job->spec.wait_max_ms : options->wait_max_ms;
	int64_t now = clock_mono_ms(), delay = min;

	if (min <= 0 || job->runner->is_first_pass)
		return;
	if (!job->quiet_until_ms)
		job->quiet_until_ms = now + (max ? max : 4 * min);
	if (delay > job->quiet_until_ms - now)
		delay = job->quiet_until_ms - now;
	loop_timer_stop(&job->quiet);
	job->quiet = loop_timer_start(job->runner->loop, delay > 0 ? delay : 0, on_quiet, job);
}

static void stop_quiet(struct render_job *job)
{
	loop_timer_stop(&job->quiet);
	job->quiet_until_ms = 0;
}

static void take_text(struct render_job *job, struct strbuf *text)
{
	char sha256[DIGEST_HEX_BYTES];

	digest_sha256_hex(text->buf, text->len, sha256);
	if (job->has_pending && strcmp(sha256, job->pending_sha256) == 0)
		return;
	strbuf_release(&job->pending);
	job->pending = *text;
	strbuf_init(text);
	job->has_pending = true;
	memcpy(job->pending_sha256, sha256, sizeof(sha256));
	job_allow(job);
	nginx_check_cancel(&job->check);
	if (strcmp(job->checked, sha256) != 0)
		job->verdict = RENDER_UNCHECKED;
	compare(job);
	if (!is_equal(job))
		arm_quiet(job);
}

static void take_missing(struct render_job *job, struct tmpl_result *result)
{
	dep_set_release(&job->used);
	dep_set_release(&job->missing);
	job->used = result->used;
	job->missing = result->missing;
	result->used = result->missing = (struct dep_set)DEP_SET_INIT;
	trace_execution(&job->trace, &job->missing, clock_wall_ms());
}

/* Links and .. do not lead out of it; a file that is not there is nobody's secret. */
static bool is_in_sandbox(const char *sandbox, const char *path)
{
	char *folder = realpath(sandbox, NULL), *file = realpath(path, NULL);
	size_t len = folder ? strlen(folder) : 0;
	bool is_in = !file || (len && strncmp(file, folder, len) == 0 &&
			       (file[len] == '/' || folder[len - 1] == '/'));

	free(folder);
	free(file);
	return is_in;
}

static bool watch(struct render_job *job, const struct dep *dep, struct err *err)
{
	if (dep->kind == DEP_FILE && job->spec.sandbox &&
	    !is_in_sandbox(job->spec.sandbox, dep->name))
		return err_set(err, ERR_DENIED,
			       "%s: error calling file: '%s' is outside of sandbox",
			       job->spec.source ? job->spec.source : "(dynamic)", dep->name);
	return given_covers(job->given, dep) || render_source_watch(job->runner->source, dep, err);
}

/* The outcome of an execution, whose parts are taken over. */
static void take_result(struct render_job *job, struct tmpl_result *result)
{
	bool is_waiting = dep_set_count(&result->missing) != 0;

	job->must_execute = false;
	job->executions++;
	take_missing(job, result);
	job->exec_err = (struct err){ 0 };
	for (size_t i = 0; i < dep_set_count(&job->used) && !job->exec_err.code; i++)
		watch(job, dep_set_at(&job->used, i), &job->exec_err);
	strbuf_reset(&job->exec_text);
	if (result->failed && (!is_waiting || job->runner->options.early_errors)) {
		strbuf_addf(&job->exec_text, "%s: %s",
			    job->spec.source ? job->spec.source : "(dynamic)",
			    result->error.message);
		err_set(&job->exec_err, ERR_INPUT, "%s", job->exec_text.buf);
	}
	if (!job->exec_err.code && !is_waiting && !result->failed && job->effects)
		effects_commit(job->effects, job->runner->options.dry_effects, &job->exec_err);
	if (job->exec_err.code || is_waiting) {
		job->has_pending = false;
		job->pending_sha256[0] = '\0';
		strbuf_reset(&job->pending);
		stop_quiet(job);
		compare(job);
	} else {
		take_text(job, &result->output);
	}
	if (job->exec_err.code)
		log_error("render", "%s: %s", job->spec.name, job->exec_err.msg);
	else if (result->failed)
		log_debug("render", "%s: waits, as it fails without the answers to come: %s",
			  job->spec.name, result->error.message);
	job_touch(job);
}

static void copy_deps(struct dep_set *to, const struct dep_set *from)
{
	for (size_t i = 0; i < dep_set_count(from); i++)
		dep_set_add(to, dep_set_at(from, i));
}

/* A job of the same text takes the same result. */
static void share_result(struct render_job *job, const struct tmpl_result *result)
{
	struct tmpl_result copied = { .output = STRBUF_INIT,
				      .used = DEP_SET_INIT,
				      .missing = DEP_SET_INIT,
				      .failed = result->failed };

	strbuf_add(&copied.output, result->output.buf, result->output.len);
	copy_deps(&copied.used, &result->used);
	copy_deps(&copied.missing, &result->missing);
	copied.error.message = copy(result->error.message);
	take_result(job, &copied);
	tmpl_result_release(&copied);
}

void job_execute(struct render_job *job)
{
	struct render_runner *runner = job->runner;
	struct tmpl_source source = { .lookup = lookup, .env = lookup_env, .arg = job };
	struct tmpl_result result;

	source.addresses = addresses;
	arena_reset(&job->host);
	if (job->effects) {
		source.plugin = plugin;
		source.print = print;
		source.plugin_ready = plugin_ready;
		source.write_file = write_file;
		effects_begin(job->effects);
	}
	tmpl_execute(job->tmpl, &source, &result);
	for (size_t i = job->index + 1; i < runner->count; i++)
		if (runner->jobs[i]->must_execute && !job->given && !runner->jobs[i]->given &&
		    strcmp(runner->jobs[i]->identity, job->identity) == 0)
			share_result(runner->jobs[i], &result);
	take_result(job, &result);
	tmpl_result_release(&result);
}

static bool is_refused(const struct render_job *job)
{
	return job->refused[0] && strcmp(job->refused, job->pending_sha256) == 0;
}

/* What made it fail may be gone: nginx runs again, somebody mended another file. */
static void on_retry(void *arg)
{
	struct render_job *job = arg;

	job->retry = NULL;
	if (job->runner->options.mode != RENDER_AUTO)
		return;
	job->refused[0] = '\0';
	job->refused_err = (struct err){ 0 };
	runner_schedule(job->runner);
}

void job_refuse(struct render_job *job, const char *sha256, const struct err *err, const char *why)
{
	loop_timer_stop(&job->retry);
	/* The file is as the data says and stays: there is nothing to try again. */
	if (err && job->runner->source && !job->spec.keep_written)
		job->retry = loop_timer_start(job->runner->loop,
					      backoff_next_ms(&job->retry_backoff), on_retry, job);
	memcpy(job->refused, sha256, sizeof(job->refused));
	job->refused_err = err ? *err : (struct err){ 0 };
	strbuf_reset(&job->refused_why);
	strbuf_addstr(&job->refused_why, why);
	job_touch(job);
}

void job_allow(struct render_job *job)
{
	job->refused[0] = '\0';
	job->refused_err = (struct err){ 0 };
	loop_timer_stop(&job->retry);
	backoff_reset(&job->retry_backoff);
}

void job_set_busy(struct render_job *job, enum render_state busy)
{
	job->is_busy = true;
	job->busy = busy;
	set_state(job, busy);
}

void job_settle(struct render_job *job)
{
	memcpy(job->settled, job->live_sha256, sizeof(job->settled));
}

static bool is_braked(struct render_job *job)
{
	if (!job->runner->options.no_brakes) {
		if (job->settled[0] && strcmp(job->settled, job->live_sha256) != 0) {
			strbuf_addstr(&job->brake, "somebody else has changed the file since it "
						   "was written here");
			return true;
		}
		if (brake_check(&job->live, &job->pending, &job->brake))
			return true;
	}
	if (!is_refused(job))
		return false;
	strbuf_addstr(&job->brake, job->refused_why.buf);
	return true;
}

static enum render_state judge(struct render_job *job)
{
	enum render_mode mode = job->runner->options.mode;
	bool braked;

	strbuf_reset(&job->brake);
	if (job->exec_err.code || job->live_err.code)
		return RENDER_FAILED;
	if (!job->has_pending)
		return RENDER_WAITING;
	if (is_equal(job) && job->spec.keep_written && is_refused(job) && job->refused_err.code)
		return RENDER_FAILED; /* the file stands, its command failed */
	if (is_equal(job)) {
		stop_quiet(job);
		clear_triggers(job);
		job_allow(job);
		/* In mode off it is somebody else's doing, and shall be. */
		if (mode != RENDER_OFF)
			job_settle(job);
		return RENDER_CLEAN;
	}
	if (is_refused(job) && job->refused_err.code)
		return RENDER_FAILED;
	braked = is_braked(job);
	if (mode == RENDER_OFF || job->quiet)
		return RENDER_PENDING;
	return mode == RENDER_HOLD || braked ? RENDER_HELD : RENDER_PENDING;
}

void job_judge(struct render_job *job)
{
	set_state(job, job->is_busy ? job->busy : judge(job));
}

bool job_is_due(const struct render_job *job)
{
	return !job->is_busy && job->state == RENDER_PENDING && !job->quiet &&
	       job->runner->options.mode == RENDER_AUTO;
}

void job_set_verdict(struct render_job *job, const char *sha256,
		     const struct nginx_check_result *result, bool is_reached,
		     const struct err *err)
{
	memcpy(job->checked, sha256, sizeof(job->checked));
	strbuf_reset(&job->check_message);
	strbuf_reset(&job->check_file);
	job->verdict = !result      ? RENDER_UNCHECKED
		       : result->ok ? RENDER_CHECK_OK
				    : RENDER_CHECK_FAIL;
	strbuf_addstr(&job->check_message, result ? result->message : err->msg);
	if (result && result->ok && !is_reached)
		strbuf_addf(&job->check_message, "no include of %s reaches this file",
			    nginx_control_path(job->spec.nginx));
	strbuf_addstr(&job->check_file, result ? result->file : "");
	job->check_line = result ? result->line : 0;
	job->check_ms = result ? result->took_ms : 0;
	job_touch(job);
}

static void on_checked(void *arg, const struct nginx_check_result *result, const struct err *err)
{
	struct render_job *job = arg;

	job->check = NULL;
	job_set_verdict(job, job->pending_sha256, result, result && result->used[0], err);
}

void job_check_held(struct render_job *job)
{
	struct conf_pending pending = { .path = job->spec.destination,
					.text = job->pending.buf,
					.len = job->pending.len,
					.mode = job->spec.perms };

	if (job->state != RENDER_HELD || !job->spec.nginx || job->check ||
	    job->runner->options.no_automatic_check ||
	    strcmp(job->checked, job->pending_sha256) == 0)
		return;
	job->check = nginx_check_start(job->spec.nginx, &pending, 1, on_checked, job);
}

static void find_trouble(struct render_job *job)
{
	const struct render_source *source = job->runner->source;

	strbuf_reset(&job->trouble);
	for (size_t i = 0; source && i < dep_set_count(&job->used); i++) {
		const char *text = dep_set_at(&job->used, i)->text;
		const struct err *err = render_source_trouble(source, text);

		if (!err)
			continue;
		strbuf_addf(&job->trouble, "%s: %s", text, err->msg);
		return;
	}
}

void job_fill_status(struct render_job *job)
{
	const struct render_template *spec = &job->spec;
	struct render_status *status = &job->status;

	find_trouble(job);
	*status = (struct render_status){
		.name = spec->name,
		.source = spec->source ? spec->source : "(contents)",
		.destination = spec->destination,
		.nginx = spec->nginx ? nginx_control_name(spec->nginx) : "",
		.command = spec->command ? spec->command : "",
		.state = job->state,
		.waiting_for = job->trace.waiting,
		.waiting_since_ms = job->trace.waiting_since_ms,
		.waiting_count = job->trace.waiting_count,
		.since_ms = job->since_ms,
		.added = job->added,
		.removed = job->removed,
		.check = job->verdict,
		.check_message = job->check_message.buf,
		.check_file = job->check_file.buf,
		.check_line = job->check_line,
		.check_ms = job->check_ms,
		.trigger = job->trigger_text.buf,
		.cause = job->trace.cause.buf,
		.executed_ms = job->trace.executed_ms,
		.dependencies = dep_set_count(&job->used),
		.brake = job->brake.buf,
		.written_ms = job->written_ms,
		.loaded_ms = job->loaded_ms,
		.not_loaded = spec->nginx && (job->is_unloaded ||
					      (job->loaded_ms && job->written_ms > job->loaded_ms)),
		.generations = job->kept.len,
		.kept = &job->kept,
		.has_pending = job->has_pending,
		.executions = job->executions,
		.trouble = job->trouble.buf,
	};
	memcpy(status->pending_sha256, job->pending_sha256, DIGEST_HEX_BYTES);
	memcpy(status->live_sha256, job->live_sha256, DIGEST_HEX_BYTES);
	status->error_text = job->exec_text.len ? job->exec_text.buf : status->err.msg;
	status->is_unreadable = !job->exec_err.code && job->live_err.code;
	if (job->state == RENDER_FAILED)
		status->err = job->exec_err.code   ? job->exec_err
			      : job->live_err.code ? job->live_err
						   : job->refused_err;
}
