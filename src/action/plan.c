#include "binnacle/action/plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/digest.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"

#define HASH_CHARS 16

static char *empty(void)
{
	return xstrdup("");
}

struct plan *plan_new(const char *verb)
{
	struct plan *plan = xcalloc(1, sizeof(*plan));

	plan->verb = xstrdup(verb);
	plan->title = empty();
	plan->operation = empty();
	plan->effect = empty();
	plan->undo = empty();
	plan->comes_back = empty();
	plan->batch = empty();
	plan->button = empty();
	plan->data_age = empty();
	plan->typed = empty();
	plan->made_ms = clock_wall_ms();
	return plan;
}

static void target_release(struct plan_target *target)
{
	for (size_t i = 0; i < target->step_count; i++) {
		json_free(target->steps[i].args);
		free(target->steps[i].sentence);
	}
	free(target->steps);
	free(target->kind);
	free(target->id);
	free(target->label);
	free(target->group);
	free(target->evidence);
	free(target->warning);
	free(target->preview);
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->target_count; i++)
		target_release(&plan->targets[i]);
	for (size_t i = 0; i < plan->skipped_count; i++)
		free(plan->skipped[i]);
	free(plan->targets);
	free(plan->skipped);
	free(plan->verb);
	free(plan->title);
	free(plan->operation);
	free(plan->effect);
	free(plan->undo);
	free(plan->comes_back);
	free(plan->batch);
	free(plan->button);
	free(plan->data_age);
	free(plan->typed);
	free(plan);
}

static char *format(const char *fmt, va_list args)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_vaddf(&text, fmt, args);
	return strbuf_detach(&text, NULL);
}

void plan_set(char **field, const char *fmt, ...)
{
	char *old = *field; /* may be an argument: freed afterwards */
	va_list args;

	va_start(args, fmt);
	*field = format(fmt, args);
	va_end(args);
	free(old);
}

struct plan_target *plan_add_target(struct plan *plan, const char *kind, const char *id,
				    const char *label)
{
	struct plan_target *target;

	assert(!*plan->hash);
	GROW(plan->targets, plan->target_count, plan->target_cap);
	target = &plan->targets[plan->target_count++];
	*target = (struct plan_target){ 0 };
	target->kind = xstrdup(kind);
	target->id = xstrdup(id);
	target->label = xstrdup(label);
	target->group = empty();
	target->evidence = empty();
	target->warning = empty();
	target->preview = empty();
	return target;
}

void plan_drop_target(struct plan *plan)
{
	assert(!*plan->hash && plan->target_count > 0);
	target_release(&plan->targets[--plan->target_count]);
}

void plan_add_step(struct plan_target *target, const struct step_kind *kind, struct json *args,
		   const char *fmt, ...)
{
	struct plan_step *step;
	va_list list;

	GROW(target->steps, target->step_count, target->step_cap);
	step = &target->steps[target->step_count++];
	va_start(list, fmt);
	*step = (struct plan_step){ kind, args, format(fmt, list) };
	va_end(list);
}

void plan_skip(struct plan *plan, const char *fmt, ...)
{
	va_list args;

	GROW(plan->skipped, plan->skipped_count, plan->skipped_cap);
	va_start(args, fmt);
	plan->skipped[plan->skipped_count++] = format(fmt, args);
	va_end(args);
}

static int compare_targets(const void *a, const void *b)
{
	const struct plan_target *left = a, *right = b;
	int order = strcmp(left->group, right->group);

	if (!order)
		order = strcmp(left->kind, right->kind);
	return order ? order : strcmp(left->id, right->id);
}

/* The members of an object in the order of their names, so that the order in which a command
 * wrote them down does not change the hash. */
static int compare_items(const void *a, const void *b)
{
	return strcmp(json_key(*(const struct json *const *)a),
		      json_key(*(const struct json *const *)b));
}

static void hash_value(struct strbuf *out, const struct json *value)
{
	const struct json **items;
	size_t count = 0, filled = 0;

	if (!json_is_object(value)) {
		if (!json_is_array(value)) {
			json_print(out, value);
			return;
		}
		strbuf_addch(out, '[');
		JSON_EACH(item, value)
		{
			hash_value(out, item);
			strbuf_addch(out, ',');
		}
		strbuf_addch(out, ']');
		return;
	}
	count = json_count(value);
	items = xcalloc(count + 1, sizeof(*items));
	JSON_EACH(item, value)
	items[filled++] = item;
	qsort(items, count, sizeof(*items), compare_items);
	strbuf_addch(out, '{');
	for (size_t i = 0; i < count; i++) {
		json_quote(out, json_key(items[i]), strlen(json_key(items[i])));
		hash_value(out, items[i]);
	}
	strbuf_addch(out, '}');
	free(items);
}

static void compute_hash(struct plan *plan)
{
	struct strbuf text = STRBUF_INIT;
	char hex[DIGEST_HEX_BYTES];

	strbuf_addf(&text, "%s\n", plan->verb);
	for (size_t i = 0; i < plan->target_count; i++) {
		const struct plan_target *target = &plan->targets[i];

		strbuf_addf(&text, "%s\n%zu:%s\n", target->kind, strlen(target->id), target->id);
		for (size_t j = 0; j < target->step_count; j++) {
			strbuf_addf(&text, " %s ", target->steps[j].kind->name);
			hash_value(&text, target->steps[j].args);
			strbuf_addch(&text, '\n');
		}
	}
	digest_sha256_hex(text.buf, text.len, hex);
	memcpy(plan->hash, hex, HASH_CHARS);
	plan->hash[HASH_CHARS] = '\0';
	strbuf_release(&text);
}

static void ask_at_least(struct plan *plan, enum plan_confirm confirm)
{
	if (plan->confirm < confirm)
		plan->confirm = confirm;
}

/* The rules stand in the rows of the step kinds. */
static void decide_confirmation(struct plan *plan)
{
	for (size_t i = 0; i < plan->target_count; i++) {
		const struct plan_target *target = &plan->targets[i];

		for (size_t j = 0; j < target->step_count; j++) {
			const struct step_kind *kind = target->steps[j].kind;

			ask_at_least(plan, kind->confirm);
			if (kind->typed_from && plan->target_count >= kind->typed_from)
				ask_at_least(plan, PLAN_CONFIRM_TYPED);
			if (kind->typed_when_doubtful && *target->warning)
				ask_at_least(plan, PLAN_CONFIRM_TYPED);
			plan->irreversible |= kind->irreversible;
		}
	}
	if (*plan->typed)
		ask_at_least(plan, PLAN_CONFIRM_TYPED);
}

void plan_seal(struct plan *plan)
{
	if (*plan->hash)
		return;
	if (plan->target_count && !plan->in_order)
		qsort(plan->targets, plan->target_count, sizeof(*plan->targets), compare_targets);
	decide_confirmation(plan);
	compute_hash(plan);
}

size_t plan_step_total(const struct plan *plan)
{
	size_t total = 0;

	for (size_t i = 0; i < plan->target_count; i++)
		total += plan->targets[i].step_count;
	return total;
}

void plan_typed_answer(const struct plan *plan, const char *production_dc, struct strbuf *out)
{
	if (*plan->typed)
		strbuf_addstr(out, plan->typed);
	else if (plan->target_count == 1)
		text_clean(out, plan->targets[0].label, strlen(plan->targets[0].label));
	else
		strbuf_addf(out, "%zu", plan->target_count);
	if (production_dc)
		strbuf_addf(out, " %s", production_dc);
}

static void put_line(struct strbuf *out, const char *label, const char *text)
{
	if (!*text)
		return;
	strbuf_addf(out, "  %-11s ", label);
	text_clean(out, text, strlen(text));
	strbuf_addch(out, '\n');
}

/* Names from outside stand in quotes when they hold blanks, so that two do not look like one. */
static void put_name(struct strbuf *out, const char *name)
{
	bool quote = strpbrk(name, " \t\n") || !*name;

	strbuf_addstr(out, quote ? "\"" : "");
	text_clean(out, name, strlen(name));
	strbuf_addstr(out, quote ? "\"" : "");
}

static void print_target(const struct plan_target *target, struct strbuf *out)
{
	strbuf_addstr(out, "    ");
	if (*target->group) {
		put_name(out, target->group);
		strbuf_addstr(out, "  ");
	}
	put_name(out, target->label);
	if (*target->evidence) {
		strbuf_addstr(out, "  ");
		text_clean(out, target->evidence, strlen(target->evidence));
	}
	strbuf_addch(out, '\n');
	if (*target->warning) {
		strbuf_addstr(out, "      ! ");
		text_clean(out, target->warning, strlen(target->warning));
		strbuf_addch(out, '\n');
	}
	for (const char *line = target->preview; *line; line += *line == '\n') {
		size_t len = strcspn(line, "\n");

		strbuf_addstr(out, "      | ");
		text_clean(out, line, len);
		strbuf_addch(out, '\n');
		line += len;
	}
	for (size_t i = 0; i < target->step_count; i++) {
		strbuf_addf(out, "      %zu. ", i + 1);
		text_clean(out, target->steps[i].sentence, strlen(target->steps[i].sentence));
		strbuf_addch(out, '\n');
	}
}

void plan_print(const struct plan *plan, struct strbuf *out)
{
	text_clean(out, plan->title, strlen(plan->title));
	strbuf_addf(out, "%s\n", plan->irreversible ? "   NOT REVERSIBLE" : "");
	put_line(out, "Operation", plan->operation);
	if (plan->target_count)
		strbuf_addf(out, "  %-11s %zu\n", "Targets", plan->target_count);
	for (size_t i = 0; i < plan->target_count; i++)
		print_target(&plan->targets[i], out);
	for (size_t i = 0; i < plan->skipped_count; i++)
		put_line(out, i ? "" : "Skipped", plan->skipped[i]);
	put_line(out, "Effect", plan->effect);
	put_line(out, "Undo", plan->undo);
	put_line(out, "Comes back", plan->comes_back);
	put_line(out, "Data age", plan->data_age);
	put_line(out, "Plan", plan->hash);
	put_line(out, "Same as", plan->batch);
}

static void add_text(struct json *into, const char *name, const char *text)
{
	json_add_str(into, name, *text ? text : NULL);
}

struct json *plan_to_json(const struct plan *plan)
{
	struct json *doc = json_new_object(), *targets, *skipped;
	static const char *const confirms[] = { "none", "yes", "typed" };

	json_add_str(doc, "verb", plan->verb);
	json_add_str(doc, "plan", plan->hash);
	json_add_str(doc, "title", plan->title);
	add_text(doc, "operation", plan->operation);
	add_text(doc, "effect", plan->effect);
	add_text(doc, "undo", plan->undo);
	add_text(doc, "comes_back", plan->comes_back);
	add_text(doc, "batch", plan->batch);
	add_text(doc, "data_age", plan->data_age);
	json_add_str(doc, "confirm", confirms[plan->confirm]);
	json_add_bool(doc, "irreversible", plan->irreversible);
	targets = json_add_array(doc, "targets");
	for (size_t i = 0; i < plan->target_count; i++) {
		const struct plan_target *target = &plan->targets[i];
		struct json *item = json_add_object(targets, NULL), *steps;

		json_add_str(item, "kind", target->kind);
		json_add_str(item, "id", target->id);
		json_add_str(item, "label", target->label);
		add_text(item, "node", target->group);
		add_text(item, "evidence", target->evidence);
		add_text(item, "warning", target->warning);
		add_text(item, "preview", target->preview);
		steps = json_add_array(item, "steps");
		for (size_t j = 0; j < target->step_count; j++) {
			struct json *step = json_add_object(steps, NULL);

			json_add_str(step, "kind", target->steps[j].kind->name);
			json_add_str(step, "does", target->steps[j].sentence);
			json_add(step, "args", json_copy(target->steps[j].args));
		}
	}
	skipped = json_add_array(doc, "skipped");
	for (size_t i = 0; i < plan->skipped_count; i++)
		json_add_str(skipped, NULL, plan->skipped[i]);
	return doc;
}
