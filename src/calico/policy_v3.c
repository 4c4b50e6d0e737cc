/*
 * What API v3 stores of a policy besides its rules: its name with the tier, an id, when it was
 * made.
 *
 * Reference: calico v3.x, lib/clientv3 (resources.go) and lib/backend/model.
 */
#include "policy_v3.h"

#include <string.h>
#include <sys/random.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/calico/resource.h"

void policy_draft_to_v3(struct calico_policy_draft *draft, struct arena *arena)
{
	struct calico_policy policy = { .name = draft->name };
	struct strbuf text = STRBUF_INIT;
	struct err ignored;
	struct json *doc;

	/* What was just put together can be read. */
	calico_policy_decode(&policy, draft->value, arena, &ignored);
	doc = calico_resource_of_policy(&policy, CALICO_API_V3);
	calico_policy_name_v3(&text, draft->name);
	json_set(json_member_mut(doc, "metadata"), "name", json_new_str(text.buf));
	strbuf_reset(&text);
	json_print(&text, doc);
	draft->value = arena_strdup(arena, text.buf);
	strbuf_reset(&text);
	calico_policy_key_v3(&text, draft->name);
	draft->key = arena_strdup(arena, text.buf);
	strbuf_release(&text);
	json_free(doc);
}

/* Who it is stays: its id, when it was made, what others wrote beside. */
static struct json *metadata_of(const struct calico_policy *before, const struct json *metadata)
{
	struct err ignored;
	struct json *old = json_parse(before->value, strlen(before->value), &ignored);
	struct json *merged = json_is_object(json_member(old, "metadata"))
				      ? json_copy(json_member(old, "metadata"))
				      : json_new_object();

	json_free(old);
	json_set(merged, "name", json_copy(json_member(metadata, "name")));
	json_remove(merged, "annotations");
	if (json_member(metadata, "annotations"))
		json_set(merged, "annotations", json_copy(json_member(metadata, "annotations")));
	return merged;
}

/* As Calico's own library does when it makes one. */
static void add_identity(struct json *metadata)
{
	unsigned char bytes[16];
	char time[CLOCK_TEXT_BYTES];
	struct strbuf uid = STRBUF_INIT;

	if (getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes)) {
		bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* RFC 4122, version 4 */
		bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
		for (size_t i = 0; i < sizeof(bytes); i++)
			strbuf_addf(&uid, "%s%02x",
				    i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
		json_set(metadata, "uid", json_new_str(uid.buf));
	}
	json_set(metadata, "creationTimestamp", json_new_str(clock_rfc3339(clock_wall_ms(), time)));
	strbuf_release(&uid);
}

const char *calico_policy_draft_value(const struct calico_policy_draft *draft,
				      const struct calico_policy *before, enum calico_api api,
				      struct arena *arena)
{
	struct err ignored;
	struct strbuf text = STRBUF_INIT;
	struct json *doc, *metadata;
	const char *value;

	if (api == CALICO_API_V1)
		return draft->value;
	doc = json_parse(draft->value, strlen(draft->value), &ignored);
	if (before)
		json_set(doc, "metadata", metadata_of(before, json_member(doc, "metadata")));
	metadata = json_member_mut(doc, "metadata");
	if (!json_member(metadata, "uid"))
		add_identity(metadata);
	json_print(&text, doc);
	value = arena_strdup(arena, text.buf);
	strbuf_release(&text);
	json_free(doc);
	return value;
}
