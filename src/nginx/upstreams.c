#include "binnacle/nginx/upstreams.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "binnacle/base/list.h"
#include "binnacle/base/strmap.h"
#include "binnacle/base/text.h"

static const char *const pass_directives[] = { "proxy_pass", "grpc_pass", "fastcgi_pass",
					       "uwsgi_pass", "scgi_pass", "memcached_pass" };

static bool has_word(const struct conf_directive *directive, const char *word)
{
	for (size_t i = 1; i < directive->count; i++)
		if (strcmp(directive->words[i], word) == 0)
			return true;
	return false;
}

static void read_upstream(struct nginx_routes *routes, const struct conf_directive *from)
{
	struct nginx_upstream *upstream;

	GROW(routes->upstreams, routes->upstream_count, routes->upstream_cap);
	upstream = &routes->upstreams[routes->upstream_count++];
	*upstream = (struct nginx_upstream){ .name = from->count > 1 ? from->words[1] : "",
					     .from = from };
	for (const struct conf_directive *d = conf_find(from->first, "server"); d;
	     d = conf_find(d->next, "server")) {
		if (d->count < 2 || d->is_block)
			continue;
		GROW(upstream->servers, upstream->count, upstream->cap);
		upstream->servers[upstream->count++] =
			(struct nginx_server){ .address = d->words[1],
					       .down = has_word(d, "down"),
					       .backup = has_word(d, "backup"),
					       .from = d };
	}
}

/* "http://web/path" and "web:9000" name web and web:9000. */
static const char *target_of(struct arena *arena, const char *pass)
{
	const char *start = strstr(pass, "://");

	start = start ? start + 3 : pass;
	if (text_starts_with(start, "unix:"))
		return start;
	return arena_strndup(arena, start, strcspn(start, "/?"));
}

static const char *join_words(struct arena *arena, const struct conf_directive *directive)
{
	struct strbuf text = STRBUF_INIT;
	const char *result;

	for (size_t i = 1; i < directive->count; i++) {
		if (i > 1)
			strbuf_addch(&text, ' ');
		strbuf_addstr(&text, directive->words[i]);
	}
	result = arena_strndup(arena, text.buf, text.len);
	strbuf_release(&text);
	return result;
}

static struct nginx_location *add_location(struct nginx_vhost *vhost,
					   const struct conf_directive *from, const char *match)
{
	GROW(vhost->locations, vhost->count, vhost->cap);
	vhost->locations[vhost->count] =
		(struct nginx_location){ .match = match, .pass = "", .target = "", .from = from };
	return &vhost->locations[vhost->count++];
}

/* Locations may be nested, and a proxy_pass may stand inside an `if`. */
static void read_block(struct nginx_routes *routes, struct nginx_vhost *vhost,
		       const struct conf_directive *block, const char *match, size_t location)
{
	for (const struct conf_directive *d = block->first; d; d = d->next) {
		const char *name = d->words[0];

		if (d->is_block && strcmp(name, "location") == 0) {
			const char *inner = join_words(&routes->arena, d);

			add_location(vhost, d, inner);
			read_block(routes, vhost, d, inner, vhost->count - 1);
			continue;
		}
		if (d->is_block) {
			read_block(routes, vhost, d, match, location);
			continue;
		}
		for (size_t i = 0; i < COUNT_OF(pass_directives) && d->count > 1; i++) {
			struct nginx_location *place;

			if (strcmp(name, pass_directives[i]) != 0)
				continue;
			place = location < vhost->count ? &vhost->locations[location]
							: add_location(vhost, d, match);
			if (!place->pass[0]) {
				place->pass = d->words[1];
				place->target = target_of(&routes->arena, d->words[1]);
			}
		}
	}
}

static void read_vhost(struct nginx_routes *routes, const struct conf_directive *from)
{
	static const char *const unnamed[] = { "" };
	struct nginx_vhost vhost = { .names = unnamed, .name_count = 1, .from = from };
	const struct conf_directive *names = conf_find(from->first, "server_name");

	if (names && names->count > 1) {
		vhost.names = names->words + 1;
		vhost.name_count = names->count - 1;
	}
	for (const struct conf_directive *d = conf_find(from->first, "listen"); d;
	     d = conf_find(d->next, "listen")) {
		if (d->count < 2)
			continue;
		GROW(vhost.listens, vhost.listen_count, vhost.listen_cap);
		vhost.listens[vhost.listen_count++] = d->words[1];
		vhost.is_default |= has_word(d, "default_server") || has_word(d, "default");
	}
	read_block(routes, &vhost, from, "", SIZE_MAX);
	GROW(routes->vhosts, routes->vhost_count, routes->vhost_cap);
	routes->vhosts[routes->vhost_count++] = vhost;
}

static void read_context(struct nginx_routes *routes, const struct conf_directive *first)
{
	for (const struct conf_directive *d = first; d; d = d->next) {
		if (!d->is_block)
			continue;
		if (strcmp(d->words[0], "upstream") == 0)
			read_upstream(routes, d);
		else if (strcmp(d->words[0], "server") == 0)
			read_vhost(routes, d);
		else if (strcmp(d->words[0], "http") == 0 || strcmp(d->words[0], "stream") == 0)
			read_context(routes, d->first);
	}
}

void nginx_routes_read(struct nginx_routes *routes, const struct conf_tree *tree)
{
	*routes = (struct nginx_routes){ 0 };
	read_context(routes, tree->first);
}

void nginx_routes_release(struct nginx_routes *routes)
{
	for (size_t i = 0; i < routes->upstream_count; i++)
		free(routes->upstreams[i].servers);
	for (size_t i = 0; i < routes->vhost_count; i++) {
		free(routes->vhosts[i].listens);
		free(routes->vhosts[i].locations);
	}
	free(routes->upstreams);
	free(routes->vhosts);
	arena_release(&routes->arena);
	*routes = (struct nginx_routes){ 0 };
}

const struct nginx_upstream *nginx_routes_upstream(const struct nginx_routes *routes,
						   const char *name)
{
	for (size_t i = 0; i < routes->upstream_count; i++)
		if (strcasecmp(routes->upstreams[i].name, name) == 0)
			return &routes->upstreams[i];
	return NULL;
}

/* How well a server name fits: 0 not at all, else more is better. */
static size_t fit(const char *name, const char *host)
{
	enum { EXACT = 1 << 20, FRONT = 1 << 10 };
	size_t name_len = strlen(name), host_len = strlen(host);

	if (!name_len || name[0] == '~' || name_len >= FRONT)
		return 0;
	if (strcasecmp(name, host) == 0)
		return EXACT;
	if (name[0] == '.' || text_starts_with(name, "*.")) {
		const char *rest = name[0] == '.' ? name : name + 1; /* ".example.org" */
		size_t rest_len = strlen(rest);

		if (name[0] == '.' && strcasecmp(rest + 1, host) == 0)
			return EXACT;
		if (host_len > rest_len && strcasecmp(host + host_len - rest_len, rest) == 0)
			return FRONT + rest_len;
		return 0;
	}
	if (text_ends_with(name, ".*") && host_len > name_len - 1 &&
	    strncasecmp(name, host, name_len - 1) == 0)
		return name_len;
	return 0;
}

const struct nginx_vhost *nginx_routes_vhost(const struct nginx_routes *routes, const char *host)
{
	const struct nginx_vhost *best = NULL;
	size_t best_fit = 0;

	for (size_t i = 0; i < routes->vhost_count; i++)
		for (size_t k = 0; k < routes->vhosts[i].name_count; k++) {
			size_t points = fit(routes->vhosts[i].names[k], host);

			if (points > best_fit) {
				best = &routes->vhosts[i];
				best_fit = points;
			}
		}
	for (size_t i = 0; !best && i < routes->vhost_count; i++)
		if (routes->vhosts[i].is_default)
			best = &routes->vhosts[i];
	return best ? best : routes->vhost_count ? &routes->vhosts[0] : NULL;
}

static void collect_servers(struct strmap *servers, const struct conf_directive *first,
			    const char *upstream)
{
	for (const struct conf_directive *d = first; d; d = d->next) {
		if (d->is_block) {
			bool names = strcmp(d->words[0], "upstream") == 0 && d->count > 1;

			collect_servers(servers, d->first, names ? d->words[1] : upstream);
		} else if (strcmp(d->words[0], "server") == 0 && d->count > 1) {
			char *key = xasprintf("%s %s", upstream, d->words[1]);

			strmap_put(servers, key, servers);
			free(key);
		}
	}
}

static void servers_of(struct strmap *servers, const char *text, size_t len)
{
	struct conf_fault fault;
	struct conf_tree *tree = conf_parse_text("", text, len, &fault);

	collect_servers(servers, tree->first, "");
	conf_fault_release(&fault);
	conf_tree_free(tree);
}

void nginx_count_removed(const char *before, size_t before_len, const char *after, size_t after_len,
			 size_t *count, size_t *removed)
{
	struct strmap old = STRMAP_INIT, new = STRMAP_INIT;

	servers_of(&old, before, before_len);
	servers_of(&new, after, after_len);
	*count = old.count;
	*removed = 0;
	for (size_t i = 0; i < old.count; i++)
		*removed += !strmap_has(&new, old.entries[i].key);
	strmap_release(&old);
	strmap_release(&new);
}
