/*
 * nginx/upstreams.h - what a configuration serves: servers, their locations, the upstreams that
 * these pass requests to.
 *
 *     struct nginx_routes routes;
 *
 *     nginx_routes_read(&routes, tree);
 *     vhost = nginx_routes_vhost(&routes, "nginx.test.flyclock.cn");
 *     upstream = nginx_routes_upstream(&routes, vhost->locations[0].target);
 *     nginx_routes_release(&routes);
 *
 * All texts are borrowed from the tree.
 *
 * Reference: ngx_http_core_module (server_name, location), ngx_http_upstream_module, "How nginx
 * processes a request", "Server names".
 */
#ifndef BINNACLE_NGINX_UPSTREAMS_H
#define BINNACLE_NGINX_UPSTREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"
#include "binnacle/nginx/conf.h"

struct nginx_server {
	const char *address; /* "10.233.49.254:80", "unix:/run/app.sock" */
	bool down, backup;
	const struct conf_directive *from; /* with all its parameters */
};

struct nginx_upstream {
	const char *name;
	struct nginx_server *servers;
	size_t count, cap;
	const struct conf_directive *from;
};

struct nginx_location {
	const char *match;  /* "/", "~ \.php$" */
	const char *pass;   /* of proxy_pass and its kin, "http://web"; "" when there is none */
	const char *target; /* host part of pass, "web"; "" */
	const struct conf_directive *from;
};

struct nginx_vhost {
	const char *const *names; /* of server_name; none given: one "" */
	size_t name_count;
	const char **listens;
	size_t listen_count, listen_cap;
	bool is_default;                  /* default_server, or the first server of its listen */
	struct nginx_location *locations; /* nested ones too; a proxy_pass outside of any has "" */
	size_t count, cap;
	const struct conf_directive *from;
};

struct nginx_routes {
	struct nginx_upstream *upstreams;
	size_t upstream_count, upstream_cap;
	struct nginx_vhost *vhosts;
	size_t vhost_count, vhost_cap;
	struct arena arena;
};

void nginx_routes_read(struct nginx_routes *routes, const struct conf_tree *tree);
void nginx_routes_release(struct nginx_routes *routes);

const struct nginx_upstream *nginx_routes_upstream(const struct nginx_routes *routes,
						   const char *name); /* NULL: none */
/*
 * The server that nginx would choose for a host name: exact name, longest wildcard at the front
 * ("*.x", ".x"), longest at the end ("x.*"), the default server; NULL: no server at all. Listening
 * addresses are not told apart, and names that are regular expressions ("~…") are passed over.
 */
const struct nginx_vhost *nginx_routes_vhost(const struct nginx_routes *routes, const char *host);

/*
 * Upstream servers of a text, which may be a fragment: `server ADDRESS …;` without a block,
 * wherever it stands. How many there are in `before`, and how many of these `after` lacks (by
 * upstream and address). A text that cannot be read counts up to its first mistake.
 */
void nginx_count_removed(const char *before, size_t before_len, const char *after, size_t after_len,
			 size_t *count, size_t *removed);

#endif
