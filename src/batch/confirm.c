/*
 * What takes the place of the dialog. --yes answers an ordinary question; where the console
 * wants something typed, --expect N must say how many targets there are, and in a production
 * datacenter --dc its name. Without --yes the question goes to /dev/tty, by the loop, and the
 * default is no; without a terminal there is nobody to ask: the plan is printed and the status
 * is 7.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "batch_private.h"
#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/loop.h"

#define ANSWER_BYTES_MAX 1024

/* What is still missing for --yes to be enough; NULL: nothing. */
static const char *missing_option(const struct batch_call *call, const struct plan *plan)
{
	const struct command_line *line = call->line;
	const char *production = call->env->production_dc;

	if (line->dc && production && strcmp(line->dc, production) != 0)
		return "--dc names another datacenter than this one";
	if (plan->confirm != PLAN_CONFIRM_TYPED)
		return NULL;
	if (line->expect < 0)
		return "this needs --expect with the number of targets beside --yes";
	if (production && !line->dc)
		return "this is a production datacenter and needs --dc with its name";
	return NULL;
}

static void answer(struct batch_call *call, bool yes, const char *kind)
{
	batch_stop_asking(call);
	call->call->confirmation = kind;
	command_answer(call->call, yes);
}

void batch_stop_asking(struct batch_call *call)
{
	loop_fd_remove(&call->asking);
	if (call->tty > 0 && !call->streams.answer)
		close(call->tty);
	call->tty = -1;
	strbuf_release(&call->typed);
}

static bool is_yes(const struct batch_call *call, const char *typed)
{
	struct strbuf want = STRBUF_INIT;
	bool yes;

	if (call->plan->confirm != PLAN_CONFIRM_TYPED)
		return strcmp(typed, "y") == 0 || strcmp(typed, "yes") == 0;
	plan_typed_answer(call->plan, call->env->production_dc, &want);
	yes = strcmp(typed, want.buf) == 0;
	strbuf_release(&want);
	return yes;
}

static void on_typed(void *arg, int fd, unsigned events)
{
	struct batch_call *call = arg;
	char bytes[256], *end;
	ssize_t got = read(fd, bytes, sizeof(bytes));
	bool yes;

	(void)events;
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		answer(call, false, NULL);
		return;
	}
	strbuf_add(&call->typed, bytes, (size_t)got);
	end = memchr(call->typed.buf, '\n', call->typed.len);
	if (!end && call->typed.len < ANSWER_BYTES_MAX)
		return;
	strbuf_setlen(&call->typed, end ? (size_t)(end - call->typed.buf) : 0);
	strbuf_trim(&call->typed);
	yes = is_yes(call, call->typed.buf);
	answer(call, yes, call->plan->confirm == PLAN_CONFIRM_TYPED ? "typed" : "y");
}

static bool ask(struct batch_call *call, const struct plan *plan)
{
	struct strbuf text = STRBUF_INIT;

	if (call->streams.no_tty)
		return false;
	call->tty = call->streams.answer ? fileno(call->streams.answer)
					 : open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (call->tty < 0)
		return false;
	plan_print(plan, &text);
	if (plan->confirm == PLAN_CONFIRM_TYPED) {
		strbuf_addstr(&text, "Type the following to confirm, anything else cancels: ");
		plan_typed_answer(plan, call->env->production_dc, &text);
		strbuf_addstr(&text, "\n> ");
	} else {
		strbuf_addf(&text, "%s? [y/N] ", *plan->button ? plan->button : "Do it");
	}
	fwrite(text.buf, 1, text.len, call->streams.err);
	fflush(call->streams.err);
	strbuf_release(&text);
	/* What was typed before the question was to be seen is no answer to it. */
	tcflush(call->tty, TCIFLUSH);
	strbuf_init(&call->typed);
	call->asking = loop_fd_add(call->env->loop, call->tty, LOOP_READ, on_typed, call);
	return true;
}

void batch_confirm(void *arg, struct command_call *command, const struct plan *plan)
{
	struct batch_call *call = arg;
	const char *missing;

	call->plan = plan;
	if (command->looking_only) {
		output_plan(&call->output, plan);
		command_answer(command, false);
		return;
	}
	if (call->line->yes) {
		missing = missing_option(call, plan);
		if (!missing) {
			answer(call, true, call->line->plan_hash ? "--yes --plan" : "--yes");
			return;
		}
		output_plan(&call->output, plan);
		batch_complain(call, "%s", missing);
		call->refused = true;
		answer(call, false, NULL);
		return;
	}
	if (ask(call, plan))
		return;
	output_plan(&call->output, plan);
	batch_complain(call, "there is nobody to ask: look at the plan, then add --yes%s%s",
		       plan->confirm == PLAN_CONFIRM_TYPED ? " --expect N" : "",
		       call->env->production_dc && plan->confirm == PLAN_CONFIRM_TYPED
			       ? " --dc NAME"
			       : "");
	call->refused = true;
	answer(call, false, NULL);
}
