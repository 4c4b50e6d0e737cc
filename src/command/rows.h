/*
 * rows.h - the tables of commands, one per subject, and what their files share.
 */
#ifndef COMMAND_ROWS_H
#define COMMAND_ROWS_H

#include "binnacle/command/command.h"
#include "binnacle/model/model.h"

extern const struct command look_commands[], render_commands[], service_commands[],
	endpoint_commands[], address_commands[], node_commands[], record_commands[],
	calico_commands[], policy_commands[], engine_commands[], watch_commands[];
extern const size_t look_command_count, render_command_count, service_command_count,
	endpoint_command_count, address_command_count, node_command_count, record_command_count,
	calico_command_count, policy_command_count, engine_command_count, watch_command_count;

/*
 * The row that a word names: its identity, or how people call the thing as long as that is
 * unambiguous (a container's name, a service id without its node, an address, the beginning of
 * a long id). NULL with err.
 */
const void *find_row(const struct snapshot *snapshot, const char *word, struct err *err);

/* Which table a word such as "services" or "service" names. */
const struct table *find_table(const char *word, struct err *err);

/* As command_parse, for a line that is being typed: words may be missing at its end. */
struct command_line *parse_unfinished(const char *text, struct err *err);

/* Of cmd_registration.c: the row "diff services", and whether there is something to compare. */
#define REGISTRATIONS_PATIENCE_MS 5000
bool run_diff_services(struct command_call *call, struct err *err);
bool registrations_are_ready(const struct command_call *call);

/* No template waits for its first answers: for scripts (struct command, `ready`). */
bool renders_are_ready(const struct command_call *call);

/*
 * Calico's left-overs are judged by how long they have been so, which a script that has just
 * started must wait for (struct command, `ready`).
 */
#define VERDICTS_PATIENCE_MS 90000 /* a good deal more than CALICO_GRACE_MS */
#define VERDICTS_WAIT                                                                              \
	"waiting up to 90 s: some endpoints were not seen for long enough to be judged"
bool verdicts_are_ripe(const struct command_call *call);

/* Steps of a target that removes a left-over: the endpoint, then its address. */
struct plan_target;
void add_endpoint_deletion(struct plan_target *target, const struct endpoint_row *row);
/* endpoint: the key of the one that has it and goes first. */
void add_address_release(struct plan_target *target, const char *address, const char *node,
			 const char *endpoint);

/* Say something on the way. level as in base/log.h. */
void call_say(struct command_call *call, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Append " WORD" as it must be typed: quoted where a shell would split it. */
void add_shell_word(struct strbuf *out, const char *word);

#endif
