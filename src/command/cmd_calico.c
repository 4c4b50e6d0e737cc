/* Calico's data in the form of its own tool, for what reads that tool's output. */
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/base/list.h"
#include "binnacle/calico/resource.h"
#include "binnacle/feed/calico_feed.h"
#include "rows.h"

static bool run_calicoctl_get(struct command_call *call, struct err *err)
{
	const struct command_line *line = call->line;
	const struct calico_state *state =
		call->env->calico_feed ? calico_feed_state(call->env->calico_feed) : NULL;
	struct calico_print_filter filter = { .node = line->node };
	enum calico_print form = CALICO_PRINT_PLAIN;
	enum calico_kind kind;
	struct strbuf text = STRBUF_INIT;

	if (!state)
		return err_set(err, ERR_UNREACHABLE, "Calico has not given its data yet");
	if (!calico_kind_parse(line->words[0], &kind, err) ||
	    (line->output && !calico_print_parse(line->output, &form, err)))
		return false;
	/* calicoctl 1.6.5 knows API v1 alone. Of API v3 the table of endpoints is the one that is
	 * asked for in the night. */
	if (state->api == CALICO_API_V3 &&
	    (kind != CALICO_KIND_WEP || form == CALICO_PRINT_YAML || form == CALICO_PRINT_JSON))
		return err_set(err, ERR_INPUT,
			       "the datastore has API v3: only the tables of workloadEndpoint are "
			       "printed for it; list and show have the rest");
	if (form == CALICO_PRINT_COLUMNS) {
		filter.columns = strchr(line->output, '=') + 1;
		if (!calico_print_has_columns(kind, filter.columns, err))
			return false;
	}
	if (line->word_count > 1)
		filter.name = line->words[1];
	calico_print(&text, state, kind, form, &filter);
	call->front->text(call->front_arg, line->words[0], text.buf, text.len, false);
	strbuf_release(&text);
	command_end(call, COMMAND_DONE, NULL);
	return true;
}

const struct command calico_commands[] = {
	{
		.verb = "calicoctl get",
		.args = "KIND [NAME]",
		.summary = "Calico's data in the form of calicoctl get",
		.help = "KIND is workloadEndpoint, hostEndpoint, policy, profile, ipPool or node. "
			"The text is that of\ncalicoctl 1.6.5, byte for byte: for programs that "
			"read it. Of API v3 only the\ntables of workloadEndpoint, as calicoctl "
			"3 prints them with -a.",
		.options = "node",
		.outputs = "ps wide yaml json custom-columns=",
		.table = -1,
		.needs = MODEL_BIT(MODEL_ENDPOINTS),
		.run = run_calicoctl_get,
	},
};
const size_t calico_command_count = COUNT_OF(calico_commands);
