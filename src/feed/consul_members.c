/* Members come from the agent every few seconds: that call does not block. The leader is asked
 * beside it, and who the agent is once. */
#include "consul_feed_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"

#define MEMBERS_PERIOD_MS 5000

static const char *member_status(int64_t number, enum row_state *state)
{
	switch (number) {
	case 1:
		*state = STATE_PASS;
		return "alive";
	case 2:
		*state = STATE_WARN;
		return "leaving";
	case 3:
		*state = STATE_NONE;
		return "left";
	case 4:
		*state = STATE_CRIT;
		return "FAIL";
	default:
		*state = STATE_UNKNOWN;
		return "?";
	}
}

static void count_checks(const struct consul_feed *feed, struct member *row)
{
	struct node *node = strmap_get(&feed->nodes, row->id);
	size_t len = strlen(row->id);

	row->services = node && feed->loaded ? (int64_t)node->count : -1;
	if (!feed->checks_known) {
		row->warning = row->critical = -1;
		return;
	}
	for (size_t i = 0; i < feed->checks.count; i++) {
		const char *key = feed->checks.entries[i].key;
		const struct check *check = feed->checks.entries[i].value;

		if (strncmp(key, row->id, len) != 0 || key[len] != '/')
			continue;
		row->warning += check->status == CHECK_WARNING;
		row->critical += check->status >= CHECK_CRITICAL;
	}
}

/* The leader is known by its address ("10.0.0.1:8300"), people know it by its name. An IPv6
 * address is in brackets and stays as it is. True when it is another one. */
static bool name_leader(struct consul_feed *feed)
{
	struct model_facts *facts = model_facts_mut(feed->model);
	size_t len = strcspn(feed->leader_address, ":");
	const char *name = feed->leader_address;

	JSON_EACH(item, feed->members)
	{
		const char *address = json_str(item, "Addr", "");

		if (len && strlen(address) == len &&
		    strncmp(address, feed->leader_address, len) == 0)
			name = json_str(item, "Name", "");
	}
	if (strcmp(facts->leader, name) == 0)
		return false;
	snprintf(facts->leader, sizeof(facts->leader), "%s", name);
	model_facts_changed(feed->model);
	return true;
}

static void publish_members(struct consul_feed *feed)
{
	struct snapshot *snapshot = snapshot_new(MODEL_MEMBERS);

	name_leader(feed);
	JSON_EACH(item, feed->members)
	{
		struct member *row = snapshot_add(snapshot);
		const char *build = json_str(item, "Tags.build", "");
		bool is_server = strcmp(json_str(item, "Tags.role", ""), "consul") == 0;

		row->id = consul_feed_text(snapshot, json_str(item, "Name", ""));
		row->address = consul_feed_text(snapshot, json_str(item, "Addr", ""));
		row->role = is_server ? "server" : "client";
		row->build = arena_strndup(&snapshot->arena, build, strcspn(build, ":"));
		row->dc = consul_feed_text(snapshot, json_str(item, "Tags.dc", ""));
		row->status = member_status(json_int(item, "Status", 0), &row->state);
		row->is_leader = strcmp(model_facts(feed->model)->leader, row->id) == 0;
		count_checks(feed, row);
		row->since_ms = consul_feed_since(feed, "m", row->id, row->status);
	}
	feed->members_published = true;
	model_publish(feed->model, snapshot);
	consul_feed_sweep(feed, "m");
}

void consul_feed_first_members(struct consul_feed *feed)
{
	if (!feed->members_published && feed->members && !feed->leader_call && feed->loaded &&
	    feed->checks_known)
		publish_members(feed);
}

static void on_members(void *arg, const struct json *doc, const struct consul_meta *meta,
		       const struct err *err)
{
	struct consul_feed *feed = arg;
	bool first = !feed->members;

	feed->members_call = NULL;
	if (err) {
		consul_feed_went_down(feed, ASKER_MEMBERS, err);
		return;
	}
	consul_feed_came_up(feed, ASKER_MEMBERS);
	model_source_alive(feed->model, SOURCE_CONSUL, meta->took_ms);
	json_free(feed->members);
	feed->members = doc ? json_copy(doc) : json_new_array();
	consul_feed_retry(feed);
	/* The first time, leader and counts follow in a moment: wait for them. */
	if (feed->members_published || !first)
		publish_members(feed);
	else
		consul_feed_first_members(feed);
}

static void on_leader(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct consul_feed *feed = arg;

	feed->leader_call = NULL;
	(void)meta;
	if (err) {
		/* The members call, which follows, says what is wrong. */
		consul_feed_first_members(feed);
		return;
	}
	snprintf(feed->leader_address, sizeof(feed->leader_address), "%s", json_as_str(doc, ""));
	consul_feed_has_leader(feed, *feed->leader_address != '\0');
	if (feed->members_published && name_leader(feed))
		publish_members(feed);
	else
		consul_feed_first_members(feed);
}

static void on_self(void *arg, const struct json *doc, const struct consul_meta *meta,
		    const struct err *err)
{
	struct consul_feed *feed = arg;
	struct model_facts *facts = model_facts_mut(feed->model);

	feed->self_call = NULL;
	(void)meta;
	if (err) {
		consul_feed_went_down(feed, ASKER_SELF, err);
		return;
	}
	consul_feed_came_up(feed, ASKER_SELF);
	snprintf(facts->datacenter, sizeof(facts->datacenter), "%s",
		 json_str(doc, "Config.Datacenter", ""));
	snprintf(facts->node, sizeof(facts->node), "%s", json_str(doc, "Config.NodeName", ""));
	model_facts_changed(feed->model);
	consul_feed_publish(feed); /* which instances are the own agent's */
}

void consul_feed_poll_members(void *arg)
{
	struct consul_feed *feed = arg;

	feed->members_timer =
		loop_timer_start(feed->loop, MEMBERS_PERIOD_MS, consul_feed_poll_members, feed);
	if (!feed->self_call && !*model_facts(feed->model)->node)
		feed->self_call = consul_get(feed->consul, "/v1/agent/self", on_self, feed);
	if (!feed->leader_call)
		feed->leader_call = consul_get(feed->consul, "/v1/status/leader", on_leader, feed);
	if (!feed->members_call)
		feed->members_call =
			consul_get(feed->consul, "/v1/agent/members", on_members, feed);
}
