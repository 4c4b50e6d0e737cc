#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/nginx/conf.h"
#include "binnacle/nginx/upstreams.h"

/* A folder of its own per test. */
struct place {
	char folder[64];
};

static int set_up(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	snprintf(place->folder, sizeof(place->folder), "/tmp/binnacle-conf-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char *argv = xasprintf("rm -rf '%s'", place->folder);

	assert_int_equal(system(argv), 0);
	free(argv);
	free(place);
	return 0;
}

static char *path_of(const struct place *place, const char *name)
{
	return xasprintf("%s/%s", place->folder, name);
}

static void put(const struct place *place, const char *name, const char *text, mode_t mode)
{
	char *path = path_of(place, name);
	char *folder = file_dirname(path);
	struct err err;

	assert_true(file_mkdirs(folder, 0755, &err));
	assert_true(
		file_replace(path, text, strlen(text), &(struct file_mode){ .mode = mode }, &err));
	free(folder);
	free(path);
}

/* "word word {" tree as text, to compare: words separated by '|'. */
static void print_tree(struct strbuf *out, const struct conf_directive *d)
{
	for (; d; d = d->next) {
		for (size_t i = 0; i < d->count; i++)
			strbuf_addf(out, "%s%s", i ? "|" : "", d->words[i]);
		if (d->is_block) {
			strbuf_addstr(out, "{");
			print_tree(out, d->first);
			strbuf_addstr(out, "}");
		} else {
			strbuf_addstr(out, ";");
		}
	}
}

static void words_are_read_as_nginx_reads_them(void **state)
{
	static const struct {
		const char *text, *want, *fault;
		unsigned line;
	} cases[] = {
		{ "a b;c d e;", "a|b;c|d|e;", NULL, 0 },
		{ "a \"b c\" 'd;e';", "a|b c|d;e;", NULL, 0 },
		{ "a \"x\\\"y\" 'p\\'q' r\\\\s \\t;", "a|x\"y|p'q|r\\s|\t;", NULL, 0 },
		{ "a # comment; {\n b;", "a|b;", NULL, 0 },
		{ "a b#c;", "a|b#c;", NULL, 0 },
		{ "a ${x}y $z;", "a|${x}y|$z;", NULL, 0 },
		{ "a b\\;c;", "a|b\\;c;", NULL, 0 },
		{ "http{server{listen 80;}}", "http{server{listen|80;}}", NULL, 0 },
		{ "if ($a = \"b\") { x; }", "if|($a|=|b|){x;}", NULL, 0 },
		{ "a b}c;", "a|b}c;", NULL, 0 },
		{ "content_by_lua_block { if x then y = {1, '}', \"{\"} end -- }\n [[}]] } b;",
		  "content_by_lua_block{}b;", NULL, 0 },
		{ "a }b;", "", "unexpected \"}\"", 1 },
		{ "location ~ \\.php$ { x; }", "location|~|\\.php${x;}", NULL, 0 },
		{ "\n\n;", "", "unexpected \";\"", 3 },
		{ "a;\n{", "a;", "unexpected \"{\"", 2 },
		{ "a;\n}", "a;", "unexpected \"}\"", 2 },
		{ "a {\n b;\n", "a{b;}", "unexpected end of file, expecting \"}\"", 3 },
		{ "a b\n", "", "unexpected end of file, expecting \";\" or \"}\"", 2 },
		{ "a \"b\"c;", "", "unexpected \"c\"", 1 },
		{ "a \"b", "", "unexpected end of file, expecting \";\" or \"}\"", 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct strbuf got = STRBUF_INIT;
		struct conf_fault fault;
		struct conf_tree *tree =
			conf_parse_text("f", cases[i].text, strlen(cases[i].text), &fault);

		print_tree(&got, tree->first);
		assert_string_equal(got.buf, cases[i].want);
		assert_string_equal(fault.message, cases[i].fault ? cases[i].fault : "");
		assert_int_equal(fault.line, cases[i].line);
		conf_fault_release(&fault);
		conf_tree_free(tree);
		strbuf_release(&got);
	}
}

static void deep_nesting_is_an_error(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct conf_fault fault;

	(void)state;
	for (int i = 0; i < 100000; i++)
		strbuf_addstr(&text, "a{");
	conf_tree_free(conf_parse_text("f", text.buf, text.len, &fault));
	assert_string_equal(fault.message, "blocks are nested too deeply");
	conf_fault_release(&fault);
	strbuf_release(&text);
}

static void flatten(const struct place *place, struct conf_flat *flat,
		    const struct conf_pending *pending, size_t count)
{
	struct conf_files files = { .folder = place->folder, .seen_as = "/etc/nginx" };
	char *path = path_of(place, "nginx.conf");
	struct conf_fault fault;
	struct err err;

	*flat = (struct conf_flat)CONF_FLAT_INIT;
	if (!conf_flatten(flat, &files, path, pending, count, &fault, &err))
		fail_msg("%s", err.msg);
	free(path);
}

/* The line of the flat text that holds `needle` maps to file:line. */
static void assert_maps(const struct conf_flat *flat, const char *needle, const char *file,
			unsigned line)
{
	const char *found = strstr(flat->text.buf, needle);
	const char *got_file;
	unsigned at = 1, got_line;

	assert_non_null(found);
	for (const char *c = flat->text.buf; c < found; c++)
		at += *c == '\n';
	assert_true(conf_map_line(flat, at, &got_file, &got_line));
	assert_string_equal(file_basename(got_file), file);
	assert_int_equal(got_line, line);
}

static void every_line_maps_back_to_its_file(void **state)
{
	struct place *place = *state;
	struct conf_flat flat;
	struct conf_tree *tree;
	struct conf_fault fault;
	struct strbuf got = STRBUF_INIT;

	put(place, "nginx.conf",
	    "one;\nhttp { two; include conf.d/*.conf; three;\n"
	    "include\n  /etc/nginx/extra; four;\n}\nfive;",
	    0644);
	put(place, "conf.d/b.conf", "bee;\nbeetle;\n", 0644);
	put(place, "conf.d/a.conf", "ay;\n\ninclude extra2;\nayes;", 0644);
	put(place, "conf.d/.hidden.conf", "hidden;", 0644);
	put(place, "extra", "# nothing\nex;", 0644);
	put(place, "extra2", "ex2;", 0644);
	flatten(place, &flat, NULL, 0);
	assert_maps(&flat, "one;", "nginx.conf", 1);
	assert_maps(&flat, "two;", "nginx.conf", 2);
	assert_maps(&flat, "ay;", "a.conf", 1);
	assert_maps(&flat, "ex2;", "extra2", 1);
	assert_maps(&flat, "ayes;", "a.conf", 4);
	assert_maps(&flat, "bee;", "b.conf", 1);
	assert_maps(&flat, "beetle;", "b.conf", 2);
	assert_maps(&flat, "three;", "nginx.conf", 2);
	assert_maps(&flat, "ex;", "extra", 2);
	assert_maps(&flat, "four;", "nginx.conf", 4);
	assert_maps(&flat, "five;", "nginx.conf", 6);
	assert_maps(&flat, "# ", "nginx.conf", 2);
	tree = conf_parse(&flat, &fault);
	assert_non_null(tree);
	print_tree(&got, tree->first);
	assert_string_equal(got.buf, "one;http{two;ay;ex2;ayes;bee;beetle;three;ex;four;}five;");
	assert_string_equal(file_basename(conf_find(tree->first, "http")->first->next->file),
			    "a.conf");
	conf_tree_free(tree);
	conf_flat_release(&flat);
	strbuf_release(&got);
}

static void a_pending_text_takes_the_place_of_its_file(void **state)
{
	struct place *place = *state;
	char *live = path_of(place, "conf.d/live.conf"), *fresh = path_of(place, "conf.d/new.conf");
	char *nowhere = path_of(place, "other/x.conf"), *hidden = path_of(place, "conf.d/.x.conf");
	struct conf_pending pending[] = { { .path = live, .text = "changed;", .len = 8 },
					  { .path = fresh, .text = "fresh;\n", .len = 7 },
					  { .path = nowhere, .text = "x;", .len = 2 },
					  { .path = hidden, .text = "y;", .len = 2 } };
	struct conf_flat flat;

	put(place, "nginx.conf", "include conf.d/*.conf;\n", 0644);
	put(place, "conf.d/live.conf", "live;", 0644);
	put(place, "conf.d/z.conf", "last;", 0644);
	flatten(place, &flat, pending, 4);
	assert_null(strstr(flat.text.buf, "live;"));
	assert_maps(&flat, "changed;", "live.conf", 1);
	assert_maps(&flat, "fresh;", "new.conf", 1);
	assert_true(strstr(flat.text.buf, "changed;") < strstr(flat.text.buf, "fresh;"));
	assert_true(strstr(flat.text.buf, "fresh;") < strstr(flat.text.buf, "last;"));
	assert_true(flat.used[0] && flat.used[1] && !flat.used[2] && !flat.used[3]);
	conf_flat_release(&flat);
	free(live);
	free(fresh);
	free(nowhere);
	free(hidden);
}

static void a_pending_file_is_found_behind_links(void **state)
{
	struct place *place = *state;
	char *available = path_of(place, "sites-available/app");
	char *enabled = path_of(place, "sites-enabled/app");
	char *linked = path_of(place, "linked"), *conf_d = path_of(place, "conf.d");
	char *fresh = path_of(place, "conf.d/new.conf");
	struct conf_pending pending[] = { { .path = available, .text = "changed;", .len = 8 },
					  { .path = fresh, .text = "fresh;", .len = 6 } };
	struct conf_flat flat;

	put(place, "nginx.conf", "include sites-enabled/*;\ninclude linked/*.conf;", 0644);
	put(place, "sites-available/app", "live;", 0644);
	put(place, "sites-enabled/other", "other;", 0644);
	put(place, "conf.d/old.conf", "old;", 0644);
	assert_int_equal(symlink("../sites-available/app", enabled), 0);
	assert_int_equal(symlink(conf_d, linked), 0);
	flatten(place, &flat, pending, 2);
	assert_non_null(strstr(flat.text.buf, "changed;"));
	assert_null(strstr(flat.text.buf, "live;"));
	assert_non_null(strstr(flat.text.buf, "fresh;"));
	conf_flat_release(&flat);
	free(available);
	free(enabled);
	free(linked);
	free(conf_d);
	free(fresh);
}

static void an_include_that_only_nginx_sees_stays(void **state)
{
	struct place *place = *state;
	struct conf_flat flat;

	put(place, "nginx.conf", "include /usr/share/nginx/modules/*.conf;\na;\n", 0644);
	flatten(place, &flat, NULL, 0);
	assert_string_equal(flat.text.buf, "include /usr/share/nginx/modules/*.conf;\na;\n");
	conf_flat_release(&flat);
}

static void each_file_must_be_balanced_by_itself(void **state)
{
	static const struct {
		const char *first, *second, *want;
	} cases[] = {
		{ "upstream a {", "}", "unexpected end of file, expecting \"}\" in %s/conf.d/1:1" },
		{ "}", "upstream a {", "unexpected \"}\" in %s/conf.d/1:1" },
		{ "a;", "b", "unexpected end of file, expecting \";\" or \"}\" in %s/conf.d/2:1" },
		{ "a;", "\ninclude gone;",
		  "open() \"%s/gone\" failed (2: No such file or directory) in %s/conf.d/2:2" },
		{ "include conf.d/1;", "", "includes are nested too deeply in %s/conf.d/1:1" },
	};
	struct place *place = *state;

	put(place, "nginx.conf", "http { include conf.d/*; }", 0644);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf_files files = { .folder = place->folder };
		struct conf_flat flat = CONF_FLAT_INIT;
		char *path = path_of(place, "nginx.conf");
		struct strbuf want = STRBUF_INIT;
		struct conf_fault fault;
		struct err err;

		put(place, "conf.d/1", cases[i].first, 0644);
		put(place, "conf.d/2", cases[i].second, 0644);
		assert_false(conf_flatten(&flat, &files, path, NULL, 0, &fault, &err));
		for (const char *c = cases[i].want; *c; c++)
			if (c[0] == '%' && c[1] == 's')
				strbuf_addstr(&want, place->folder), c++;
			else
				strbuf_addch(&want, *c);
		assert_string_equal(err.msg, want.buf);
		assert_int_equal(err.code, ERR_REFUSED);
		assert_non_null(fault.file);
		strbuf_release(&want);
		conf_fault_release(&fault);
		conf_flat_release(&flat);
		free(path);
	}
}

static void the_flat_text_is_no_more_readable_than_its_parts(void **state)
{
	struct place *place = *state;
	struct conf_flat flat;

	put(place, "nginx.conf", "include a;", 0644);
	put(place, "a", "a;", 0644);
	flatten(place, &flat, NULL, 0);
	assert_int_equal(flat.mode, 0644);
	conf_flat_release(&flat);
	put(place, "a", "a;", 0640);
	flatten(place, &flat, NULL, 0);
	assert_int_equal(flat.mode, 0640);
	conf_flat_release(&flat);
	put(place, "a", "a;", 0600);
	flatten(place, &flat, NULL, 0);
	assert_int_equal(flat.mode, 0600);
	conf_flat_release(&flat);
}

static void routes_name_hosts_locations_and_upstreams(void **state)
{
	static const char text[] =
		"http {\n"
		" upstream web { least_conn; server 10.0.0.1:80 max_fails=3; server 10.0.0.2:80 "
		"down;\n"
		"  server unix:/run/x.sock backup; }\n"
		" server { listen 80 default_server; return 404; }\n"
		" server { listen 80; server_name a.example *.b.example;\n"
		"  location / { proxy_pass http://web; }\n"
		"  location ~ \\.php$ { location /x { proxy_pass http://10.0.0.9:81/y; } } }\n"
		" server { server_name .c.example d.*; proxy_pass http://web/p; }\n"
		"}\n";
	static const struct {
		const char *host;
		size_t index;
	} hosts[] = { { "A.example", 1 }, { "x.b.example", 1 }, { "b.example", 0 },
		      { "c.example", 2 }, { "y.c.example", 2 }, { "d.org", 2 },
		      { "nobody", 0 } };
	struct conf_fault fault;
	struct conf_tree *tree = conf_parse_text("f", text, strlen(text), &fault);
	struct nginx_routes routes;
	const struct nginx_upstream *web;

	(void)state;
	nginx_routes_read(&routes, tree);
	web = nginx_routes_upstream(&routes, "web");
	assert_non_null(web);
	assert_int_equal(web->count, 3);
	assert_string_equal(web->servers[0].address, "10.0.0.1:80");
	assert_true(web->servers[1].down && !web->servers[0].down && web->servers[2].backup);
	assert_int_equal(web->from->line, 2);
	assert_int_equal(routes.vhost_count, 3);
	assert_int_equal(routes.vhosts[1].count, 3);
	assert_string_equal(routes.vhosts[1].locations[0].target, "web");
	assert_string_equal(routes.vhosts[1].locations[1].match, "~ \\.php$");
	assert_string_equal(routes.vhosts[1].locations[1].pass, "");
	assert_string_equal(routes.vhosts[1].locations[2].target, "10.0.0.9:81");
	assert_string_equal(routes.vhosts[2].locations[0].target, "web");
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		assert_ptr_equal(nginx_routes_vhost(&routes, hosts[i].host),
				 &routes.vhosts[hosts[i].index]);
	nginx_routes_release(&routes);
	conf_tree_free(tree);
}

static void removed_servers_are_counted_by_upstream_and_address(void **state)
{
	static const struct {
		const char *before, *after;
		size_t count, removed;
	} cases[] = {
		{ "upstream a { server 1; server 2; }", "upstream a { server 2 weight=2; }", 2, 1 },
		{ "upstream a { server 1; }", "upstream b { server 1; }", 1, 1 },
		{ "server 1; server 2;", "", 2, 2 },
		{ "", "server 1;", 0, 0 },
		{ "upstream a { server 1; } server { listen 80; }", "upstream a { server 1; }", 1,
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t count, removed;

		nginx_count_removed(cases[i].before, strlen(cases[i].before), cases[i].after,
				    strlen(cases[i].after), &count, &removed);
		assert_int_equal(count, cases[i].count);
		assert_int_equal(removed, cases[i].removed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_read_as_nginx_reads_them),
		cmocka_unit_test(deep_nesting_is_an_error),
		cmocka_unit_test_setup_teardown(every_line_maps_back_to_its_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_pending_text_takes_the_place_of_its_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_pending_file_is_found_behind_links, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_include_that_only_nginx_sees_stays, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(each_file_must_be_balanced_by_itself, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_flat_text_is_no_more_readable_than_its_parts,
						set_up, tear_down),
		cmocka_unit_test(routes_name_hosts_locations_and_upstreams),
		cmocka_unit_test(removed_servers_are_counted_by_upstream_and_address),
	};

	return cmocka_run_group_tests_name("nginx configuration", tests, NULL, NULL);
}
