/*
 * Calico's left-overs. Only what has full evidence is taken; what is unknown is refused with its
 * reason, also when it is named. A script that starts afresh cannot know yet for how long it has
 * been like this, so a call without a person waits until the evidence is ripe.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strmap.h"
#include "binnacle/feed/calico_feed.h"
#include "rows.h"

#define MANY_ENDPOINTS 20 /* above this, or half of a node's, the node's name must be typed */
#define SHORT_ID_CHARS 12

static const char *label_of(const struct endpoint_row *row, struct strbuf *out)
{
	strbuf_reset(out);
	if (*row->container)
		strbuf_addf(out, "%s ", row->container);
	strbuf_addf(out, "%.*s", SHORT_ID_CHARS, row->name);
	return out->buf;
}

static void put_evidence(const struct endpoint_row *row, struct plan_target *target)
{
	struct strbuf text = STRBUF_INIT;

	if (row->addresses.count)
		strbuf_addf(&text, "%s  ", row->addresses.items[0]);
	strbuf_addf(&text, "%s: %s", row->status, row->why);
	for (size_t i = 0; i < row->evidence.count; i++)
		strbuf_addf(&text, "; %s", row->evidence.items[i]);
	plan_set(&target->evidence, "%s", text.buf);
	strbuf_release(&text);
}

/* "10.233.1.4/32" without its mask. */
static char *plain_address(const char *address)
{
	return xstrndup(address, strcspn(address, "/"));
}

void add_endpoint_deletion(struct plan_target *target, const struct endpoint_row *row)
{
	struct json *args = json_new_object();

	json_add_str(args, "key", row->id);
	json_add_str(args, "name", row->name);
	json_add_str(args, "node", row->node);
	json_add_int(args, "modified_index", row->modified_index);
	plan_add_step(target, &step_delete_endpoint, args,
		      "delete workloadEndpoint %s (revision %lld), only if it is still that one",
		      row->id, (long long)row->modified_index);
}

void add_address_release(struct plan_target *target, const char *address, const char *node,
			 const char *endpoint)
{
	struct json *args = json_new_object();

	json_add_str(args, "address", address);
	json_add_str(args, "node", node);
	/* The step before this one deletes the endpoint that had it. */
	json_add_bool(args, "leaked", true);
	json_add_str(args, "endpoint", endpoint);
	plan_add_step(target, &step_release_address, args, "give address %s back to its pool",
		      address);
}

static void add_endpoint(const struct command_line *line, struct plan *plan,
			 const struct endpoint_row *row)
{
	struct strbuf label = STRBUF_INIT;
	struct plan_target *target;

	target = plan_add_target(plan, "endpoint", row->id, label_of(row, &label));
	plan_set(&target->group, "%s", row->node);
	put_evidence(row, target);
	if (*row->wanted_by)
		plan_set(&plan->effect, "%s can start afterwards", row->wanted_by);
	add_endpoint_deletion(target, row);
	for (size_t i = 0; i < row->addresses.count && row->address_leaked && !line->no_release;
	     i++) {
		char *address = plain_address(row->addresses.items[i]);

		add_address_release(target, address, row->node, row->id);
		free(address);
	}
	strbuf_release(&label);
}

static bool is_wanted(const struct command_line *line, const struct endpoint_row *row)
{
	return !line->node || strcmp(line->node, row->node) == 0;
}

static bool is_old_enough(const struct command_line *line, const struct endpoint_row *row)
{
	return line->older_ms < 0 ||
	       (row->since_ms && clock_wall_ms() - row->since_ms > line->older_ms);
}

/* Adds a row, or says why it may not be touched. */
static void judge(const struct command_line *line, struct plan *plan,
		  const struct endpoint_row *row)
{
	struct strbuf label = STRBUF_INIT;

	if (!row->cleanable)
		plan_skip(plan, "%s on %s is %s: %s", label_of(row, &label), row->node, row->status,
			  row->why);
	else if (!is_old_enough(line, row))
		plan_skip(plan, "%s on %s is not that old", label_of(row, &label), row->node);
	else
		add_endpoint(line, plan, row);
	strbuf_release(&label);
}

/* More often a wrong mapping of daemons to nodes than a disaster. */
static void demand_node_names(const struct snapshot *snapshot, struct plan *plan)
{
	struct strbuf names = STRBUF_INIT;
	bool many = plan->target_count > MANY_ENDPOINTS;

	for (size_t i = 0; i < plan->target_count; i++) {
		const char *node = plan->targets[i].group;
		size_t total = 0, going = 0;
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = strcmp(plan->targets[j].group, node) == 0;
		if (seen)
			continue;
		for (size_t j = 0; j < snapshot->count; j++)
			total += strcmp(((const struct endpoint_row *)snapshot_row(snapshot, j))
						->node,
					node) == 0;
		for (size_t j = 0; j < plan->target_count; j++)
			going += strcmp(plan->targets[j].group, node) == 0;
		/* One of one is no sign of anything: typing its label is asked for anyway. */
		if (!many && (going * 2 <= total || going < 2))
			continue;
		strbuf_addf(&names, "%s%s", names.len ? " " : "", node);
		plan_set(&plan->effect, "%s%s%zu of the %zu endpoints of %s go", plan->effect,
			 *plan->effect ? "; " : "", going, total, node);
	}
	if (names.len)
		plan_set(&plan->typed, "%s", names.buf);
	strbuf_release(&names);
}

static bool is_target(const struct plan *plan, const struct endpoint_row *row)
{
	for (size_t i = 0; i < plan->target_count; i++)
		if (strcmp(plan->targets[i].id, row->id) == 0)
			return true;
	return false;
}

/* The node that all targets are of, and all that is left over there is a target; "" when that is so
 * of all nodes together; NULL: only some of it. */
static const char *whole_of(const struct snapshot *snapshot, const struct plan *plan)
{
	const char *node = plan->target_count ? plan->targets[0].group : NULL;
	bool all = true;

	for (size_t i = 0; i < plan->target_count; i++)
		if (node && strcmp(plan->targets[i].group, node) != 0)
			node = NULL;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct endpoint_row *row = snapshot_row(snapshot, i);

		if (!row->cleanable || is_target(plan, row))
			continue;
		all = false;
		if (node && strcmp(row->node, node) == 0)
			node = NULL;
	}
	return all ? "" : node;
}

/* As short as it can be: the words that the plan was made from may be many and long. */
static void add_words(const struct snapshot *snapshot, const struct plan *plan,
		      struct strbuf *batch)
{
	const char *whole = plan->target_count > 1 ? whole_of(snapshot, plan) : NULL;
	struct err ignored;

	if (whole) {
		if (*whole)
			strbuf_addf(batch, " --node");
		if (*whole)
			add_shell_word(batch, whole);
		return;
	}
	for (size_t i = 0; i < plan->target_count; i++) {
		const struct endpoint_row *row = snapshot_find(snapshot, plan->targets[i].id);
		char *begin = row ? xstrndup(row->name, SHORT_ID_CHARS) : NULL;
		bool is_unique = row && find_row(snapshot, begin, &ignored) == row;

		add_shell_word(batch, is_unique ? begin : plan->targets[i].id);
		free(begin);
	}
}

static void describe(const struct command_line *line, const struct snapshot *snapshot,
		     struct plan *plan)
{
	size_t addresses = plan_step_total(plan) - plan->target_count, nodes = 0;
	struct strbuf batch = STRBUF_INIT;

	for (size_t i = 0; i < plan->target_count; i++) {
		size_t j = 0;

		while (j < i && strcmp(plan->targets[j].group, plan->targets[i].group) != 0)
			j++;
		nodes += j == i;
	}
	strbuf_addstr(&batch, "binnacle --batch clean endpoints");
	add_words(snapshot, plan, &batch);
	if (line->no_release)
		strbuf_addstr(&batch, " --no-release");
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	plan_set(&plan->title, "Remove %zu Calico endpoint%s%s?", plan->target_count,
		 plan->target_count == 1 ? "" : "s",
		 !addresses                ? ""
		 : plan->target_count == 1 ? " and give its address back"
					   : " and give their addresses back");
	plan_set(&plan->operation,
		 "delete workloadEndpoint from the Calico datastore, on %zu node%s; each is read "
		 "again and its daemon asked again right before",
		 nodes, nodes == 1 ? "" : "s");
	if (addresses && !*plan->effect)
		plan_set(&plan->effect, "releases %zu address%s", addresses,
			 addresses == 1 ? "" : "es");
	else if (addresses)
		plan_set(&plan->effect, "releases %zu address%s; %s", addresses,
			 addresses == 1 ? "" : "es", plan->effect);
	plan_set(&plan->undo,
		 "undo writes the saved documents back where key and address are still "
		 "free; a container does not come back by that");
	plan_set(&plan->comes_back, "no");
	plan_set(&plan->button, "Remove %zu", plan->target_count);
}

static bool plan_clean_endpoints(struct command_call *call, struct err *err)
{
	const struct command_line *line = call->line;
	struct snapshot *snapshot = model_current(call->env->model, MODEL_ENDPOINTS);
	struct plan *plan = plan_new("clean endpoints");
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < line->word_count; i++) {
		const struct endpoint_row *row = find_row(snapshot, line->words[i], err);

		if (!row) {
			strmap_release(&seen);
			plan_free(plan);
			return false;
		}
		/* The same one under two names is one. */
		if (!strmap_put(&seen, row->id, plan))
			judge(line, plan, row);
	}
	strmap_release(&seen);
	for (size_t i = 0; i < snapshot->count && !line->word_count; i++) {
		const struct endpoint_row *row = snapshot_row(snapshot, i);

		if (is_wanted(line, row) && (row->cleanable || row->state == STATE_UNKNOWN))
			judge(line, plan, row);
	}
	describe(line, snapshot, plan);
	demand_node_names(snapshot, plan);
	command_propose(call, plan);
	return true;
}

bool verdicts_are_ripe(const struct command_call *call)
{
	return !call->env->calico_feed || calico_feed_is_settled(call->env->calico_feed);
}

const struct command endpoint_commands[] = {
	{
		.verb = "clean endpoints",
		.args = "[ID ...]",
		.summary = "remove stale Calico endpoints",
		.help = "ID is the endpoint's key or the beginning of its id, an address, or the "
			"name "
			"of its\ncontainer. Without IDs: all that are STALE, ghost or held with "
			"full "
			"evidence. Each is\nread again and its daemon asked again right before it "
			"is "
			"deleted; leaked addresses are\ngiven back, unless --no-release.",
		.options = "node older all no-release",
		.table = MODEL_ENDPOINTS,
		.takes_selection = true,
		.looks_again = true,
		.needs = MODEL_BIT(MODEL_ENDPOINTS),
		.ready = verdicts_are_ripe,
		.ready_patience_ms = VERDICTS_PATIENCE_MS,
		.ready_for = VERDICTS_WAIT,
		.plan = plan_clean_endpoints,
	},
};
const size_t endpoint_command_count = COUNT_OF(endpoint_commands);
