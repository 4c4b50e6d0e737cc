#include "binnacle/calico/policy.h"

#include <inttypes.h>
#include <string.h>

#include "binnacle/base/json.h"

static const char *text_of(const struct json *value, struct arena *arena)
{
	struct strbuf number = STRBUF_INIT;
	const char *text;

	if (!json_is_number(value))
		return arena_strdup(arena, json_as_str(value, ""));
	json_print(&number, value);
	text = arena_strdup(arena, number.buf);
	strbuf_release(&number);
	return text;
}

/* A list of strings and numbers as strings; `last` (may be absent) is one more at the end. */
static struct json_list texts_of(const struct json *list, const struct json *last,
				 struct arena *arena)
{
	const char **items = arena_alloc(arena, (json_count(list) + 2) * sizeof(*items));
	size_t count = 0;

	JSON_EACH(item, list)
	{
		items[count++] = text_of(item, arena);
	}
	if (!json_is_null(last))
		items[count++] = text_of(last, arena);
	return (struct json_list){ items, count };
}

static struct json_list pairs_of(const struct json *object, struct arena *arena)
{
	struct json_pair *pairs = arena_alloc(arena, (json_count(object) + 1) * sizeof(*pairs));
	size_t count = 0;

	if (!json_is_object(object))
		return (struct json_list){ NULL, 0 };
	JSON_EACH(item, object)
	{
		pairs[count].key = arena_strdup(arena, json_key(item));
		pairs[count++].value = arena_strdup(arena, json_as_str(item, ""));
	}
	return (struct json_list){ pairs, count };
}

/* A member of a side of a rule: `not` is "" or "!", `side` "src_" or "dst_". */
static const struct json *side_member(const struct json *doc, const char * not, const char *side,
				      const char *name)
{
	struct strbuf key = STRBUF_INIT;
	const struct json *member;

	strbuf_addf(&key, "%s%s%s", not, side, name);
	member = json_member(doc, key.buf);
	strbuf_release(&key);
	return member;
}

static void decode_side(struct calico_rule_side *out, const struct json *doc, const char *side,
			struct arena *arena)
{
	out->tag = text_of(side_member(doc, "", side, "tag"), arena);
	out->selector = text_of(side_member(doc, "", side, "selector"), arena);
	out->nets = texts_of(side_member(doc, "", side, "nets"), side_member(doc, "", side, "net"),
			     arena);
	out->ports = texts_of(side_member(doc, "", side, "ports"), NULL, arena);
	out->not_tag = text_of(side_member(doc, "!", side, "tag"), arena);
	out->not_selector = text_of(side_member(doc, "!", side, "selector"), arena);
	out->not_nets = texts_of(side_member(doc, "!", side, "nets"),
				 side_member(doc, "!", side, "net"), arena);
	out->not_ports = texts_of(side_member(doc, "!", side, "ports"), NULL, arena);
}

static void decode_rule(struct calico_rule *rule, const struct json *doc, struct arena *arena)
{
	const char *action = text_of(json_member(doc, "action"), arena);

	if (!*action)
		action = "allow";
	else if (strcmp(action, "next-tier") == 0)
		action = "pass";
	rule->action = action;
	rule->ip_version = json_as_int(json_member(doc, "ip_version"), 0);
	rule->protocol = text_of(json_member(doc, "protocol"), arena);
	rule->not_protocol = text_of(json_member(doc, "!protocol"), arena);
	rule->icmp_type = json_as_int(json_member(doc, "icmp_type"), -1);
	rule->icmp_code = json_as_int(json_member(doc, "icmp_code"), -1);
	rule->not_icmp_type = json_as_int(json_member(doc, "!icmp_type"), -1);
	rule->not_icmp_code = json_as_int(json_member(doc, "!icmp_code"), -1);
	rule->log_prefix = text_of(json_member(doc, "log_prefix"), arena);
	decode_side(&rule->source, doc, "src_", arena);
	decode_side(&rule->destination, doc, "dst_", arena);
}

static bool decode_rules(struct calico_rule_list *out, const struct json *doc, const char *name,
			 struct arena *arena, struct err *err)
{
	const struct json *list = json_member(doc, name);
	struct calico_rule *rules;
	size_t count = 0;

	if (json_is_null(list))
		return true;
	if (!json_is_array(list))
		return err_set(err, ERR_FORMAT, "%s is not a list", name);
	rules = arena_alloc(arena, (json_count(list) + 1) * sizeof(*rules));
	JSON_EACH(item, list)
	{
		if (!json_is_object(item))
			return err_set(err, ERR_FORMAT, "%s[%zu] is not an object", name, count);
		decode_rule(&rules[count++], item, arena);
	}
	*out = (struct calico_rule_list){ rules, count };
	return true;
}

static bool decode_types(struct calico_policy *policy, const struct json *types, struct err *err)
{
	policy->ingress = policy->egress = json_is_null(types);
	JSON_EACH(type, types)
	{
		const char *name = json_as_str(type, "");

		if (strcmp(name, "ingress") == 0)
			policy->ingress = true;
		else if (strcmp(name, "egress") == 0)
			policy->egress = true;
		else
			return err_set(err, ERR_FORMAT, "types has \"%.40s\", not a direction",
				       name);
	}
	return true;
}

static bool decode_policy_doc(struct calico_policy *policy, const struct json *doc,
			      struct arena *arena, struct err *err)
{
	const struct json *order = json_member(doc, "order");
	struct err broken = { 0 };

	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "the value is not a JSON object");
	policy->has_order = json_is_number(order);
	policy->order = json_as_number(order, 0);
	policy->selector_text = text_of(json_member(doc, "selector"), arena);
	policy->selector = calico_selector_parse(policy->selector_text, arena, &broken);
	if (!policy->selector)
		policy->selector_problem = arena_strdup(arena, broken.msg);
	policy->untracked = json_as_bool(json_member(doc, "untracked"), false);
	policy->pre_dnat = json_as_bool(json_member(doc, "pre_dnat"), false);
	policy->annotations = pairs_of(json_member(doc, "annotations"), arena);
	return decode_types(policy, json_member(doc, "types"), err) &&
	       decode_rules(&policy->inbound, doc, "inbound_rules", arena, err) &&
	       decode_rules(&policy->outbound, doc, "outbound_rules", arena, err);
}

bool calico_policy_decode(struct calico_policy *policy, const char *value, struct arena *arena,
			  struct err *err)
{
	struct json *doc = json_parse(value, strlen(value), err);
	bool ok;

	policy->selector_text = "";
	if (!doc)
		return false;
	ok = decode_policy_doc(policy, doc, arena, err);
	if (!ok)
		policy->selector = NULL;
	json_free(doc);
	return ok;
}

int calico_policy_compare(const struct calico_policy *a, const struct calico_policy *b)
{
	if (a->has_order != b->has_order)
		return a->has_order ? -1 : 1;
	if (a->has_order && a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void add_list(struct strbuf *out, const char *before, const struct json_list *list)
{
	const char *const *text = list->items;

	for (size_t i = 0; i < list->count; i++) {
		strbuf_addstr(out, i == 0 ? before : ",");
		strbuf_addstr(out, text[i]);
	}
}

static void add_text(struct strbuf *out, const char *before, const char *text)
{
	if (text && *text)
		strbuf_addf(out, "%s%s", before, text);
}

static bool side_is_empty(const struct calico_rule_side *side)
{
	return (!side->name_space_selector || !*side->name_space_selector) && !*side->tag &&
	       !*side->selector && !*side->not_tag && !*side->not_selector && !side->nets.count &&
	       !side->ports.count && !side->not_nets.count && !side->not_ports.count;
}

static void add_side(struct strbuf *out, const char *word, const struct calico_rule_side *side)
{
	if (side_is_empty(side))
		return;
	strbuf_addf(out, " %s", word);
	add_list(out, " ", &side->nets);
	add_list(out, " not ", &side->not_nets);
	add_text(out, " tag ", side->tag);
	add_text(out, " not tag ", side->not_tag);
	add_text(out, " namespaces with ", side->name_space_selector);
	add_text(out, " endpoints with ", side->selector);
	add_text(out, " endpoints without ", side->not_selector);
	add_list(out, " ports ", &side->ports);
	add_list(out, " not ports ", &side->not_ports);
}

void calico_rule_describe(struct strbuf *out, const struct calico_rule *rule)
{
	strbuf_addstr(out, rule->action);
	if (rule->ip_version)
		strbuf_addf(out, " IPv%" PRId64, rule->ip_version);
	add_text(out, " ", rule->protocol);
	add_text(out, " not ", rule->not_protocol);
	if (rule->icmp_type >= 0)
		strbuf_addf(out, " type %" PRId64, rule->icmp_type);
	if (rule->icmp_code >= 0)
		strbuf_addf(out, " code %" PRId64, rule->icmp_code);
	if (rule->not_icmp_type >= 0)
		strbuf_addf(out, " not type %" PRId64, rule->not_icmp_type);
	if (rule->not_icmp_code >= 0)
		strbuf_addf(out, " not code %" PRId64, rule->not_icmp_code);
	add_side(out, "from", &rule->source);
	add_side(out, "to", &rule->destination);
	add_text(out, " prefix ", rule->log_prefix);
}

static struct json *parse_part(const char *value, const char *part, struct err *err)
{
	struct json *doc = json_parse(value, strlen(value), err);

	if (!doc)
		err_context(err, "%s", part);
	return doc;
}

bool calico_profile_decode(struct calico_profile *profile, const char *rules, const char *tags,
			   const char *labels, struct arena *arena, struct err *err)
{
	struct json *doc;
	bool ok;

	if (tags) {
		if (!(doc = parse_part(tags, "tags", err)))
			return false;
		profile->tags = texts_of(doc, NULL, arena);
		json_free(doc);
	}
	if (labels) {
		if (!(doc = parse_part(labels, "labels", err)))
			return false;
		profile->labels = pairs_of(doc, arena);
		json_free(doc);
	}
	if (!rules)
		return true;
	if (!(doc = parse_part(rules, "rules", err)))
		return false;
	ok = decode_rules(&profile->inbound, doc, "inbound_rules", arena, err) &&
	     decode_rules(&profile->outbound, doc, "outbound_rules", arena, err);
	json_free(doc);
	return ok;
}
