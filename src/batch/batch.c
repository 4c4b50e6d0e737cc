#include "binnacle/batch/batch.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "batch_private.h"
#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"

struct batch_request {
	struct command_line **lines;
	int *numbers; /* of the lines in the script */
	size_t count, cap;
	char *script; /* its name, for messages; NULL: one command */
	bool keep_going;
	struct batch_streams streams;
};

static void complain(const struct batch_streams *streams, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void complain(const struct batch_streams *streams, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT, clean = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	text_clean(&clean, text.buf, text.len);
	fprintf(streams->err, "binnacle: %s\n", clean.buf);
	strbuf_release(&text);
	strbuf_release(&clean);
}

void batch_complain(const struct batch_call *call, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	if (call->progress_shown)
		fputs("\r\033[K", call->streams.err);
	complain(&call->streams, "%s", text.buf);
	strbuf_release(&text);
}

static struct batch_streams real_streams(void)
{
	struct batch_streams streams = { .out = stdout, .err = stderr };
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int64_t width;

	streams.no_tty = !isatty(STDIN_FILENO);
	if (isatty(STDOUT_FILENO)) {
		streams.width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col
					? size.ws_col
					: 80;
		if (columns && text_parse_int(columns, 20, 10000, &width))
			streams.width = (int)width;
	}
	return streams;
}

static void add_line(struct batch_request *request, struct command_line *line, int number)
{
	if (request->count == request->cap) {
		request->cap = request->cap ? request->cap * 2 : 8;
		request->lines =
			xreallocarray(request->lines, request->cap, sizeof(*request->lines));
		request->numbers =
			xreallocarray(request->numbers, request->cap, sizeof(*request->numbers));
	}
	request->lines[request->count] = line;
	request->numbers[request->count++] = number;
}

void batch_free(struct batch_request *request)
{
	if (!request)
		return;
	for (size_t i = 0; i < request->count; i++)
		command_line_free(request->lines[i]);
	free(request->lines);
	free(request->numbers);
	free(request->script);
	free(request);
}

static bool read_stream(FILE *in, struct strbuf *out, struct err *err)
{
	char bytes[4096];
	size_t got;

	while ((got = fread(bytes, 1, sizeof(bytes), in)) > 0) {
		strbuf_add(out, bytes, got);
		if (out->len > LIMIT_CONFIG_FILE)
			return err_set(err, ERR_INPUT, "standard input is longer than %u bytes",
				       LIMIT_CONFIG_FILE);
	}
	return !ferror(in) || err_system(err, "standard input");
}

/* Replace a word "-" by the lines of standard input. */
static bool expand_words(struct command_line *line, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	size_t at = 0, cap;

	while (at < line->word_count && strcmp(line->words[at], "-") != 0)
		at++;
	if (at == line->word_count)
		return true;
	if (!read_stream(stdin, &text, err)) {
		strbuf_release(&text);
		return false;
	}
	free(line->words[at]);
	memmove(line->words + at, line->words + at + 1,
		(line->word_count - at - 1) * sizeof(*line->words));
	cap = line->word_count--;
	for (char *word = text.buf, *end; *word; word = end + (*end == '\n')) {
		struct strbuf id = STRBUF_INIT;

		end = word + strcspn(word, "\n");
		strbuf_add(&id, word, (size_t)(end - word));
		strbuf_trim(&id);
		if (id.len) {
			GROW(line->words, line->word_count, cap);
			line->words[line->word_count++] = strbuf_detach(&id, NULL);
		}
		strbuf_release(&id);
	}
	strbuf_release(&text);
	return true;
}

static bool parse_script_text(struct batch_request *request, char *text, struct err *err)
{
	int number = 0;
	char *next;

	for (char *at = text; *at; at = next) {
		size_t len = strcspn(at, "\n");
		struct command_line *line;

		next = at + len + (at[len] == '\n');
		at[len] = '\0';
		if (len && at[len - 1] == '\r')
			at[len - 1] = '\0';
		number++;
		at += strspn(at, " \t");
		if (!*at || *at == '#')
			continue;
		line = command_parse(at, err);
		if (!line)
			return err_context(err, "%s:%d", request->script, number);
		for (size_t i = 0; i < line->word_count; i++) {
			if (strcmp(line->words[i], "-") != 0)
				continue;
			command_line_free(line);
			return err_set(err, ERR_INPUT,
				       "%s:%d: a script cannot read IDs from standard input",
				       request->script, number);
		}
		add_line(request, line, number);
	}
	return true;
}

/* All lines are read before the first one runs: a typing error in the last does no half work. */
static bool parse_script(struct batch_request *request, const char *path, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	bool good;

	request->script = xstrdup(strcmp(path, "-") == 0 ? "standard input" : path);
	good = strcmp(path, "-") == 0 ? read_stream(stdin, &text, err)
				      : file_read(path, LIMIT_CONFIG_FILE, &text, err);
	if (good && strlen(text.buf) != text.len)
		good = err_set(err, ERR_INPUT, "%s holds a NUL byte", request->script);
	if (good && text.len)
		good = parse_script_text(request, text.buf, err);
	strbuf_release(&text);
	return good;
}

static bool parse_script_arguments(struct batch_request *request, int argc, const char *const *argv,
				   struct err *err)
{
	const char *path = NULL;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "-k") == 0 || strcmp(argv[i], "--keep-going") == 0)
			request->keep_going = true;
		else if (strcmp(argv[i], "-f") == 0 && i + 1 < argc && !path)
			path = argv[++i];
		else
			return err_set(err, ERR_INPUT, "%s: the form is -f FILE [--keep-going]",
				       argv[i]);
	}
	return path ? parse_script(request, path, err)
		    : err_set(err, ERR_INPUT, "-f needs the name of a file");
}

static bool is_script(int argc, const char *const *argv)
{
	int at = 0;

	while (at < argc && (strcmp(argv[at], "-k") == 0 || strcmp(argv[at], "--keep-going") == 0))
		at++;
	return at < argc && strcmp(argv[at], "-f") == 0;
}

static bool parse_arguments(struct batch_request *request, int argc, const char *const *argv,
			    struct err *err)
{
	struct command_line *line;

	if (is_script(argc, argv))
		return parse_script_arguments(request, argc, argv, err);
	line = command_parse_words(argv, (size_t)argc, err);
	if (!line)
		return false;
	add_line(request, line, 0);
	return line->help || expand_words(line, err);
}

struct batch_request *batch_parse(int argc, const char *const *argv,
				  const struct batch_streams *streams, int *status)
{
	struct batch_request *request = xcalloc(1, sizeof(*request));
	struct err err = { 0 };

	request->streams = streams && streams->out ? *streams : real_streams();
	*status = COMMAND_DONE;
	if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
		batch_help(request->streams.out);
	} else if (!parse_arguments(request, argc, argv, &err)) {
		complain(&request->streams, "%s", err.msg);
		*status = COMMAND_USAGE;
	} else if (request->count == 1 && request->lines[0]->help) {
		batch_help_command(request->streams.out, command_find(request->lines[0]->verb));
	} else {
		return request;
	}
	batch_free(request);
	return NULL;
}

unsigned batch_needs(const struct batch_request *request)
{
	unsigned needs = 0;

	for (size_t i = 0; i < request->count; i++) {
		const struct command *command = command_find(request->lines[i]->verb);

		needs |= command->needs;
		if (command->needs_of)
			needs |= command->needs_of(request->lines[i]);
	}
	return needs;
}

bool batch_changes(const struct batch_request *request)
{
	for (size_t i = 0; i < request->count; i++)
		if (command_changes(command_find(request->lines[i]->verb)))
			return true;
	return false;
}

static void on_rows(void *arg, const struct table *table, const struct row_view *view,
		    const struct snapshot *snapshot, const struct command_line *line)
{
	struct batch_call *call = arg;

	output_rows(&call->output, table, view, snapshot, line);
}

static void on_object(void *arg, const char *kind, const char *id, const char *detail,
		      const struct json *json, const struct command_line *line)
{
	struct batch_call *call = arg;

	(void)id;
	(void)line;
	output_object(&call->output, kind, detail, json);
	/* Whoever follows a stream of them wants each as it comes. */
	fflush(call->streams.out);
}

static void on_text(void *arg, const char *title, const char *text, size_t len, bool is_diff)
{
	struct batch_call *call = arg;

	output_text(&call->output, title, text, len, is_diff);
}

static void on_message(void *arg, int level, const char *text)
{
	struct batch_call *call = arg;

	if (level >= LOG_LEVEL_WARN)
		output_note_error(&call->output, text);
	if (call->line->quiet && level < LOG_LEVEL_ERROR)
		return;
	batch_complain(call, "%s%s", level >= LOG_LEVEL_WARN ? "warning: " : "", text);
}

static void show_progress(struct batch_call *call, const struct output_result *result)
{
	FILE *err = call->streams.err;

	if (call->line->quiet)
		return;
	if (isatty(fileno(err))) {
		fprintf(err, "\r\033[K%zu/%zu, %zu failed", call->result_count,
			call->plan ? call->plan->target_count : 0, call->failed_count);
		fflush(err);
		call->progress_shown = true;
		return;
	}
	complain(&call->streams, "%s %s%s%s", result->result, result->label,
		 *result->error ? ": " : "", result->error);
}

static void on_target(void *arg, const struct plan *plan, size_t target, const char *result,
		      const char *error, const char *undo)
{
	struct batch_call *call = arg;
	struct output_result *item;

	call->plan = plan;
	GROW(call->results, call->result_count, call->result_cap);
	item = &call->results[call->result_count++];
	*item = (struct output_result){
		.target = xstrdup(plan->targets[target].id),
		.label = xstrdup(plan->targets[target].label),
		.result = xstrdup(result),
		.error = xstrdup(error),
		.undo = xstrdup(undo),
	};
	call->failed_count += strcmp(result, "done") != 0;
	show_progress(call, item);
}

static void on_ended(void *arg, struct command_call *command, enum command_status status,
		     const struct err *err)
{
	struct batch_call *call = arg;

	batch_stop_asking(call);
	if (call->progress_shown)
		fputs("\r\033[K", call->streams.err);
	call->progress_shown = false;
	/* A program that reads JSON gets a document also when there was nothing to do. */
	if (call->result_count ||
	    (call->output.format == OUTPUT_JSON && command->plan && !command->plan->target_count &&
	     status == COMMAND_DONE && !command->looking_only))
		output_results(&call->output, command->plan, call->results, call->result_count);
	/* Why a confirmation is missing has been said already. */
	if (err && !call->refused)
		batch_complain(call, "%s: %s", command->command->verb, err->msg);
	call->status = status;
	call->call = NULL;
	loop_stop(call->env->loop);
}

static const struct command_front front = {
	.name = "batch",
	.rows = on_rows,
	.object = on_object,
	.text = on_text,
	.message = on_message,
	.confirm = batch_confirm,
	.target = on_target,
	.ended = on_ended,
};

static void set_time(const struct command_line *line, int width)
{
	if (!line->time)
		present_set_time(width ? PRESENT_TIME_CLOCK : PRESENT_TIME_ISO);
	else if (strcmp(line->time, "relative") == 0)
		present_set_time(PRESENT_TIME_AGE);
	else if (strcmp(line->time, "epoch") == 0)
		present_set_time(PRESENT_TIME_EPOCH);
	else
		present_set_time(PRESENT_TIME_ISO);
}

/* The signal that came; the running call stops between steps. */
struct interruption {
	struct batch_call *call;
	int signal;
};

static void on_signal(void *arg, int signal)
{
	struct interruption *interruption = arg;

	interruption->signal = signal;
	if (interruption->call && interruption->call->call)
		command_cancel(interruption->call->call);
}

static int run_line(struct batch_request *request, size_t index, struct loop *loop,
		    struct action_env *env, struct interruption *interruption)
{
	struct batch_call call = { .streams = request->streams, .env = env, .tty = -1 };
	struct err err = { 0 };

	call.line = request->lines[index];
	request->lines[index] = NULL;
	strbuf_init(&call.typed);
	if (call.line->help) {
		batch_help_command(call.streams.out, command_find(call.line->verb));
		command_line_free(call.line);
		return COMMAND_DONE;
	}
	set_time(call.line, call.streams.width);
	if (call.line->verbose)
		log_set_sink(log_sink_stderr, NULL, LOG_LEVEL_DEBUG);
	call.output = output_new(call.streams.out, call.streams.width, call.line,
				 command_find(call.line->verb)->output, env->model);
	if (command_find(call.line->verb)->outputs) /* its text is in that form already */
		call.output.format = OUTPUT_TABLE;
	call.call = command_start(call.line, env, &front, &call, &err);
	if (!call.call) {
		complain(&call.streams, "%s", err.msg);
		return COMMAND_USAGE;
	}
	interruption->call = &call;
	loop_run(loop);
	assert(!call.call);
	interruption->call = NULL;
	for (size_t i = 0; i < call.result_count; i++) {
		free(call.results[i].target);
		free(call.results[i].label);
		free(call.results[i].result);
		free(call.results[i].error);
		free(call.results[i].undo);
	}
	free(call.results);
	output_release(&call.output);
	if (fflush(call.streams.out) != 0 || ferror(call.streams.out)) {
		complain(&call.streams, "standard output cannot be written");
		return call.status ? (int)call.status : COMMAND_FAILED;
	}
	return (int)call.status;
}

int batch_run(struct batch_request *request, struct loop *loop, struct action_env *env)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct loop_signal *watches[COUNT_OF(signals)];
	struct interruption interruption = { 0 };
	int status = COMMAND_DONE;
	bool failed = false;

	for (size_t i = 0; i < COUNT_OF(signals); i++)
		watches[i] = loop_signal_add(loop, signals[i], on_signal, &interruption);
	for (size_t i = 0; i < request->count && !interruption.signal; i++) {
		status = run_line(request, i, loop, env, &interruption);
		if (status == COMMAND_DONE)
			continue;
		if (request->script)
			complain(&request->streams, "%s:%d: status %d", request->script,
				 request->numbers[i], status);
		failed = true;
		if (!request->keep_going)
			break;
	}
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		loop_signal_remove(&watches[i]);
	if (interruption.signal)
		return 128 + interruption.signal;
	return request->keep_going && request->script && failed ? COMMAND_PARTLY : status;
}
