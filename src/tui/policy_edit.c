/* A policy in the operator's editor. What was written is applied like any other file: the
 * question comes before anything happens. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/feed/calico_feed.h"
#include "internal.h"

static void on_edited(struct tui *tui, char *path, bool changed)
{
	const char *const words[] = { "policy", "apply", "--file", path };

	if (changed) {
		calls_start_on_file(tui, words, COUNT_OF(words), path);
		return;
	}
	tui_message(tui, LOG_LEVEL_INFO, "the text is as it was: nothing to apply");
	unlink(path);
	free(path);
}

/* The policy that a name or the cursor means; NULL: none, then *name may be a new one's. */
static const struct policy_row *find_policy(struct tui *tui, const char **name)
{
	const struct snapshot *policies = model_current(tui->model, MODEL_POLICIES);
	const struct policy_row *row = NULL;
	struct view *view = tui_view(tui);
	struct selection selection = { 0 };

	if (**name)
		return snapshot_find(policies, *name);
	if (view->kind->selection && view->kind->selection(view, &selection) &&
	    selection.table == MODEL_POLICIES && selection.count)
		row = snapshot_find(policies, selection.ids[0]);
	selection_release(&selection);
	if (row)
		*name = row->id;
	return row;
}

/* A beginning that changes nothing by itself: it selects one label that nobody has yet. */
static void put_template(const struct tui *tui, struct strbuf *out, const char *name)
{
	const struct calico_state *state =
		tui->env->calico_feed ? calico_feed_state(tui->env->calico_feed) : NULL;
	bool v3 = state && state->api == CALICO_API_V3;

	strbuf_addf(out,
		    "apiVersion: %s\n"
		    "kind: %s\n"
		    "metadata:\n"
		    "  name: %s\n"
		    "spec:\n"
		    "  selector: role == 'change-me'\n"
		    "  types:\n"
		    "  - %s\n"
		    "  ingress:\n"
		    "  - action: %s\n"
		    "    protocol: %s\n"
		    "    source:\n"
		    "      nets:\n"
		    "      - 10.0.0.0/8\n"
		    "    destination:\n"
		    "      ports:\n"
		    "      - 80\n",
		    v3 ? "projectcalico.org/v3" : "v1", v3 ? "GlobalNetworkPolicy" : "policy", name,
		    v3 ? "Ingress" : "ingress", v3 ? "Allow" : "allow", v3 ? "TCP" : "tcp");
}

void policy_edit(struct tui *tui, const char *name)
{
	const struct policy_row *row = find_policy(tui, &name);
	struct strbuf text = STRBUF_INIT;
	const char *why;

	if (!tui_may_act(tui, &why)) {
		tui_message(tui, LOG_LEVEL_WARN, "edit policy refused: %s", why);
		return;
	}
	if (!*name) {
		tui_message(tui, LOG_LEVEL_WARN, "edit policy: say which one, or a new name");
		return;
	}
	if (row && !*row->yaml) {
		tui_message(tui, LOG_LEVEL_WARN, "%s cannot be read: %s; apply a file over it",
			    row->id, row->problem);
		return;
	}
	if (row)
		strbuf_addstr(&text, row->yaml);
	else
		put_template(tui, &text, name);
	pager_edit(tui, &text, on_edited);
	strbuf_release(&text);
}
