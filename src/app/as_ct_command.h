/*
 * as_ct_command.h - how Consul Template makes a program's arguments and environment of what its
 * configuration says.
 */
#ifndef BINNACLE_APP_AS_CT_COMMAND_H
#define BINNACLE_APP_AS_CT_COMMAND_H

#include "as_ct_config.h"

/*
 * The words of a command, ends in NULL, in the arena. No shell runs, but quotes, backslash and
 * $NAME mean what they mean there ($NAME in single quotes too: the original's way), and the first
 * ; & | < > that is not quoted ends the command: the rest is dropped, as the original drops it.
 *
 * What stands in backquotes is for a shell. `outputs` (ends in NULL) is what the first of them
 * printed; when there is one more, it goes to *shell and *argv stays NULL: run it, ask again.
 */
bool ct_command_split(const char *line, const char *const *outputs, struct arena *arena,
		      const char *const **argv, const char **shell, struct err *err);

/* The whole environment of a command: ours, filtered; Consul's variables; the custom ones. */
const char *const *ct_command_env(const struct ct_config *config, const struct ct_env *env,
				  struct arena *arena);

#endif
