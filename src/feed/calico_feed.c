/*
 * Two inputs, one judgment: Calico's state from the watch, the daemons' views from docker_feed.
 * Whenever one changes, everything is judged anew; that costs less than knowing what changed.
 * With ten thousand endpoints it takes a tenth of a second, so it is done in parts, a turn of the
 * loop each: taking what was read, judging, publishing. Keys are answered in between.
 * Something that is unknown only for being young needs a second look: after the grace the data is
 * read again, because a watch that has told nothing proves that nothing changed only when it comes
 * back, which may take a minute.
 */
#include "binnacle/feed/calico_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strmap.h"
#include "binnacle/base/text.h"
#include "binnacle/calico/detect.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "calico_tables.h"

#define RIPEN_MIN_MS    1000
#define RIPEN_SLACK_MS  50
#define JUDGE_PERIOD_MS 10000 /* ages of views matter, so look again without any change */

/* When an endpoint got the verdict that it has. */
struct verdict_since {
	char word[12];
	int64_t wall_ms;
	bool seen;
};

struct calico_feed {
	struct loop *loop;
	struct model *model;
	struct docker_feed *docker_feed;
	struct etcd *etcd;
	struct calico_detect *detect; /* before the watch is started */
	struct backoff detect_backoff;
	bool has_both;
	char *note; /* of what was found */
	struct calico_watch *watch;
	struct calico_read *read; /* the second look */
	struct calico_state *state;
	struct calico_state *incoming; /* came, and is not yet judged */
	struct calico_history *history;
	struct calico_report *report;
	struct calico_selection selection; /* of the state */
	struct loop_timer *timer;
	struct loop_timer *take_timer, *publish_timer; /* the next part of what a change brings */
	int64_t took_ms;                               /* by the parts so far */
	struct strmap since;                           /* key -> struct verdict_since */
	int64_t grace_ms;
	bool is_down, is_settled, published, second_look;
};

static const char *text_in(struct snapshot *snapshot, const char *text)
{
	return text && *text ? arena_strdup(&snapshot->arena, text) : "";
}

/* The word of the STATE column, and what it means for the eye. */
static const char *word_of(const struct calico_wep_verdict *verdict, enum row_state *state)
{
	*state = STATE_STALE;
	switch (verdict->verdict) {
	case CALICO_LIVE:
		*state = verdict->urgent ? STATE_CRIT : STATE_PASS;
		return verdict->duplicate ? "DUP" : "live";
	case CALICO_HELD:
		return "held";
	case CALICO_GHOST:
		return "ghost";
	case CALICO_STALE:
		return "STALE";
	case CALICO_UNKNOWN:
		break;
	}
	*state = STATE_UNKNOWN;
	return verdict->reason == CALICO_REASON_YOUNG ? "young" : "?";
}

static int64_t since_of(struct calico_feed *feed, const char *key, const char *word)
{
	struct verdict_since *since = strmap_get(&feed->since, key);

	if (!since) {
		since = xcalloc(1, sizeof(*since));
		strmap_put(&feed->since, key, since);
	}
	if (strcmp(since->word, word) != 0) {
		snprintf(since->word, sizeof(since->word), "%s", word);
		since->wall_ms = clock_wall_ms();
	}
	since->seen = true;
	return since->wall_ms;
}

/* Forget the endpoints that are gone. */
static void sweep_since(struct calico_feed *feed)
{
	for (size_t i = feed->since.count; i-- > 0;) {
		struct verdict_since *since = feed->since.entries[i].value;

		if (!since->seen)
			free(strmap_remove(&feed->since, feed->since.entries[i].key));
		else
			since->seen = false;
	}
}

static struct text_list evidence_of(struct snapshot *snapshot,
				    const struct calico_evidence_list *list)
{
	const char **items = arena_alloc(&snapshot->arena, list->count * sizeof(*items));

	for (size_t i = 0; i < list->count; i++)
		items[i] = arena_printf(&snapshot->arena, "%s: %s", list->items[i].source,
					list->items[i].sentence);
	return (struct text_list){ items, list->count };
}

static struct text_list labels_of(struct snapshot *snapshot, const struct json_list *labels)
{
	const struct json_pair *pairs = labels->items;
	const char **items = arena_alloc(&snapshot->arena, labels->count * sizeof(*items));

	for (size_t i = 0; i < labels->count; i++)
		items[i] = arena_printf(&snapshot->arena, "%s=%s", pairs[i].key, pairs[i].value);
	return (struct text_list){ items, labels->count };
}

static struct text_list addresses_of(struct snapshot *snapshot, const struct calico_wep *wep)
{
	const char **items = arena_alloc(&snapshot->arena, wep->net_count * sizeof(*items));
	char text[CALICO_NET_TEXT_BYTES];

	for (size_t i = 0; i < wep->net_count; i++)
		items[i] = arena_strdup(&snapshot->arena, calico_net_text(&wep->nets[i], text));
	return (struct text_list){ items, wep->net_count };
}

static void judge_addresses(struct calico_feed *feed, const struct calico_wep_verdict *verdict,
			    struct endpoint_row *row, struct snapshot *snapshot)
{
	for (size_t i = 0; i < verdict->wep->net_count; i++) {
		const struct calico_slot_verdict *slot =
			calico_report_slot(feed->report, &verdict->wep->nets[i]);

		if (!slot || slot->kind != CALICO_SLOT_LEAKED)
			continue;
		row->address_leaked = slot->releasable;
		if (slot->wanted_by)
			row->wanted_by = text_in(snapshot, slot->wanted_by->name);
	}
}

static struct text_list policies_of(const struct calico_feed *feed,
				    const struct calico_selected *selected,
				    struct snapshot *snapshot)
{
	const char **items = arena_alloc(&snapshot->arena, selected->count * sizeof(*items));

	for (size_t i = 0; i < selected->count; i++)
		items[i] = text_in(snapshot, feed->state->policies[selected->policies[i]].name);
	return (struct text_list){ items, selected->count };
}

static void add_endpoint(struct calico_feed *feed, const struct calico_wep_verdict *verdict,
			 const struct calico_selected *selected, struct snapshot *snapshot)
{
	struct endpoint_row *row = snapshot_add(snapshot);
	const struct calico_wep *wep = verdict->wep;
	const char *word = word_of(verdict, &row->state);
	struct json_list missing;

	row->id = text_in(snapshot, wep->key);
	row->name = text_in(snapshot, wep->id.endpoint);
	row->orchestrator = text_in(snapshot, wep->id.orchestrator);
	row->node = text_in(snapshot, wep->id.node);
	row->workload = text_in(snapshot, *verdict->name ? verdict->name : wep->id.workload);
	row->container = verdict->container ? text_in(snapshot, verdict->container->name) : "";
	row->addresses = addresses_of(snapshot, wep);
	row->profiles = snapshot_list(snapshot, wep->profiles.items, wep->profiles.count);
	row->labels = labels_of(snapshot, &wep->labels);
	missing = calico_labels_missing(verdict, clock_wall_ms(), &snapshot->arena);
	row->labels_missing = labels_of(snapshot, &missing);
	row->policies = policies_of(feed, selected, snapshot);
	row->traffic = text_in(snapshot, selected->warning);
	if (verdict->record) {
		row->record = text_in(snapshot, verdict->record->name);
		row->record_network = text_in(snapshot, verdict->record->network);
	}
	row->interface = text_in(snapshot, wep->interface_name);
	row->status = text_in(snapshot, word);
	row->why = text_in(snapshot, verdict->why);
	row->evidence = evidence_of(snapshot, &verdict->evidence);
	if (verdict->conflicting && verdict->conflicts.count)
		row->conflict = text_in(snapshot, verdict->conflicts.items[0].sentence);
	row->cleanable = calico_verdict_is_dead(verdict->verdict);
	row->created_index = (int64_t)wep->created_index;
	row->modified_index = (int64_t)wep->modified_index;
	row->since_ms = since_of(feed, wep->key, word);
	row->document = text_in(snapshot, wep->value);
	judge_addresses(feed, verdict, row, snapshot);
}

static void publish(struct calico_feed *feed)
{
	struct snapshot *snapshot = snapshot_new(MODEL_ENDPOINTS);
	struct calico_tables tables = {
		.state = feed->state,
		.report = feed->report,
		.selection = &feed->selection,
		.now_mono_ms = clock_mono_ms(),
	};

	snapshot->index = feed->state->etcd_index;
	for (size_t i = 0; i < feed->report->wep_count; i++)
		add_endpoint(feed, &feed->report->weps[i], &feed->selection.weps[i], snapshot);
	sweep_since(feed);
	feed->published = true;
	tables.sources = docker_feed_sources(feed->docker_feed, &tables.source_count);
	calico_tables_publish(&tables, feed->model);
	model_publish(feed->model, snapshot);
}

static bool has_young(const struct calico_report *report)
{
	for (size_t i = 0; i < report->wep_count; i++)
		if (report->weps[i].reason == CALICO_REASON_YOUNG)
			return true;
	for (size_t i = 0; i < report->slot_count; i++)
		if (report->slots[i].kind == CALICO_SLOT_UNKNOWN &&
		    report->slots[i].reason == CALICO_REASON_YOUNG)
			return true;
	return false;
}

/* Something of which nobody bears witness, and which was not seen twice: whoever says that its node
 * is gone for good needs that, too. */
static bool has_unwitnessed(const struct calico_feed *feed)
{
	for (size_t i = 0; i < feed->report->wep_count; i++) {
		const struct calico_wep_verdict *verdict = &feed->report->weps[i];

		if ((verdict->reason == CALICO_REASON_UNREACHABLE ||
		     verdict->reason == CALICO_REASON_MAPPING) &&
		    verdict->seen_ms < feed->grace_ms)
			return true;
	}
	return false;
}

/* When what we hold was last known to be the present: when it was read, or when the watch came
 * back without news. */
static void observe(struct calico_feed *feed)
{
	int64_t at_ms = calico_watch_alive_ms(feed->watch);

	if (at_ms < feed->state->read_mono_ms)
		at_ms = feed->state->read_mono_ms;
	calico_history_observe(feed->history, feed->state, at_ms);
	model_source_seen(feed->model, SOURCE_CALICO, at_ms);
}

static void on_publish(void *arg)
{
	struct calico_feed *feed = arg;
	int64_t began_ms = clock_mono_ms();

	feed->publish_timer = NULL;
	publish(feed);
	calico_watch_took(feed->watch, feed->took_ms + clock_mono_ms() - began_ms);
	feed->took_ms = 0;
}

static void on_timer(void *arg);

static void judge(struct calico_feed *feed)
{
	struct calico_evidence_base base = {
		.state = feed->state,
		.history = feed->history,
		.now_mono_ms = clock_mono_ms(),
		.grace_ms = feed->grace_ms,
	};
	int64_t next_ms = JUDGE_PERIOD_MS;
	bool young;

	loop_timer_stop(&feed->timer);
	if (!feed->state)
		return;
	observe(feed);
	base.sources = docker_feed_sources(feed->docker_feed, &base.source_count);
	calico_report_free(feed->report);
	feed->report = calico_judge(&base);
	calico_history_prove(feed->history, feed->report);
	young = has_young(feed->report);
	feed->is_settled = !young && docker_feed_is_complete(feed->docker_feed);
	if ((feed->published || docker_feed_is_complete(feed->docker_feed)) && !feed->publish_timer)
		feed->publish_timer = loop_timer_start(feed->loop, 0, on_publish, feed);
	feed->second_look = young || has_unwitnessed(feed);
	if (feed->second_look)
		next_ms = feed->state->read_mono_ms + feed->grace_ms + RIPEN_SLACK_MS -
			  clock_mono_ms();
	feed->timer = loop_timer_start(feed->loop, next_ms < RIPEN_MIN_MS ? RIPEN_MIN_MS : next_ms,
				       on_timer, feed);
}

static void on_state(void *arg, struct calico_state *state, const struct err *err);

static bool is_newer(const struct calico_state *a, const struct calico_state *b)
{
	return a && a->etcd_index > b->etcd_index;
}

static void on_read(void *arg, struct calico_state *state, const struct err *err)
{
	struct calico_feed *feed = arg;

	feed->read = NULL;
	(void)err; /* outages are told by the watch, which also notices their end */
	/* What the watch has brought meanwhile may be newer than this answer. */
	if (state && !is_newer(feed->state, state) && !is_newer(feed->incoming, state))
		on_state(feed, state, NULL);
	else if (!feed->timer)
		feed->timer = loop_timer_start(feed->loop, RIPEN_MIN_MS, on_timer, feed);
}

static void detect(struct calico_feed *feed);

static void on_timer(void *arg)
{
	struct calico_feed *feed = arg;

	feed->timer = NULL;
	if (!feed->watch)
		detect(feed);
	else if (feed->second_look && !feed->read && !feed->is_down)
		feed->read = calico_read_start(feed->etcd, on_read, feed);
	else
		judge(feed);
}

static void on_docker(void *arg)
{
	judge(arg);
}

static void set_down(struct calico_feed *feed, const struct err *err)
{
	feed->is_down = true;
	model_set_source(feed->model, SOURCE_CALICO,
			 err->code == ERR_DENIED ? SOURCE_DENIED : SOURCE_DOWN, "", err->msg);
}

/* Which API, where that is no matter of course. */
static const char *detail_of(const struct calico_feed *feed)
{
	bool v3 = etcd_api(feed->etcd) == ETCD_V3;

	if (feed->has_both)
		return v3 ? "API v3 of both" : "API v1 of both";
	return v3 ? "API v3" : "";
}

static void on_take(void *arg)
{
	struct calico_feed *feed = arg;
	int64_t began_ms = clock_mono_ms();

	feed->take_timer = NULL;
	/* The report borrows from the old state. */
	calico_report_free(feed->report);
	feed->report = NULL;
	calico_selection_release(&feed->selection);
	calico_state_unref(feed->state);
	feed->state = feed->incoming;
	feed->incoming = NULL;
	calico_selection_fill(&feed->selection, feed->state);
	if (!feed->is_down) /* by what came after this state */
		model_set_source(feed->model, SOURCE_CALICO, SOURCE_OK, detail_of(feed),
				 feed->note ? feed->note : "");
	judge(feed);
	feed->took_ms += clock_mono_ms() - began_ms;
}

static void on_state(void *arg, struct calico_state *state, const struct err *err)
{
	struct calico_feed *feed = arg;

	if (!state) {
		set_down(feed, err);
		return;
	}
	feed->is_down = false;
	calico_state_unref(feed->incoming);
	feed->incoming = calico_state_ref(state);
	if (!feed->take_timer)
		feed->take_timer = loop_timer_start(feed->loop, 0, on_take, feed);
}

/* ---- which API ---- */

static void on_detected(void *arg, const struct calico_found *found, const struct err *err)
{
	struct calico_feed *feed = arg;

	feed->detect = NULL;
	if (!found) {
		etcd_fail_held(feed->etcd, err);
		set_down(feed, err);
		feed->timer = loop_timer_start(feed->loop, backoff_next_ms(&feed->detect_backoff),
					       on_timer, feed);
		return;
	}
	etcd_use_api(feed->etcd, found->api == CALICO_API_V3 ? ETCD_V3 : ETCD_V2);
	feed->has_both = found->has_v1 && found->has_v3;
	if (*found->note) {
		feed->note = xstrdup(found->note);
		log_warn("calico", "%s", feed->note);
	}
	feed->watch = calico_watch_start(feed->etcd, on_state, feed);
}

static void detect(struct calico_feed *feed)
{
	feed->detect = calico_detect_start(feed->etcd, on_detected, feed);
}

struct calico_feed *calico_feed_new(struct loop *loop, struct model *model, struct etcd *etcd,
				    struct docker_feed *docker_feed,
				    const struct calico_feed_options *options)
{
	struct calico_feed *feed = xcalloc(1, sizeof(*feed));

	feed->loop = loop;
	feed->model = model;
	feed->docker_feed = docker_feed;
	feed->etcd = etcd;
	feed->grace_ms = options && options->grace_ms ? options->grace_ms : CALICO_GRACE_MS;
	feed->history = calico_history_new();
	model_set_source(model, SOURCE_CALICO, SOURCE_LOADING, "", "");
	docker_feed_listen(docker_feed, on_docker, feed);
	feed->detect_backoff = (struct backoff){ .base_ms = 1000, .max_ms = 30000 };
	if (etcd_api(etcd) == ETCD_UNDECIDED)
		detect(feed);
	else
		feed->watch = calico_watch_start(etcd, on_state, feed);
	return feed;
}

void calico_feed_free(struct calico_feed *feed)
{
	if (!feed)
		return;
	docker_feed_unlisten(feed->docker_feed, on_docker, feed);
	calico_detect_cancel(&feed->detect);
	free(feed->note);
	calico_watch_stop(&feed->watch);
	calico_read_cancel(&feed->read);
	loop_timer_stop(&feed->timer);
	loop_timer_stop(&feed->take_timer);
	loop_timer_stop(&feed->publish_timer);
	calico_report_free(feed->report);
	calico_selection_release(&feed->selection);
	calico_state_unref(feed->state);
	calico_state_unref(feed->incoming);
	calico_history_free(feed->history);
	for (size_t i = 0; i < feed->since.count; i++)
		free(feed->since.entries[i].value);
	strmap_release(&feed->since);
	free(feed);
}

const struct calico_report *calico_feed_report(const struct calico_feed *feed)
{
	return feed->report;
}

const struct calico_state *calico_feed_state(const struct calico_feed *feed)
{
	return feed->state;
}

struct calico_report *calico_feed_judge(const struct calico_feed *feed,
					const char *const *decommissioned)
{
	struct calico_evidence_base base = {
		.state = feed->state,
		.history = feed->history,
		.now_mono_ms = clock_mono_ms(),
		.grace_ms = feed->grace_ms,
		.decommissioned = decommissioned,
	};

	if (!feed->state)
		return NULL;
	base.sources = docker_feed_sources(feed->docker_feed, &base.source_count);
	return calico_judge(&base);
}

bool calico_feed_is_settled(const struct calico_feed *feed)
{
	return feed->is_down || feed->is_settled;
}

void *calico_feed_query(struct calico_feed *feed, const char *node, calico_sources_fn *done,
			void *done_arg)
{
	return docker_feed_query(feed->docker_feed, node, done, done_arg);
}

void *calico_feed_query_others(struct calico_feed *feed, const char *node, calico_sources_fn *done,
			       void *done_arg)
{
	return docker_feed_query_others(feed->docker_feed, node, done, done_arg);
}

void calico_feed_query_cancel(struct calico_feed *feed, void *handle)
{
	struct docker_feed_query *query = handle;

	(void)feed;
	docker_feed_query_cancel(&query);
}

static void *env_query(void *arg, const char *node, calico_sources_fn *done, void *done_arg)
{
	return calico_feed_query(arg, node, done, done_arg);
}

static void env_query_cancel(void *arg, void *handle)
{
	calico_feed_query_cancel(arg, handle);
}

void calico_feed_clean_env(struct calico_feed *feed, struct calico_clean_env *env)
{
	env->loop = feed->loop;
	env->etcd = feed->etcd;
	env->arg = feed;
	env->query = env_query;
	env->query_cancel = env_query_cancel;
	env->history = feed->history;
	env->grace_ms = feed->grace_ms;
}
