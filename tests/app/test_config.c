#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/app/config.h"
#include "binnacle/base/list.h"

static bool parse(struct config *config, const char *text, struct err *err)
{
	return config_parse(config, text, strlen(text), err);
}

static void the_documented_file_is_read(void **state)
{
	static const char text[] =
		"consul   { address = \"127.0.0.1:8500\" }\n"
		"docker \"H-1\" { host = \"unix:///var/run/docker.sock\" }\n"
		"docker \"H-2\" { host = \"tcp://h2:2376\"  cert_path = \"/etc/d\" }\n"
		"docker \"H-3\" { host = \"ssh://ops@h3\"  name = \"host-three\" }\n"
		"calico { datastore = \"etcdv2\" endpoints = [\"http://a:2379\", "
		"\"http://b:2379\"] "
		"grace = \"5s\" }\n"
		"nginx \"ingress\" { container = \"c\" conf = \"/conf\" }\n"
		"template { source = \"/s\" destination = \"/d\" nginx = \"ingress\" wait { min = "
		"\"5s\" } "
		"perms = \"0640\" }\n"
		"register { registry = \"consul://127.0.0.1:8500\" mode = \"hold\" }\n"
		"ui { theme = \"mono\" production = true confirm = \"always-type\" }\n"
		"bind \"endpoints\" \"X\" { run = \"clean endpoints\" }\n";
	struct config config = { 0 };
	struct err err = { 0 };

	(void)state;
	if (!parse(&config, text, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(config.docker_count, 3);
	assert_string_equal(config.dockers[2].name, "host-three");
	assert_null(config.dockers[1].name);
	assert_string_equal(config.dockers[1].cert_path, "/etc/d");
	assert_true(config.dockers[0].confirmed);
	assert_string_equal(config.etcd_endpoints[1], "http://b:2379");
	assert_int_equal(config.grace_ms, 5000);
	assert_string_equal(config.nginxes[0].container, "c");
	assert_string_equal(config.templates[0].nginx, "ingress");
	assert_int_equal(config.templates[0].spec.wait_min_ms, 5000);
	assert_int_equal(config.templates[0].spec.perms, 0640);
	assert_int_equal(config.register_mode, MODE_HOLD);
	assert_true(config.production);
	assert_int_equal(config.confirm, ACTION_CONFIRM_ALWAYS_TYPE);
	assert_string_equal(config.binds[0].run, "clean endpoints");
	config_release(&config);
}

static void a_consul_template_file_works_as_it_is(void **state)
{
	static const char text[] =
		"consul { address = \"c:8500\" retry { enabled = true attempts = 12 } }\n"
		"kill_signal = \"SIGINT\"\nlog_level = \"warn\"\n"
		"wait { min = \"5s\" max = \"10s\" }\n"
		"exec { command = \"/bin/app\" }\n"
		"template { contents = \"x\" destination = \"/d\" "
		"command = \"service nginx reload\" }\n";
	struct config config = { 0 };
	struct err err = { 0 };

	(void)state;
	if (!parse(&config, text, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(config.wait_max_ms, 10000);
	assert_string_equal(config.templates[0].spec.command, "service nginx reload");
	config_release(&config);
}

static void the_registrar_is_told_all_that_it_can_be(void **state)
{
	static const char text[] =
		"register {\n"
		" hostname = \"h\" ip = \"192.0.2.1\" internal = true internal_networks = \"a\"\n"
		" host_networks = \"b\" explicit = true use_ip_from_label = \"l\" tags = \"t\"\n"
		" tags_order = \"given\" meta_exclude = \"m\" registered_by = \"r\" cleanup = "
		"true\n"
		" container_keys = true keep_removed = true follow_networks = true\n"
		" follow_renames = true drain = true deregister_on_exit = true resync = \"1m\" "
		"deregister = \"never\"\n"
		"}\n";
	const struct register_options *options;
	struct config config = { 0 };
	struct err err = { 0 };

	(void)state;
	if (!parse(&config, text, &err))
		fail_msg("%s", err.msg);
	options = &config.registration;
	assert_string_equal(options->hostname, "h");
	assert_string_equal(options->ip, "192.0.2.1");
	assert_string_equal(options->internal_networks, "a");
	assert_string_equal(options->host_networks, "b");
	assert_string_equal(options->use_ip_from_label, "l");
	assert_string_equal(options->tags, "t");
	assert_string_equal(options->meta_exclude, "m");
	assert_string_equal(options->registered_by, "r");
	assert_true(options->internal && options->explicit_only && options->cleanup);
	assert_true(options->tags_given_order && options->container_keys);
	assert_true(options->keep_removed && options->follow_networks && options->follow_renames);
	assert_true(options->drain && config.deregister_on_exit);
	assert_int_equal(options->resync_ms, 60000);
	assert_int_equal(options->deregister, REGISTER_DEREGISTER_NEVER);
	config_release(&config);
	if (!parse(&config, "register { resync = \"0s\" }\n", &err))
		fail_msg("%s", err.msg);
	assert_true(config.registration.resync_ms < 0);
	config_release(&config);
}

static void mistakes_say_what_and_where(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "consul { adress = \"x\" }", "line 1: unknown key \"adress\" in consul" },
		{ "docker { host = \"x\" }", "line 1: a docker block names its node" },
		{ "docker \"a\" { }", "line 1: docker \"a\" has no host" },
		{ "docker \"a\" { host = \"x\" }\ndocker \"a\" { host = \"y\" }",
		  "line 2: docker \"a\" is there twice" },
		{ "template { destination = \"/d\" }", "give either source or contents" },
		{ "template { source = \"/s\" }", "destination is missing" },
		{ "template { source = \"/s\" destination = \"/d\" perms = \"9\" }",
		  "perms must be octal" },
		{ "calico { datastore = \"etcdv4\" }",
		  "line 1: calico: the datastore must be \"etcdv2\" or \"etcdv3\"" },
		{ "calico { datastore = \"kubernetes\" }", "only etcdv2 and etcdv3" },
		{ "calico { datastore_api = \"v2\" }",
		  "datastore_api must be auto, v1 or v3, and is \"v2\"" },
		{ "\ncalico { datastore = \"etcdv2\" datastore_api = \"v3\" }",
		  "line 2: calico datastore \"etcdv2\" and datastore_api \"v3\" do not agree" },
		{ "calico { calicoctl_config = \"/nonexistent/calicoctl.cfg\" }",
		  "/nonexistent/calicoctl.cfg" },
		{ "register { mode = \"on\" }", "mode must be off, hold or auto" },
		{ "register { deregister = \"no\" }",
		  "line 1: deregister must be \"always\", \"on-success\" or \"never\"" },
		{ "register { tags_order = \"up\" }",
		  "line 1: tags_order must be \"reversed\" or \"given\"" },
		{ "register { registry = \"etcd://x\" }", "registry must be a consul:// address" },
		{ "\nui { confirm = \"never\" }",
		  "line 2: confirm must be normal, always-type or relaxed, and is \"never\"" },
		{ "wait = \"5\"", "wait must be" },
		{ "bogus = 1", "unknown key \"bogus\" in the file" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct config config = { 0 };
		struct err err = { 0 };

		assert_false(parse(&config, cases[i].text, &err));
		if (!strstr(err.msg, cases[i].want))
			fail_msg("\"%s\" is not in \"%s\"", cases[i].want, err.msg);
		config_release(&config);
	}
}

static void options_beat_the_environment(void **state)
{
	const struct config_flags flags = { .etcd = "http://flag:1",
					    .node = "N",
					    .docker = "unix:///f" };
	const struct config_flags none = { 0 };
	struct config config = { 0 };
	struct err err = { 0 };

	(void)state;
	setenv("BINNACLE_CONFIG", "", 1);
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	setenv("ETCD_ENDPOINTS", "http://env:1,http://env:2", 1);
	setenv("DOCKER_HOST", "tcp://env:2375", 1);
	if (!config_load(&config, &none, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(config.etcd_endpoints[1], "http://env:2");
	assert_string_equal(config.dockers[0].host, "tcp://env:2375");
	assert_false(config.dockers[0].confirmed);
	config_release(&config);
	setenv("CALICO_ETCD_ENDPOINTS", "http://calico:1", 1);
	if (!config_load(&config, &none, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(config.etcd_endpoints[0], "http://calico:1");
	config_release(&config);
	if (!config_load(&config, &flags, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(config.etcd_endpoints[0], "http://flag:1");
	assert_string_equal(config.dockers[0].host, "unix:///f");
	assert_true(config.dockers[0].confirmed);
	assert_string_equal(config.node, "N");
	config_release(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documented_file_is_read),
		cmocka_unit_test(a_consul_template_file_works_as_it_is),
		cmocka_unit_test(the_registrar_is_told_all_that_it_can_be),
		cmocka_unit_test(mistakes_say_what_and_where),
		cmocka_unit_test(options_beat_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
