#include <string.h>

#include "batch_private.h"
#include "binnacle/base/list.h"

static void put_option(FILE *out, const struct command *command,
		       const struct command_option *option)
{
	bool own = command->outputs && strcmp(option->name, "output") == 0;
	char name[64];

	if (option->letter)
		snprintf(name, sizeof(name), "-%c, --%s%s%s", option->letter, option->name,
			 option->value ? " " : "", option->value ? option->value : "");
	else
		snprintf(name, sizeof(name), "    --%s%s%s", option->name, option->value ? " " : "",
			 option->value ? option->value : "");
	fprintf(out, "  %-24s %s%s\n", name, own ? "one of: " : "",
		own ? command->outputs : option->help);
}

void batch_help(FILE *out)
{
	const struct command *command;

	fputs("usage: binnacle --batch VERB [KIND] [ID ...] [options]\n"
	      "       binnacle --batch -f FILE [--keep-going]     one command per line; - reads\n"
	      "                                                   standard input\n"
	      "       binnacle --batch run                        the engine without a screen\n"
	      "       binnacle --batch VERB --help\n\n"
	      "An ID of - reads IDs from standard input, one per line.\n\n",
	      out);
	for (int changes = 0; changes < 2; changes++) {
		fputs(changes ? "\nVerbs that change something (they ask, or take --yes):\n"
			      : "Verbs that look:\n",
		      out);
		for (size_t i = 0; (command = command_at(i)); i++)
			if (command_changes(command) == (changes == 1))
				fprintf(out, "  %-16s %s\n", command->verb, command->summary);
	}
	fputs("\nExit status: 0 done or nothing to do; 1 failed, nothing was changed; 2 usage or\n"
	      "configuration; 3 partly done; 4 a backend cannot be reached or is stale; 5\n"
	      "permission denied; 6 refused by mode or a brake; 7 confirmation needed; 8 the plan\n"
	      "changed or --expect did not match; 9 differences found; 124 --timeout passed;\n"
	      "128+n ended by signal n.\n",
	      out);
}

void batch_help_command(FILE *out, const struct command *command)
{
	fprintf(out, "usage: binnacle --batch %s%s%s [options]\n\n%s.\n", command->verb,
		command->args ? " " : "", command->args ? command->args : "", command->summary);
	if (command->help)
		fprintf(out, "\n%s\n", command->help);
	fputs("\nOptions:\n", out);
	for (size_t i = 0; i < command_option_count(); i++) {
		const struct command_option *option = command_option_at(i);

		if (command_takes_option(command, option->name))
			put_option(out, command, option);
	}
}
