/* From the tree of a YAML file to the stored JSON. Each map is read by a table of its members, so
 * that what is not in the table is an error with a line. */
#include "binnacle/calico/policy_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/base/yaml.h"
#include "binnacle/calico/keys.h"
#include "binnacle/calico/selector.h"
#include "policy_file_private.h"
#include "policy_v3.h"

bool policy_complain(struct reading *reading, const struct yaml_node *node, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	err_set(reading->err, ERR_INPUT, "line %zu: %.400s", node->line, text.buf);
	strbuf_release(&text);
	return false;
}

bool policy_want(struct reading *reading, const struct yaml_node *node, enum yaml_kind kind,
		 const char *what)
{
	static const char *const names[] = { "a text", "a list", "a map" };

	return node->kind == kind || policy_complain(reading, node, "%s must be %s, not %s", what,
						     names[kind], names[node->kind]);
}

bool policy_read_members(struct reading *reading, const struct yaml_node *map, const char *what,
			 const struct member *members, size_t count, struct json *into)
{
	struct strbuf known = STRBUF_INIT;

	if (!policy_want(reading, map, YAML_MAP, what))
		return false;
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		size_t i = 0;

		while (i < count && strcmp(members[i].name, node->key) != 0)
			i++;
		if (i < count)
			continue;
		for (size_t j = 0; j < count; j++)
			strbuf_addf(&known, "%s%s", j ? ", " : "", members[j].name);
		policy_complain(reading, node, "%s has no member \"%.*s\"; there are %s", what,
				NAMED_MAX, node->key, known.buf);
		strbuf_release(&known);
		return false;
	}
	/* In the order of the table, which is that of what is stored. */
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *node = yaml_member(map, members[i].name);

		if (node && !yaml_is_null(node) && !members[i].read(reading, node, into))
			return false;
	}
	return true;
}

bool policy_text_of(struct reading *reading, const struct yaml_node *node, const char **out)
{
	*out = node->text;
	return policy_want(reading, node, YAML_TEXT, node->key);
}

/* A word such as "Allow" or "TCP" of API v3 as API v1 has it, "" when it is not written like that.
 * Calico itself is strict about that, too. */
const char *policy_plain_word(struct reading *reading, const char *text, const char *const *words)
{
	for (; reading->api == CALICO_API_V3 && *words; words++) {
		char *word;

		if (strcmp(*words, text) != 0)
			continue;
		word = arena_strdup(reading->arena, text);
		for (char *p = word; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		return word;
	}
	return reading->api == CALICO_API_V3 ? "" : text;
}

bool policy_check_selector(struct reading *reading, const struct yaml_node *node, const char *text)
{
	struct err err = { 0 };

	return calico_selector_parse_as(reading->api, text, reading->arena, &err) ||
	       policy_complain(reading, node, "the selector \"%.*s\" cannot be read: %s", NAMED_MAX,
			       text, err.msg);
}

static bool read_bool(struct reading *reading, const struct yaml_node *node, bool *out)
{
	const char *text;

	if (!policy_text_of(reading, node, &text))
		return false;
	*out = strcmp(text, "true") == 0;
	return *out || strcmp(text, "false") == 0 ||
	       policy_complain(reading, node, "%s is true or false, not \"%.*s\"", node->key,
			       NAMED_MAX, text);
}

static bool read_ingress(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return policy_add_rules(reading, node, into, "inbound_rules");
}

static bool read_egress(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return policy_add_rules(reading, node, into, "outbound_rules");
}

static bool read_order(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	const char *text;
	double order;
	char *end;

	if (!policy_text_of(reading, node, &text))
		return false;
	order = strtod(text, &end);
	/* Neither "nan" nor "inf" nor a hexadecimal number. */
	if (node->quoted || !*text || *end || strspn(text, "+-.0123456789eE") != strlen(text) ||
	    order - order != 0)
		return policy_complain(reading, node, "order is a number, not \"%.*s\"", NAMED_MAX,
				       text);
	json_add_number(into, "order", order);
	return true;
}

static bool read_selector(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	const char *text;

	if (!policy_text_of(reading, node, &text) || !policy_check_selector(reading, node, text))
		return false;
	json_add_str(into, "selector", text);
	return true;
}

static bool add_flag(struct reading *reading, const struct yaml_node *node, struct json *into,
		     const char *name)
{
	bool value;

	if (!read_bool(reading, node, &value))
		return false;
	if (value)
		json_add_bool(into, name, true);
	return true;
}

static bool read_do_not_track(struct reading *reading, const struct yaml_node *node,
			      struct json *into)
{
	return add_flag(reading, node, into, "untracked");
}

static bool read_pre_dnat(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_flag(reading, node, into, "pre_dnat");
}

static bool read_types(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	static const char *const words_v3[] = { "Ingress", "Egress", NULL };
	struct json *list;

	if (!policy_want(reading, node, YAML_LIST, node->key))
		return false;
	if (!node->count)
		return true;
	list = json_add_array(into, "types");
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		const char *word;

		if (!policy_want(reading, item, YAML_TEXT, "a type"))
			return false;
		word = policy_plain_word(reading, item->text, words_v3);
		if (strcmp(word, "ingress") != 0 && strcmp(word, "egress") != 0)
			return policy_complain(reading, item, "types has \"%.*s\"; it is %s",
					       NAMED_MAX, item->text,
					       reading->api == CALICO_API_V3 ? "Ingress or Egress"
									     : "ingress or egress");
		JSON_EACH(other, list)
		{
			if (strcmp(json_as_str(other, ""), word) == 0)
				return policy_complain(reading, item, "%s stands twice in types",
						       item->text);
		}
		json_add_str(list, NULL, word);
	}
	return true;
}

static const struct member spec_members[] = {
	{ "order", read_order },
	{ "ingress", read_ingress },
	{ "egress", read_egress },
	{ "selector", read_selector },
	{ "doNotTrack", read_do_not_track },
	{ "preDNAT", read_pre_dnat },
	{ "types", read_types },
};

static bool read_annotations(struct reading *reading, const struct yaml_node *node,
			     struct json *into)
{
	struct json *annotations;

	if (!policy_want(reading, node, YAML_MAP, node->key))
		return false;
	if (!node->count)
		return true;
	annotations = json_add_object(into, "annotations");
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (!policy_want(reading, item, YAML_TEXT, item->key))
			return false;
		json_add_str(annotations, item->key, item->text);
	}
	return true;
}

/* Read apart: it is no part of the value. */
static bool read_nothing(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	(void)reading;
	(void)node;
	(void)into;
	return true;
}

static const struct member metadata_members[] = {
	{ "name", read_nothing },
	{ "annotations", read_annotations },
};

static bool read_metadata(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return policy_read_members(reading, node, "metadata", metadata_members,
				   COUNT_OF(metadata_members), into);
}

static bool read_spec(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return policy_read_members(reading, node, "spec", spec_members, COUNT_OF(spec_members),
				   into);
}

static const struct member resource_members[] = {
	{ "kind", read_nothing },
	{ "apiVersion", read_nothing },
	{ "spec", read_spec },
	{ "metadata", read_metadata },
};

static bool check_kind(struct reading *reading, const struct yaml_node *node)
{
	const struct yaml_node *kind = yaml_member(node, "kind");
	const struct yaml_node *version = yaml_member(node, "apiVersion");
	bool v3 = reading->api == CALICO_API_V3;
	const char *want_version = v3 ? "projectcalico.org/v3" : "v1";
	const char *want_kind = v3 ? "GlobalNetworkPolicy" : "policy";

	if (!policy_want(reading, node, YAML_MAP, "a policy"))
		return false;
	if (!kind || kind->kind != YAML_TEXT || !version || version->kind != YAML_TEXT)
		return policy_complain(reading, node,
				       "it must say \"apiVersion: %s\" and \"kind: %s\"",
				       want_version, want_kind);
	if (strcmp(version->text, want_version) != 0)
		return policy_complain(
			reading, version,
			"apiVersion %.*s: this datastore has version %d of the API, so it "
			"must be \"apiVersion: %s\" and \"kind: %s\"",
			NAMED_MAX, version->text, v3 ? 3 : 1, want_version, want_kind);
	if (strcmp(kind->text, want_kind) != 0)
		return policy_complain(reading, kind, "only %s are applied from here, not a %.*s",
				       v3 ? "global network policies" : "policies", NAMED_MAX,
				       kind->text);
	return true;
}

/* What its directions are when it does not say so. */
static void default_types(struct json *value)
{
	bool in = json_member(value, "inbound_rules"), out = json_member(value, "outbound_rules");
	struct json *types;

	if (json_member(value, "types"))
		return;
	types = json_add_array(value, "types");
	if (!out || in)
		json_add_str(types, NULL, "ingress");
	if (out)
		json_add_str(types, NULL, "egress");
}

static bool check_policy(struct reading *reading, const struct yaml_node *node,
			 const struct json *value)
{
	bool pre_dnat = json_bool(value, "pre_dnat", false);

	if (!yaml_member(node, "spec"))
		return policy_complain(reading, node, "the policy has no spec");
	if (pre_dnat && json_bool(value, "untracked", false))
		return policy_complain(reading, node,
				       "a policy is doNotTrack or preDNAT, not both");
	if (pre_dnat && json_member(value, "outbound_rules"))
		return policy_complain(reading, node, "a preDNAT policy has no egress rules");
	return true;
}

static bool read_name(struct reading *reading, const struct yaml_node *node, const char **name)
{
	const struct yaml_node *metadata = yaml_member(node, "metadata");
	const struct yaml_node *text = yaml_member(metadata, "name");

	if (!text || text->kind != YAML_TEXT || yaml_is_null(text))
		return policy_complain(reading, metadata ? metadata : node,
				       "the policy has no name");
	if (reading->api == CALICO_API_V3 && !calico_name_is_valid(CALICO_NAME_V3, text->text))
		return policy_complain(
			reading, text,
			"\"%.*s\" is no name of a policy: a-z 0-9, inside also - and .", NAMED_MAX,
			text->text);
	if (!calico_name_is_valid(CALICO_NAME_ENDPOINT, text->text))
		return policy_complain(
			reading, text,
			"\"%.*s\" is no name of a policy: 1 to 128 of a-z A-Z 0-9 _ . - /",
			NAMED_MAX, text->text);
	*name = text->text;
	return true;
}

static bool read_policy(struct reading *reading, const struct yaml_node *node,
			struct calico_policy_draft *draft)
{
	struct json *value = json_new_object();
	struct strbuf text = STRBUF_INIT;
	bool good = check_kind(reading, node) && read_name(reading, node, &draft->name) &&
		    policy_read_members(reading, node, "a policy", resource_members,
					COUNT_OF(resource_members), value) &&
		    check_policy(reading, node, value);

	if (good) {
		if (!json_member(value, "selector"))
			json_add_str(value, "selector", "");
		default_types(value);
		json_print(&text, value);
		draft->value = arena_strdup(reading->arena, text.buf);
		strbuf_reset(&text);
		calico_policy_key(&text, draft->name);
		draft->key = arena_strdup(reading->arena, text.buf);
		draft->line = node->line;
		if (reading->api == CALICO_API_V3)
			policy_draft_to_v3(draft, reading->arena);
	}
	strbuf_release(&text);
	json_free(value);
	return good;
}

static bool add_draft(struct reading *reading, const struct yaml_node *node,
		      struct calico_policy_draft *drafts, size_t *count)
{
	if (!read_policy(reading, node, &drafts[*count]))
		return false;
	for (size_t i = 0; i < *count; i++)
		if (strcmp(drafts[i].name, drafts[*count].name) == 0)
			return policy_complain(reading, node,
					       "the policy %s stands in line %zu already",
					       drafts[i].name, drafts[i].line);
	++*count;
	return true;
}

bool calico_policy_file_read(const char *text, size_t len, enum calico_api api, struct arena *arena,
			     struct json_list *out, struct err *err)
{
	struct reading reading = { .api = api, .arena = arena, .err = err };
	const struct yaml_node *documents;
	struct calico_policy_draft *drafts;
	size_t most = 0, count = 0;

	if (len > LIMIT_YAML_FILE)
		return err_set(err, ERR_INPUT, "it is longer than %u bytes", LIMIT_YAML_FILE);
	documents = yaml_read(text, len, arena, err);
	if (!documents)
		return false;
	for (const struct yaml_node *doc = documents->first; doc; doc = doc->next)
		most += doc->kind == YAML_LIST ? doc->count : 1;
	drafts = arena_alloc(arena, (most + 1) * sizeof(*drafts));
	for (const struct yaml_node *doc = documents->first; doc; doc = doc->next) {
		if (doc->kind == YAML_LIST) {
			for (const struct yaml_node *item = doc->first; item; item = item->next)
				if (!add_draft(&reading, item, drafts, &count))
					return false;
		} else if (!yaml_is_null(doc) && !add_draft(&reading, doc, drafts, &count)) {
			return false;
		}
	}
	if (!count)
		return err_set(err, ERR_INPUT, "there is no policy in it");
	*out = (struct json_list){ drafts, count };
	return true;
}
