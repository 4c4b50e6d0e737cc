/*
 * Calico's policies: written from a file, and deleted. A policy changes what many endpoints may
 * do, so the question shows what it comes to: the rules as a diff in the form of the file, the
 * endpoints that the selector gains and loses, and those whose traffic is decided by somebody
 * else from then on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/yaml.h"
#include "binnacle/calico/policy_effect.h"
#include "binnacle/calico/policy_file.h"
#include "binnacle/calico/resource.h"
#include "binnacle/feed/calico_feed.h"
#include "binnacle/render/diff.h"
#include "rows.h"

#define NAMED_MAX      100 /* endpoints that a preview names for one reason */
#define DIFF_CONTEXT   3
#define SHORT_ID_CHARS 12

/* A policy before and after; one of them may be missing. */
struct change {
	const struct calico_state *state;
	const struct snapshot *endpoints; /* for what people call them */
	const struct calico_policy *before, *after;
	struct arena arena;
	struct plan *plan;
	struct plan_target *target;
};

static const struct calico_state *state_of(const struct command_call *call, struct err *err)
{
	const struct calico_state *state = NULL;

	if (!call->env->calico_feed)
		err_set(err, ERR_INPUT, "no Calico datastore is configured");
	else if (!(state = calico_feed_state(call->env->calico_feed)))
		err_set(err, ERR_UNREACHABLE, "Calico has not given its data yet");
	return state;
}

static const struct calico_policy *policy_named(const struct calico_state *state, const char *name)
{
	for (size_t i = 0; i < state->policy_count; i++)
		if (strcmp(state->policies[i].name, name) == 0)
			return &state->policies[i];
	return NULL;
}

/* As people write it. What cannot be read is shown as it is stored. */
static void put_yaml(struct strbuf *out, const struct calico_policy *policy, enum calico_api api)
{
	struct json *doc;

	if (!policy)
		return;
	if (policy->problem) {
		strbuf_addf(out, "%s\n", policy->value);
		return;
	}
	doc = calico_resource_of_policy(policy, api);
	yaml_write(out, doc);
	json_free(doc);
}

/* "+ web-1 on host-1", one to a line. */
static void put_endpoints(const struct change *change, const char *before,
			  const struct calico_places *places, struct strbuf *out)
{
	for (size_t i = 0; i < places->count && i < NAMED_MAX; i++) {
		const struct calico_wep *wep = &change->state->weps[places->items[i]];
		const struct endpoint_row *row = snapshot_find(change->endpoints, wep->key);

		strbuf_addf(out, "%s ", before);
		if (row && *row->container)
			strbuf_addstr(out, row->container);
		else
			strbuf_addf(out, "%.*s", SHORT_ID_CHARS, wep->id.endpoint);
		strbuf_addf(out, " on %s\n", wep->id.node);
	}
	if (places->count > NAMED_MAX)
		strbuf_addf(out, "%s %zu more\n", before, places->count - NAMED_MAX);
}

/* "ingress of 3, egress of 3 endpoints " */
static bool put_directions(struct strbuf *out, const struct calico_places *in,
			   const struct calico_places *egress)
{
	if (!in->count && !egress->count)
		return false;
	strbuf_addstr(out, out->len ? "; " : "");
	if (in->count)
		strbuf_addf(out, "ingress of %zu", in->count);
	if (egress->count)
		strbuf_addf(out, "%segress of %zu", in->count ? ", " : "", egress->count);
	strbuf_addf(out, " endpoint%s ",
		    (egress->count ? egress->count : in->count) == 1 ? "" : "s");
	return true;
}

/* In sentences of a length that does not depend on how many there are: a question must fit on the
 * screen. Who they are is told by the preview, which scrolls. */
static void put_effect(const struct change *change, const struct calico_policy_effect *effect)
{
	struct strbuf evidence = STRBUF_INIT, warning = STRBUF_INIT;

	strbuf_addf(&evidence, "selects %zu endpoint%s", effect->selected.count,
		    effect->selected.count == 1 ? "" : "s");
	if (effect->gained.count)
		strbuf_addf(&evidence, ", gains %zu", effect->gained.count);
	if (effect->lost.count)
		strbuf_addf(&evidence, ", loses %zu", effect->lost.count);
	plan_set(&change->target->evidence, "%s", evidence.buf);
	if (put_directions(&warning, &effect->cut_in, &effect->cut_out))
		strbuf_addstr(&warning, "dropped: no policy, no profile");
	if (put_directions(&warning, &effect->restricted_in, &effect->restricted_out))
		strbuf_addstr(&warning, "up to rules alone, no more to profiles");
	if (put_directions(&warning, &effect->opened_in, &effect->opened_out))
		strbuf_addstr(&warning, "up to profiles");
	plan_set(&change->target->warning, "%s", warning.buf);
	if (warning.len)
		plan_set(&change->plan->effect, "%s%s%s", change->plan->effect,
			 *change->plan->effect ? "; " : "", warning.buf);
	strbuf_release(&evidence);
	strbuf_release(&warning);
}

static void put_names(const struct change *change, const struct calico_policy_effect *effect,
		      struct strbuf *out)
{
	put_endpoints(change, "+", &effect->gained, out);
	put_endpoints(change, "-", &effect->lost, out);
	put_endpoints(change, "! ingress dropped:", &effect->cut_in, out);
	put_endpoints(change, "! egress dropped:", &effect->cut_out, out);
	put_endpoints(change, "! ingress by rules alone:", &effect->restricted_in, out);
	put_endpoints(change, "! egress by rules alone:", &effect->restricted_out, out);
	put_endpoints(change, "! ingress by profiles:", &effect->opened_in, out);
	put_endpoints(change, "! egress by profiles:", &effect->opened_out, out);
}

static void put_preview(const struct change *change, const struct calico_policy_effect *effect)
{
	struct strbuf old = STRBUF_INIT, new = STRBUF_INIT, diff_text = STRBUF_INIT;
	struct strbuf text = STRBUF_INIT;
	const char *lines;
	struct diff diff;

	put_yaml(&old, change->before, change->state->api);
	put_yaml(&new, change->after, change->state->api);
	diff_compute(&diff, old.buf, old.len, new.buf, new.len, DIFF_CONTEXT);
	diff_print_unified(&diff_text, &diff, "stored", "new");
	/* The names of the two texts say nothing here. */
	lines = strstr(diff_text.buf, "\n@@");
	/* A warning takes the place of the evidence in the list of targets. */
	if (*change->target->warning)
		strbuf_addf(&text, "%s\n", change->target->evidence);
	if (!change->after)
		put_names(change, effect, &text);
	strbuf_addstr(&text, lines ? lines + 1 : diff_text.buf);
	if (change->after) {
		put_names(change, effect, &text);
		strbuf_addf(&text, "stored as %s\n", change->after->value);
	}
	plan_set(&change->target->preview, "%s", text.buf);
	diff_release(&diff);
	strbuf_release(&old);
	strbuf_release(&new);
	strbuf_release(&diff_text);
	strbuf_release(&text);
}

static void describe(struct change *change)
{
	const struct calico_policy_effect effect =
		calico_policy_effect(change->state, change->before, change->after, &change->arena);

	put_effect(change, &effect);
	put_preview(change, &effect);
}

static bool is_same(const struct calico_policy *before, const struct calico_policy *after,
		    enum calico_api api)
{
	struct strbuf old = STRBUF_INIT, new = STRBUF_INIT;
	bool same;

	put_yaml(&old, before, api);
	put_yaml(&new, after, api);
	same = strcmp(old.buf, new.buf) == 0;
	strbuf_release(&old);
	strbuf_release(&new);
	return same;
}

static void add_policy(const struct command_call *call, const struct calico_state *state,
		       struct plan *plan, const struct calico_policy_draft *draft)
{
	struct calico_policy after = { .name = draft->name, .key = draft->key };
	struct change change = {
		.state = state,
		.endpoints = model_current(call->env->model, MODEL_ENDPOINTS),
		.before = policy_named(state, draft->name),
		.after = &after,
		.plan = plan,
	};
	struct err ignored;
	struct json *args;

	/* What was just put together can be read. */
	after.value = calico_policy_draft_value(draft, change.before, state->api, &change.arena);
	(state->api == CALICO_API_V3 ? calico_policy_decode_v3 : calico_policy_decode)(
		&after, after.value, &change.arena, &ignored);
	if (change.before && is_same(change.before, &after, state->api)) {
		plan_skip(plan, "policy %s is like this already", draft->name);
		arena_release(&change.arena);
		return;
	}
	change.target = plan_add_target(plan, "policy", draft->name, draft->name);
	args = json_new_object();
	json_add_str(args, "name", draft->name);
	json_add_str(args, "key", change.before ? change.before->key : draft->key);
	if (change.before)
		json_add_str(args, "before", change.before->value);
	json_add_str(args, "value", after.value);
	if (change.before)
		plan_add_step(change.target, &step_write_policy, args,
			      "write policy %s in the place of revision %llu, only if it is still "
			      "that one",
			      draft->name, (unsigned long long)change.before->modified_index);
	else
		plan_add_step(change.target, &step_write_policy, args,
			      "create policy %s, only if there is none of that name", draft->name);
	describe(&change);
	arena_release(&change.arena);
}

static bool read_input(const struct command_call *call, struct strbuf *text, struct err *err)
{
	const char *path = call->line->file;
	char bytes[4096];
	ssize_t got;

	if (strcmp(path, "-") != 0)
		return file_read(path, LIMIT_YAML_FILE, text, err);
	if (call->front->interactive)
		return err_set(err, ERR_INPUT, "a console cannot read standard input: name a file");
	while ((got = read(STDIN_FILENO, bytes, sizeof(bytes))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_system(err, "standard input");
		strbuf_add(text, bytes, (size_t)got);
		if (text->len > LIMIT_YAML_FILE)
			return err_set(err, ERR_INPUT, "standard input is longer than %u bytes",
				       LIMIT_YAML_FILE);
	}
	return true;
}

static void describe_apply(const struct command_call *call, struct plan *plan)
{
	struct strbuf batch = STRBUF_INIT;

	strbuf_addstr(&batch, "binnacle --batch policy apply -f");
	add_shell_word(&batch, call->line->file);
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	if (plan->target_count == 1)
		plan_set(&plan->title, "Apply policy %s?", plan->targets[0].label);
	else
		plan_set(&plan->title, "Apply %zu policies?", plan->target_count);
	plan_set(&plan->operation, "write to Calico's datastore, over what stands there now");
	plan_set(&plan->undo, "puts back what stood there, if it is unchanged by then");
	plan_set(&plan->button, "Apply");
}

static bool plan_apply(struct command_call *call, struct err *err)
{
	const struct calico_state *state = state_of(call, err);
	const struct calico_policy_draft *draft;
	struct arena arena = ARENA_INIT;
	struct strbuf text = STRBUF_INIT;
	struct json_list drafts;
	struct plan *plan;
	bool good = false;

	if (!state)
		return false;
	if (!call->line->file)
		return err_set(err, ERR_INPUT, "say which file: policy apply -f FILE");
	if (!read_input(call, &text, err)) {
		if (err->code == ERR_NOT_FOUND)
			err->code = ERR_INPUT;
	} else if (!calico_policy_file_read(text.buf, text.len, state->api, &arena, &drafts, err)) {
		err_context(err, "%s",
			    strcmp(call->line->file, "-") ? call->line->file : "standard input");
	} else {
		plan = plan_new("policy apply");
		draft = drafts.items;
		for (size_t i = 0; i < drafts.count; i++)
			add_policy(call, state, plan, &draft[i]);
		describe_apply(call, plan);
		command_propose(call, plan);
		good = true;
	}
	strbuf_release(&text);
	arena_release(&arena);
	return good;
}

static void add_deletion(const struct command_call *call, const struct calico_state *state,
			 struct plan *plan, const struct calico_policy *policy)
{
	struct change change = {
		.state = state,
		.endpoints = model_current(call->env->model, MODEL_ENDPOINTS),
		.before = policy,
		.plan = plan,
	};
	struct json *args;

	for (size_t i = 0; i < plan->target_count; i++)
		if (strcmp(plan->targets[i].id, policy->name) == 0)
			return;
	change.target = plan_add_target(plan, "policy", policy->name, policy->name);
	args = json_new_object();
	json_add_str(args, "name", policy->name);
	json_add_str(args, "key", policy->key);
	json_add_str(args, "before", policy->value);
	plan_add_step(change.target, &step_delete_policy, args,
		      "delete policy %s (revision %llu), only if it is still that one",
		      policy->name, (unsigned long long)policy->modified_index);
	describe(&change);
	arena_release(&change.arena);
}

static bool plan_delete(struct command_call *call, struct err *err)
{
	const struct calico_state *state = state_of(call, err);
	const struct snapshot *snapshot = model_current(call->env->model, MODEL_POLICIES);
	struct strbuf batch = STRBUF_INIT;
	struct plan *plan;

	if (!state)
		return false;
	plan = plan_new("policy delete");
	strbuf_addstr(&batch, "binnacle --batch policy delete");
	for (size_t i = 0; i < call->line->word_count; i++) {
		const void *row = find_row(snapshot, call->line->words[i], err);
		const struct calico_policy *policy = row ? policy_named(state, row_id(row)) : NULL;

		if (!policy) {
			if (row)
				err_set(err, ERR_NOT_FOUND, "the policy \"%s\" is gone",
					call->line->words[i]);
			strbuf_release(&batch);
			plan_free(plan);
			return false;
		}
		add_deletion(call, state, plan, policy);
		add_shell_word(&batch, policy->name);
	}
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	if (plan->target_count == 1)
		plan_set(&plan->title, "Delete policy %s?", plan->targets[0].label);
	else
		plan_set(&plan->title, "Delete %zu policies?", plan->target_count);
	plan_set(&plan->operation, "delete in Calico's datastore, if unchanged");
	plan_set(&plan->undo, "creates it again, if the name is free by then");
	plan_set(&plan->button, "Delete %zu", plan->target_count);
	command_propose(call, plan);
	return true;
}

const struct command policy_commands[] = {
	{
		.verb = "policy apply",
		.args = "",
		.summary = "write Calico policies from a file",
		.help = "FILE holds policies in calicoctl's YAML or JSON, one, a list, or several "
			"documents; - is\nstandard input. The question shows the rules as a diff "
			"and which endpoints each policy\ngains and loses. Nothing is written over "
			"what has changed meanwhile.",
		.options = "file",
		.table = -1,
		.needs = MODEL_BIT(MODEL_ENDPOINTS) | MODEL_BIT(MODEL_POLICIES),
		.plan = plan_apply,
	},
	{
		.verb = "policy delete",
		.args = "NAME ...",
		.summary = "delete Calico policies",
		.help = "The question shows which endpoints lose the policy, and whose traffic "
			"nobody admits\nafterwards.",
		.options = "",
		.table = MODEL_POLICIES,
		.takes_selection = true,
		.needs = MODEL_BIT(MODEL_ENDPOINTS) | MODEL_BIT(MODEL_POLICIES),
		.plan = plan_delete,
	},
};
const size_t policy_command_count = COUNT_OF(policy_commands);
