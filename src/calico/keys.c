#include "binnacle/calico/keys.h"

#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/text.h"

bool calico_key_is_of(enum calico_api api, const char *key)
{
	static const char *const only_v1[] = { CALICO_ROOT "/v1/", CALICO_ROOT "/bgp/v1/" };

	if (text_starts_with(key, CALICO_RESOURCES "/"))
		return api == CALICO_API_V3;
	for (size_t i = 0; i < COUNT_OF(only_v1); i++)
		if (text_starts_with(key, only_v1[i]))
			return api == CALICO_API_V1;
	return true;
}

void calico_name_escape(struct strbuf *out, const char *name)
{
	for (; *name; name++) {
		if (*name == '%')
			strbuf_addstr(out, "%25");
		else if (*name == '/')
			strbuf_addstr(out, "%2f");
		else
			strbuf_addch(out, *name);
	}
}

/* "%2f" goes first and "%25" after, so "%252f" becomes "%2f", as it was. One pass does both,
 * because what the first step makes ('/') is never part of what the second looks for. */
void calico_name_unescape(struct strbuf *out, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool escape = name[i] == '%' && len - i >= 3 && name[i + 1] == '2';

		if (escape && (name[i + 2] == 'f' || name[i + 2] == '5')) {
			strbuf_addch(out, name[i + 2] == 'f' ? '/' : '%');
			i += 2;
		} else {
			strbuf_addch(out, name[i]);
		}
	}
}

static void add_workload_folder(struct strbuf *out, const struct calico_wep_id *id)
{
	strbuf_addf(out, CALICO_ROOT "/v1/host/%s/workload/", id->node);
	calico_name_escape(out, id->orchestrator);
	strbuf_addch(out, '/');
	calico_name_escape(out, id->workload);
}

/* The name of API v3: "w708--x--1-libnetwork-libnetwork-<endpoint>". */
static void add_name_v3(struct strbuf *out, const struct calico_wep_id *id)
{
	const char *parts[] = { id->node, id->orchestrator, id->workload, id->endpoint };

	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			strbuf_addch(out, '-');
		for (const char *p = parts[i]; *p; p++) {
			strbuf_addch(out, *p);
			if (*p == '-')
				strbuf_addch(out, '-');
		}
	}
}

void calico_wep_key(struct strbuf *out, const struct calico_wep_id *id)
{
	if (id->name_space) {
		strbuf_addf(out, CALICO_RESOURCES "/workloadendpoints/%s/", id->name_space);
		add_name_v3(out, id);
		return;
	}
	add_workload_folder(out, id);
	strbuf_addstr(out, "/endpoint/");
	calico_name_escape(out, id->endpoint);
}

void calico_wep_folder_key(struct strbuf *out, const struct calico_wep_id *id, unsigned level)
{
	add_workload_folder(out, id);
	if (level == 0)
		strbuf_addstr(out, "/endpoint");
}

/* The part up to the next '/' of *at, which moves past it; NULL at the end or when empty. */
static const char *next_part(const char **at, size_t *len)
{
	const char *part = *at, *slash;

	if (!part)
		return NULL;
	slash = strchr(part, '/');
	*len = slash ? (size_t)(slash - part) : strlen(part);
	*at = slash ? slash + 1 : NULL;
	return *len ? part : NULL;
}

static const char *unescaped(const char *part, size_t len, struct arena *arena)
{
	struct strbuf text = STRBUF_INIT;
	const char *copy;

	calico_name_unescape(&text, part, len);
	copy = arena_strdup(arena, text.buf);
	strbuf_release(&text);
	return copy;
}

/* Up to a '-' that stands alone; *at moves past it, or becomes NULL at the end. A part neither is
 * empty nor starts or ends with a '-', so three of them in a row are no name. */
static const char *next_part_v3(const char **at, struct arena *arena)
{
	struct strbuf text = STRBUF_INIT;
	const char *p = *at, *part;

	if (!p)
		return NULL;
	while (*p && (*p != '-' || p[1] == '-')) {
		strbuf_addch(&text, *p);
		p += *p == '-' ? 2 : 1;
	}
	*at = *p ? p + 1 : NULL;
	part = text.len && text.buf[0] != '-' && text.buf[text.len - 1] != '-'
		       ? arena_strdup(arena, text.buf)
		       : NULL;
	strbuf_release(&text);
	return part;
}

static bool split_v3(struct calico_wep_id *id, const char *rest, struct arena *arena)
{
	const char *slash = strchr(rest, '/'), *at;

	if (!slash || slash == rest || strchr(slash + 1, '/'))
		return false;
	at = slash + 1;
	id->name_space = arena_strndup(arena, rest, (size_t)(slash - rest));
	id->node = next_part_v3(&at, arena);
	id->orchestrator = id->node ? next_part_v3(&at, arena) : NULL;
	id->workload = id->orchestrator ? next_part_v3(&at, arena) : NULL;
	id->endpoint = id->workload ? next_part_v3(&at, arena) : NULL;
	return id->endpoint && !at;
}

bool calico_wep_key_split(struct calico_wep_id *id, const char *key, struct arena *arena)
{
	static const char prefix_v3[] = CALICO_RESOURCES "/workloadendpoints/";
	static const char prefix[] = CALICO_ROOT "/v1/host/";
	const char *part[6], *at = key + sizeof(prefix) - 1;
	size_t len[6];

	if (strncmp(key, prefix_v3, sizeof(prefix_v3) - 1) == 0)
		return split_v3(id, key + sizeof(prefix_v3) - 1, arena);
	if (strncmp(key, prefix, sizeof(prefix) - 1) != 0)
		return false;
	for (size_t i = 0; i < 6; i++)
		if (!(part[i] = next_part(&at, &len[i])))
			return false;
	if (at || len[1] != 8 || memcmp(part[1], "workload", 8) != 0 || len[4] != 8 ||
	    memcmp(part[4], "endpoint", 8) != 0)
		return false;
	id->node = arena_strndup(arena, part[0], len[0]);
	id->orchestrator = unescaped(part[2], len[2], arena);
	id->workload = unescaped(part[3], len[3], arena);
	id->endpoint = unescaped(part[5], len[5], arena);
	id->name_space = NULL;
	return true;
}

bool calico_wep_id_is_docker(const struct calico_wep_id *id)
{
	return strcmp(id->orchestrator, CALICO_LIBNETWORK) == 0 &&
	       strcmp(id->workload, CALICO_LIBNETWORK) == 0 && strlen(id->endpoint) == 64 &&
	       strspn(id->endpoint, "0123456789abcdef") == 64;
}

static void add_net(struct strbuf *out, const struct calico_net *net)
{
	char text[CALICO_NET_TEXT_BYTES];

	calico_net_text_cidr(net, text);
	*strchr(text, '/') = '-';
	strbuf_addstr(out, text);
}

void calico_block_key(struct strbuf *out, const struct calico_net *block)
{
	strbuf_addf(out, CALICO_ROOT "/ipam/v2/assignment/ipv%u/block/", block->version);
	add_net(out, block);
}

bool calico_block_key_split(struct calico_net *block, const char *key)
{
	static const char prefix[] = CALICO_ROOT "/ipam/v2/assignment/ipv";
	char text[CALICO_NET_TEXT_BYTES];
	const char *name;
	char *dash;

	if (strncmp(key, prefix, sizeof(prefix) - 1) != 0)
		return false;
	name = key + sizeof(prefix) - 1;
	if ((*name != '4' && *name != '6') || strncmp(name + 1, "/block/", 7) != 0)
		return false;
	name += 8;
	if (strlen(name) >= sizeof(text))
		return false;
	memcpy(text, name, strlen(name) + 1);
	dash = strrchr(text, '-');
	if (!dash)
		return false;
	*dash = '/';
	return calico_net_parse(block, text);
}

void calico_policy_key(struct strbuf *out, const char *policy)
{
	strbuf_addstr(out, CALICO_ROOT "/v1/policy/tier/default/policy/");
	calico_name_escape(out, policy);
}

void calico_policy_name_v3(struct strbuf *out, const char *policy)
{
	strbuf_addf(out, "default.%s", policy);
}

void calico_policy_key_v3(struct strbuf *out, const char *policy)
{
	strbuf_addstr(out, CALICO_RESOURCES "/globalnetworkpolicies/");
	calico_policy_name_v3(out, policy);
}

void calico_pool_key(struct strbuf *out, const struct calico_net *pool)
{
	strbuf_addf(out, CALICO_ROOT "/v1/ipam/v%u/pool/", pool->version);
	add_net(out, pool);
}

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const struct {
	const char *allowed;
	size_t min, max;
} name_rules[] = {
	[CALICO_NAME_NODE] = { ALNUM "_.-", 1, 128 },
	[CALICO_NAME_ENDPOINT] = { ALNUM "_.-/", 1, 128 },
	[CALICO_NAME_INTERFACE] = { ALNUM "_-", 1, 15 },
	[CALICO_NAME_LABEL] = { ALNUM "_./-", 1, 512 },
	[CALICO_NAME_V3] = { "abcdefghijklmnopqrstuvwxyz0123456789.-", 1, 253 },
	[CALICO_NAME_LABEL_VALUE] = { ALNUM "_.-", 0, 63 },
};

bool calico_name_is_valid(enum calico_name_kind kind, const char *name)
{
	size_t len = strlen(name);

	if (len < name_rules[kind].min || len > name_rules[kind].max ||
	    strspn(name, name_rules[kind].allowed) != len)
		return false;
	if (kind == CALICO_NAME_V3)
		return !strchr(".-", name[0]) && !strchr(".-", name[len - 1]);
	return kind != CALICO_NAME_LABEL_VALUE || len == 0 || !strchr("_.-", name[len - 1]);
}
