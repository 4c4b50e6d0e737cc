/*
 * Addresses that nobody uses, and the container that cannot start because of one.
 *
 * `release` gives addresses back, with the left-over endpoints that still name them. `repair`
 * starts from the container: it takes away what stands in its way and nothing else, and says what
 * it cannot take away. Docker's own record of an endpoint is never removed from here: only Docker
 * can do it, on the right host, and the wrong one takes the address of a running container.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/calico/address.h"
#include "binnacle/calico/verdict.h"
#include "rows.h"

#define SHORT_ID_CHARS 12
#define NAME_IN_USE    "already exists in network "

/* What is being looked at. */
struct scene {
	const struct snapshot *endpoints, *addresses, *containers, *pools;
	struct plan *plan;
};

static struct scene scene_of(const struct command_call *call, const char *verb)
{
	const struct model *model = call->env->model;

	return (struct scene){
		.endpoints = model_current(model, MODEL_ENDPOINTS),
		.addresses = model_current(model, MODEL_ADDRESSES),
		.containers = model_current(model, MODEL_CONTAINERS),
		.pools = model_current(model, MODEL_POOLS),
		.plan = plan_new(verb),
	};
}

static bool has_address(const struct endpoint_row *row, const char *address)
{
	size_t len = strlen(address);

	for (size_t i = 0; i < row->addresses.count; i++)
		if (strncmp(row->addresses.items[i], address, len) == 0 &&
		    (!row->addresses.items[i][len] || row->addresses.items[i][len] == '/'))
			return true;
	return false;
}

/* The next endpoint with an address, from a place on; NULL: no more. */
static const struct endpoint_row *next_holder(const struct scene *scene, const char *address,
					      size_t *at)
{
	while (*at < scene->endpoints->count) {
		const struct endpoint_row *row = snapshot_row(scene->endpoints, (*at)++);

		if (has_address(row, address))
			return row;
	}
	return NULL;
}

static bool is_running(const struct container_row *row)
{
	return strcmp(row->status, "running") == 0 || strcmp(row->status, "paused") == 0 ||
	       strcmp(row->status, "restarting") == 0;
}

/* Docker may still be repeating its own release of the address, which would take it from whoever
 * has it by then. */
static const struct container_row *just_ended(const struct scene *scene, const char *address)
{
	for (size_t i = 0; i < scene->containers->count; i++) {
		const struct container_row *row = snapshot_row(scene->containers, i);

		if (!is_running(row) && row->ended_ms &&
		    clock_wall_ms() - row->ended_ms < CALICO_RELEASE_WAIT_MS &&
		    (strcmp(row->address, address) == 0 ||
		     strcmp(row->fixed_address, address) == 0))
			return row;
	}
	return NULL;
}

/* Whether it may be given back; if not, says why in the plan. */
static bool may_go(const struct scene *scene, const struct address_row *row)
{
	const struct container_row *ended;

	if (!row->releasable) {
		plan_skip(scene->plan, "%s is %s: %s", row->id,
			  row->state == STATE_UNKNOWN ? "not known well enough" : row->status,
			  row->why);
		return false;
	}
	ended = just_ended(scene, row->id);
	if (!ended)
		return true;
	plan_skip(scene->plan,
		  "%s is the address of container %s on %s, which ended just now: Docker may still "
		  "give the address back itself; try again in %lld s",
		  row->id, ended->name, ended->node,
		  (long long)((CALICO_RELEASE_WAIT_MS - clock_wall_ms() + ended->ended_ms) / 1000 +
			      1));
	return false;
}

static void put_evidence(const struct scene *scene, const struct address_row *row,
			 struct plan_target *target)
{
	struct strbuf text = STRBUF_INIT;
	const struct endpoint_row *holder;
	size_t at = 0;

	strbuf_addf(&text, "%s: %s; block %s of %s", row->status, row->why, row->block,
		    *row->node ? row->node : "nobody");
	while ((holder = next_holder(scene, row->id, &at))) {
		strbuf_addf(&text, "; endpoint %.*s%s%s on %s is %s: %s", SHORT_ID_CHARS,
			    holder->name, *holder->container ? " of " : "", holder->container,
			    holder->node, holder->status, holder->why);
		for (size_t i = 0; i < holder->evidence.count; i++)
			strbuf_addf(&text, "; %s", holder->evidence.items[i]);
	}
	plan_set(&target->evidence, "%s", text.buf);
	strbuf_release(&text);
}

static void add_orphan(struct plan_target *target, const struct address_row *row)
{
	struct json *args = json_new_object();

	json_add_str(args, "address", row->id);
	json_add_str(args, "node", row->node);
	json_add_str(args, "block", row->block);
	plan_set(&target->warning, "nothing in Calico's data tells who had it");
	plan_add_step(target, &step_release_orphan, args,
		      "give address %s back to its pool, if still nobody has it", row->id);
}

/* An endpoint may have a second address (IPv6), which would be an orphan without it. */
static void add_other_addresses(const struct scene *scene, const struct endpoint_row *holder,
				const char *address, struct plan_target *target)
{
	for (size_t i = 0; i < holder->addresses.count; i++) {
		char *other = xstrndup(holder->addresses.items[i],
				       strcspn(holder->addresses.items[i], "/"));
		const struct address_row *row = snapshot_find(scene->addresses, other);

		if (row && row->releasable && strcmp(other, address) != 0)
			add_address_release(target, other, holder->node, holder->id);
		free(other);
	}
}

/* The endpoints that are left over with it, then the address itself. */
static void add_address(const struct scene *scene, const struct address_row *row)
{
	struct plan *plan = scene->plan;
	const struct endpoint_row *holder;
	struct plan_target *target;
	size_t at = 0;

	for (size_t i = 0; i < plan->target_count; i++)
		if (strcmp(plan->targets[i].id, row->id) == 0)
			return;
	target = plan_add_target(plan, "address", row->id, row->id);
	plan_set(&target->group, "%s", *row->holder_node ? row->holder_node : row->node);
	put_evidence(scene, row, target);
	while ((holder = next_holder(scene, row->id, &at)))
		add_endpoint_deletion(target, holder);
	if (target->step_count)
		add_address_release(target, row->id, row->holder_node, row->endpoint);
	else
		add_orphan(target, row);
	for (at = 0; (holder = next_holder(scene, row->id, &at));)
		add_other_addresses(scene, holder, row->id, target);
	if (*row->wanted_by)
		plan_set(&plan->effect, "%s%s%s can start afterwards: on %s, docker start %s",
			 plan->effect, *plan->effect ? "; " : "", row->wanted_by, row->wanted_on,
			 row->wanted_by);
}

static bool deletes_endpoints(const struct plan *plan)
{
	for (size_t i = 0; i < plan->target_count; i++)
		if (plan->targets[i].step_count &&
		    plan->targets[i].steps[0].kind == &step_delete_endpoint)
			return true;
	return false;
}

static void describe(struct plan *plan)
{
	bool both = deletes_endpoints(plan);

	plan_set(&plan->operation,
		 "%s; everything is read again and every daemon asked again right before",
		 both ? "delete what is left over from the Calico datastore, endpoint before "
			"address"
		      : "free the address in its block in the Calico datastore");
	plan_set(&plan->undo,
		 both ? "undo assigns the address again and writes the saved endpoint back, where "
			"both are still free"
		      : "undo assigns the address again, where it is still free");
	plan_set(&plan->comes_back, "no");
}

/* ---- release ---- */

static bool plan_release(struct command_call *call, struct err *err)
{
	const struct command_line *line = call->line;
	struct scene scene = scene_of(call, "release");
	struct strbuf batch = STRBUF_INIT;
	struct plan *plan = scene.plan;
	size_t refused = 0;

	strbuf_addstr(&batch, "binnacle --batch release");
	for (size_t i = 0; i < line->word_count; i++) {
		const struct address_row *row = find_row(scene.addresses, line->words[i], err);
		struct calico_net net;

		if (!row && !calico_net_parse(&net, line->words[i])) {
			err_set(err, ERR_INPUT, "\"%s\" is no address", line->words[i]);
			strbuf_release(&batch);
			plan_free(plan);
			return false;
		}
		add_shell_word(&batch, line->words[i]);
		if (!row)
			plan_skip(plan, "%s is not assigned: there is nothing to give back",
				  line->words[i]);
		else if (may_go(&scene, row))
			add_address(&scene, row);
		else
			refused++;
	}
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	if (refused && !plan->target_count) {
		for (size_t i = 1; i < plan->skipped_count; i++)
			call_say(call, LOG_LEVEL_WARN, "%s", plan->skipped[i]);
		err_set(err, ERR_REFUSED, "%s", plan->skipped[0]);
		plan_free(plan);
		return false;
	}
	plan_set(&plan->title, "Give %zu address%s back?", plan->target_count,
		 plan->target_count == 1 ? "" : "es");
	plan_set(&plan->button, "Release %zu", plan->target_count);
	describe(plan);
	command_propose(call, plan);
	return true;
}

/* ---- repair ---- */

static const struct container_row *container_of(const struct scene *scene, const char *name,
						const char *node)
{
	for (size_t i = 0; i < scene->containers->count && *name; i++) {
		const struct container_row *row = snapshot_row(scene->containers, i);

		if (strcmp(row->name, name) == 0 && strcmp(row->node, node) == 0)
			return row;
	}
	return NULL;
}

/* Docker's own record of an endpoint, with the one command that removes it and its traps. */
static void tell_record(const struct scene *scene, const struct endpoint_row *endpoint)
{
	const struct container_row *namesake =
		container_of(scene, endpoint->record, endpoint->node);
	struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text,
		    "Docker on %s still has its own record of %s in network %s, which goes "
		    "first: ",
		    endpoint->node, endpoint->record, endpoint->record_network);
	if (namesake)
		strbuf_addf(&text,
			    "rename or remove container %s there (else the next command hits the "
			    "container and leaves the record), then ",
			    namesake->name);
	strbuf_addf(&text,
		    "on %s and nowhere else, with Calico's plugin running: docker network "
		    "disconnect -f %s %s",
		    endpoint->node, endpoint->record_network, endpoint->record);
	if (!namesake)
		strbuf_addf(&text, ", or from here: binnacle --batch disconnect %.*s",
			    SHORT_ID_CHARS, endpoint->name);
	for (size_t i = 0; i < endpoint->addresses.count; i++) {
		char *address = xstrndup(endpoint->addresses.items[i],
					 strcspn(endpoint->addresses.items[i], "/"));
		const struct address_row *row = snapshot_find(scene->addresses, address);

		if (row && row->state == STATE_PASS)
			strbuf_addf(&text, "; not while %s has %s: the command would take it away",
				    row->holder, address);
		free(address);
	}
	plan_skip(scene->plan, "%s", text.buf);
	strbuf_release(&text);
}

/* True: a record of the endpoints with this address stands in the way, and was told. */
static bool tell_records_of(const struct scene *scene, const char *address)
{
	const struct endpoint_row *holder;
	bool found = false;
	size_t at = 0;

	while ((holder = next_holder(scene, address, &at))) {
		if (!*holder->record || !holder->cleanable)
			continue;
		tell_record(scene, holder);
		found = true;
	}
	return found;
}

static bool is_in_a_pool(const struct scene *scene, const char *address)
{
	struct calico_net net, pool;

	for (size_t i = 0; i < scene->pools->count; i++) {
		const struct pool_row *row = snapshot_row(scene->pools, i);

		if (strcmp(row->status, "on") == 0 && calico_net_parse(&pool, row->id) &&
		    calico_net_parse(&net, address) && calico_net_contains(&pool, &net))
			return true;
	}
	return false;
}

static void look_at_address(const struct scene *scene, const char *address)
{
	const struct address_row *row = snapshot_find(scene->addresses, address);

	if (!row) {
		if (!is_in_a_pool(scene, address))
			plan_skip(scene->plan,
				  "%s lies in no pool that is on: give the container another "
				  "address, or make the pool",
				  address);
		return;
	}
	if (tell_records_of(scene, address))
		return;
	if (row->state == STATE_PASS)
		plan_skip(scene->plan,
			  "%s is in use: %s; stop that one first, or give this container another "
			  "address",
			  address, row->why);
	else if (may_go(scene, row))
		add_address(scene, row);
}

/* The name, which is unique in the whole cluster. */
static void look_at_name(const struct scene *scene, const struct container_row *container)
{
	const char *network = strstr(container->error, NAME_IN_USE);

	if (!network)
		return;
	network += strlen(NAME_IN_USE);
	for (size_t i = 0; i < scene->containers->count; i++) {
		const struct container_row *row = snapshot_row(scene->containers, i);

		if (strcmp(row->name, container->name) != 0 || !is_running(row))
			continue;
		plan_skip(scene->plan,
			  "a container %s runs on %s, and a name may be there only once in the "
			  "network: on %s, docker rename %s NEWNAME",
			  row->name, row->node, container->node, container->name);
		return;
	}
	for (size_t i = 0; i < scene->endpoints->count; i++) {
		const struct endpoint_row *row = snapshot_row(scene->endpoints, i);

		if (strcmp(row->record, container->name) != 0 || !row->cleanable)
			continue;
		/* That of its own address was told with the address. */
		if (!*container->fixed_address || !has_address(row, container->fixed_address))
			tell_record(scene, row);
		return;
	}
	plan_skip(
		scene->plan,
		"Docker's cluster store has a record of %s in network %.*s, and no endpoint tells "
		"whose it is: on the host where it ran last and nowhere else, with Calico's "
		"plugin running: docker network disconnect -f %.*s %s",
		container->name, (int)strcspn(network, " \t\n"), network,
		(int)strcspn(network, " \t\n"), network, container->name);
}

/*
 * How it stands when there is nothing to remove. A console shows it as a text, since there are
 * commands in it to be copied; messages would replace each other.
 */
struct report {
	struct command_call *call;
	struct strbuf text; /* of a console */
};

static void tell(struct report *report, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void tell(struct report *report, int level, const char *fmt, ...)
{
	struct strbuf line = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&line, fmt, args);
	va_end(args);
	if (report->call->front->interactive)
		strbuf_addf(&report->text, "%s\n\n", line.buf);
	else
		call_say(report->call, level, "%s", line.buf);
	strbuf_release(&line);
}

static void tell_next(struct report *report, const struct container_row *container)
{
	if (*container->error && !strstr(container->error, "Address already assigned") &&
	    !strstr(container->error, NAME_IN_USE))
		tell(report, LOG_LEVEL_WARN, "its last start failed for another reason: %s",
		     container->error);
	tell(report, LOG_LEVEL_INFO, "next: on %s, docker start %s", container->node,
	     container->name);
}

/* False: something is in the way. */
static bool tell_outcome(struct command_call *call, const struct plan *plan, const char *word,
			 const struct container_row *container, struct err *err)
{
	struct report report = { .call = call, .text = STRBUF_INIT };

	for (size_t i = 0; i < plan->skipped_count; i++)
		tell(&report, LOG_LEVEL_WARN, "%s", plan->skipped[i]);
	if (container && is_running(container)) {
		tell(&report, LOG_LEVEL_INFO, "%s is %s on %s: nothing stands in its way",
		     container->name, container->status, container->node);
	} else if (!plan->skipped_count) {
		tell(&report, LOG_LEVEL_INFO, "nothing stands in the way of %s", word);
		if (container)
			tell_next(&report, container);
	}
	if (report.text.len)
		call->front->text(call->front_arg, "repair", report.text.buf, report.text.len,
				  false);
	strbuf_release(&report.text);
	return !plan->skipped_count ||
	       err_set(err, ERR_REFUSED,
		       "nothing can be removed here for %s; what stands in its way was said", word);
}

/* A name that is there on several hosts means the only one of them that does not run. */
static const struct container_row *the_one_that_does_not_run(const struct scene *scene,
							     const char *name)
{
	const struct container_row *found = NULL;

	for (size_t i = 0; i < scene->containers->count; i++) {
		const struct container_row *row = snapshot_row(scene->containers, i);

		if (strcmp(row->name, name) != 0 || is_running(row))
			continue;
		if (found)
			return NULL;
		found = row;
	}
	return found;
}

static bool find_subject(const struct scene *scene, const char *word,
			 const struct container_row **container, char **address, struct err *err)
{
	const struct address_row *row;
	struct calico_net net;
	char text[CALICO_NET_TEXT_BYTES];

	if (!calico_net_parse(&net, word)) {
		*container = the_one_that_does_not_run(scene, word);
		if (!*container)
			*container = find_row(scene->containers, word, err);
		if (*container && *(*container)->fixed_address)
			*address = xstrdup((*container)->fixed_address);
		return *container != NULL;
	}
	if (net.bits != (net.version == 4 ? 32 : 128))
		return err_set(err, ERR_INPUT, "\"%s\" is a network, not an address", word);
	*address = xstrdup(calico_net_text(&net, text));
	row = snapshot_find(scene->addresses, *address);
	if (row)
		*container = container_of(scene, row->wanted_by, row->wanted_on);
	return true;
}

static bool plan_repair(struct command_call *call, struct err *err)
{
	const char *word = call->line->words[0];
	const struct container_row *container = NULL;
	struct scene scene = scene_of(call, "repair");
	struct strbuf batch = STRBUF_INIT;
	struct plan *plan = scene.plan;
	char *address = NULL;

	if (!find_subject(&scene, word, &container, &address, err)) {
		plan_free(plan);
		return false;
	}
	if (!container || !is_running(container)) {
		if (container)
			look_at_name(&scene, container);
		if (address)
			look_at_address(&scene, address);
	}
	if (!plan->target_count && !tell_outcome(call, plan, word, container, err)) {
		plan_free(plan);
		free(address);
		return false;
	}
	if (container && !*plan->effect)
		plan_set(&plan->effect, "%s can start afterwards: on %s, docker start %s",
			 container->name, container->node, container->name);
	if (plan->skipped_count)
		plan_set(&plan->effect, "more stands in its way, see below");
	strbuf_addstr(&batch, "binnacle --batch repair");
	add_shell_word(&batch, word);
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	plan_set(&plan->title, "Free %s%s%s?", address ? address : "nothing",
		 container ? " for " : "", container ? container->name : "");
	plan_set(&plan->button, "Repair");
	describe(plan);
	free(address);
	/* A script that says yes at once does not see the plan. */
	if (plan->target_count && !call->front->interactive) {
		for (size_t i = 0; i < plan->skipped_count; i++)
			call_say(call, LOG_LEVEL_WARN, "%s", plan->skipped[i]);
		if (container)
			call_say(call, LOG_LEVEL_INFO, "then: on %s, docker start %s",
				 container->node, container->name);
	}
	command_propose(call, plan);
	return true;
}

const struct command address_commands[] = {
	{
		.verb = "release",
		.args = "ADDRESS ...",
		.summary = "give addresses that nobody uses back to Calico's pool",
		.help = "Only leaked addresses (whose endpoints are all left over; these go first) "
			"and orphans (no\nendpoint and no container has them), each with full "
			"evidence; an orphan asks for a typed\nanswer. What is in use, unknown or "
			"another orchestrator's is refused with its reason.",
		.table = MODEL_ADDRESSES,
		.takes_selection = true,
		.looks_again = true,
		.needs = MODEL_BIT(MODEL_ADDRESSES) | MODEL_BIT(MODEL_ENDPOINTS) |
			 MODEL_BIT(MODEL_CONTAINERS),
		.ready = verdicts_are_ripe,
		.ready_patience_ms = VERDICTS_PATIENCE_MS,
		.ready_for = VERDICTS_WAIT,
		.plan = plan_release,
	},
	{
		.verb = "repair",
		.args = "CONTAINER|ADDRESS",
		.summary = "remove what keeps a container with a fixed address from starting",
		.help = "The endpoints that are left over with its address, then the address, and "
			"nothing else.\nWhat cannot be removed from here is said with the command "
			"that does it. Does not start\nthe container.",
		.table = MODEL_CONTAINERS,
		.takes_selection = true,
		.looks_again = true,
		.needs = MODEL_BIT(MODEL_ADDRESSES) | MODEL_BIT(MODEL_ENDPOINTS) |
			 MODEL_BIT(MODEL_CONTAINERS) | MODEL_BIT(MODEL_POOLS),
		.ready = verdicts_are_ripe,
		.ready_patience_ms = VERDICTS_PATIENCE_MS,
		.ready_for = VERDICTS_WAIT,
		.plan = plan_repair,
	},
};
const size_t address_command_count = COUNT_OF(address_commands);
