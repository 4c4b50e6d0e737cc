#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/as_ct_config.h"
#include "binnacle/base/file.h"

static struct ct_config config;

static int set_up(void **state)
{
	(void)state;
	unsetenv("CT_LOG");
	unsetenv("CONSUL_TEMPLATE_LOG");
	unsetenv("CONSUL_TOKEN");
	ct_config_init(&config);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ct_config_release(&config);
	return 0;
}

static void read_text(const char *text)
{
	struct err err = { 0 };

	if (!ct_config_parse(&config, "F", text, strlen(text), &err))
		fail_msg("%s", err.msg);
}

static void assert_refused(const char *text, const char *sentence)
{
	struct err err = { 0 };

	assert_false(ct_config_parse(&config, "F", text, strlen(text), &err));
	if (!strstr(err.msg, sentence))
		fail_msg("\"%s\" is not in \"%s\"", sentence, err.msg);
}

static void a_whole_file_is_read(void **state)
{
	(void)state;
	read_text("consul { address = \"c:1\" token = \"t\" auth { username = \"u\" } "
		  "retry { attempts = 5 backoff = \"1s\" } ssl { verify = false } "
		  "transport { dial_timeout = \"3s\" } }\n"
		  "kill_signal = \"SIGTERM\" reload_signal = \"sigusr1\" log_level = \"debug\"\n"
		  "max_stale = \"0s\" pid_file = \"/p\" vault { address = \"v\" }\n"
		  "exec { command = \"run\" splay = \"2s\" env { pristine = true custom = "
		  "[\"A=1\"] whitelist = \"B,C\" } }\n"
		  "wait { min = \"5s\" }\n"
		  "template { source = \"s\" destination = \"d\" perms = \"0640\" backup = true "
		  "create_dest_dirs = false command = \"old\" command_timeout = \"7s\" "
		  "exec { command = \"new\" } wait { min = \"1s\" max = \"2s\" } }\n");
	ct_config_finish(&config);
	assert_string_equal(config.consul.address, "c:1");
	assert_string_equal(config.consul.token, "t");
	assert_int_equal(config.consul.auth_enabled, 1);
	assert_int_equal(config.consul.attempts, 5);
	assert_int_equal(config.consul.backoff_ms, 1000);
	assert_int_equal(config.consul.ssl, 1);
	assert_int_equal(config.consul.verify, 0);
	assert_int_equal(config.kill_signal, SIGTERM);
	assert_int_equal(config.reload_signal, SIGUSR1);
	assert_int_equal(config.max_stale_ms, 0);
	assert_true(config.vault);
	assert_int_equal(config.exec.enabled, 1);
	assert_int_equal(config.exec.splay_ms, 2000);
	assert_true(config.exec.env.pristine);
	assert_string_equal(config.exec.env.custom[0], "A=1");
	assert_string_equal(config.exec.env.allowed[1], "C");
	assert_int_equal(config.wait.enabled, 1);
	assert_int_equal(config.wait.max_ms, 20000);
	assert_int_equal(config.template_count, 1);
	assert_int_equal(config.templates[0].perms, 0640);
	assert_false(config.templates[0].create_dirs);
	assert_string_equal(config.templates[0].exec.command, "new");
	assert_int_equal(config.templates[0].exec.timeout_ms, 7000);
	assert_int_equal(config.templates[0].wait.max_ms, 2000);
}

static void json_is_read_too(void **state)
{
	(void)state;
	read_text("{\"consul\":[{\"address\":\"c:1\"}],"
		  "\"template\":[{\"source\":\"a\"},{\"source\":\"b\"}]}");
	assert_string_equal(config.consul.address, "c:1");
	assert_int_equal(config.template_count, 2);
	assert_string_equal(config.templates[1].source, "b");
}

static void unknown_keys_are_named_in_order(void **state)
{
	(void)state;
	assert_refused("bogus = 1",
		       "from file: F: mapstructure decode failed: 1 error(s) decoding:");
	assert_refused("bogus = 1 alias = 2", "* '' has invalid keys: alias, bogus");
	assert_refused("consul { ssl { x = 1 } }", "* 'consul.ssl' has invalid keys: x");
	assert_refused("template { source = \"s\" }\ntemplate { engine = \"i\" }",
		       "* 'template[1]' has invalid keys: engine");
	assert_refused("z = 1 template { y = 2 } consul { x = 3 }",
		       "3 error(s) decoding:\x1e\x1e* '' has invalid keys: z\x1e"
		       "* 'consul' has invalid keys: x\x1e* 'template[0]' has invalid keys: y");
	assert_refused("consul {", "from file: F: error decoding config: line 1");
}

static void wrong_values_are_refused(void **state)
{
	(void)state;
	assert_refused("wait { min = \"5s\" max = \"1s\" }", "wait: min must be less than max");
	assert_refused("kill_signal = \"SIGNO\"",
		       "invalid signal \"SIGNO\" - valid signals are [SIGABRT ");
	assert_refused("max_stale = \"5\"", "duration");
	assert_refused("template { perms = \"0888\" }", "perms");
	assert_refused("template { perms = \"10000\" }", "perms");
}

static void a_later_file_wins_key_by_key_and_templates_are_appended(void **state)
{
	(void)state;
	read_text("consul { address = \"one\" token = \"t\" } log_level = \"info\" "
		  "exec { env { custom = [\"A=1\"] } } template { source = \"a\" }");
	read_text("consul { address = \"two\" } exec { env { custom = [\"B=2\"] } } "
		  "template { source = \"b\" }");
	assert_string_equal(config.consul.address, "two");
	assert_string_equal(config.consul.token, "t");
	assert_string_equal(config.log_level, "info");
	assert_string_equal(config.exec.env.custom[0], "A=1");
	assert_string_equal(config.exec.env.custom[1], "B=2");
	assert_null(config.exec.env.custom[2]);
	assert_int_equal(config.template_count, 2);
}

static void of_a_block_that_occurs_twice_in_one_file_the_last_is_used(void **state)
{
	(void)state;
	read_text("consul { address = \"one\" token = \"t\" }\nconsul { address = \"two\" }");
	assert_string_equal(config.consul.address, "two");
	assert_null(config.consul.token);
}

static void the_old_spellings_work(void **state)
{
	(void)state;
	read_text("consul = \"old:1\" wait = \"5s:9s\"");
	assert_string_equal(config.consul.address, "old:1");
	assert_int_equal(config.wait.min_ms, 5000);
	assert_int_equal(config.wait.max_ms, 9000);
	read_text("wait { bool = false min = \"5s\" }");
	assert_int_equal(config.wait.enabled, 0);
}

static void what_nobody_said_is_decided_at_the_end(void **state)
{
	(void)state;
	setenv("CT_LOG", "info", 1);
	setenv("CONSUL_TOKEN", "secret", 1);
	read_text("template { contents = \"\" source = \"s\" } exec { command = \"x\" enabled = "
		  "false } syslog { facility = \"LOCAL1\" }");
	ct_config_finish(&config);
	assert_string_equal(config.log_level, "info");
	assert_string_equal(config.consul.token, "secret");
	assert_int_equal(config.consul.ssl, 0);
	assert_int_equal(config.consul.auth_enabled, 0);
	assert_null(config.templates[0].contents);
	assert_int_equal(config.templates[0].exec.timeout_ms, 30000);
	assert_null(config.exec.command);
	assert_int_equal(config.syslog.enabled, 1);
	assert_int_equal(config.dedup.enabled, 0);
	assert_int_equal(config.kill_signal, SIGINT);
	assert_int_equal(config.reload_signal, SIGHUP);
}

static void keys_of_other_versions_are_read(void **state)
{
	(void)state;
	read_text("token = \"t\" retry = \"7s\" auth { username = \"u\" password = \"p\" } "
		  "ssl { verify = false }");
	read_text("default_delimiters { left = \"<<\" right = \">>\" } "
		  "template_error_fatal = false block_query_wait = \"9s\" "
		  "consul { token_file = \"/t\" } original = [\"outage\", \"owed\"] "
		  "syslog { name = \"n\" facility = \"DAEMON\" } "
		  "deduplicate { prefix = \"p/\" ttl = \"20s\" max_stale = \"3s\" } "
		  "exec { command = [\"a\", \"b c\"] env { allowlist = [\"A*\"] denylist = "
		  "[\"B\"] } } "
		  "template { contents = \"x\" user = \"u\" gid = 7 error_fatal = true "
		  "function_denylist = [\"plugin\"] command = [\"one word\"] }\n"
		  "template { contents = \"y\" left_delimiter = \"((\" exec { command = [\"a\", "
		  "\"b\"] } }");
	ct_config_finish(&config);
	assert_string_equal(config.consul.token, "t");
	assert_int_equal(config.consul.backoff_ms, 7000);
	assert_string_equal(config.consul.user, "u");
	assert_int_equal(config.consul.verify, 0);
	assert_int_equal(config.consul.ssl, 1);
	assert_int_equal(config.consul.wait_ms, 9000);
	assert_string_equal(config.consul.token_file, "/t");
	assert_int_equal(config.original, CT_ORIGINAL_OUTAGE | CT_ORIGINAL_OWED);
	assert_string_equal(config.syslog.name, "n");
	assert_int_equal(config.syslog.enabled, 1);
	assert_int_equal(config.dedup.enabled, 1);
	assert_int_equal(config.dedup.ttl_ms, 20000);
	assert_string_equal(config.exec.argv[1], "b c");
	assert_string_equal(config.exec.command, "a b c");
	assert_string_equal(config.exec.env.allowed[0], "A*");
	assert_string_equal(config.exec.env.denied[0], "B");
	assert_string_equal(config.templates[0].user, "u");
	assert_string_equal(config.templates[0].group, "7");
	assert_int_equal(config.templates[0].error_fatal, 1);
	assert_int_equal(config.templates[1].error_fatal, 0);
	assert_string_equal(config.templates[0].denied[0], "plugin");
	assert_null(config.templates[0].exec.argv);
	assert_string_equal(config.templates[0].left_delimiter, "<<");
	assert_string_equal(config.templates[1].left_delimiter, "((");
	assert_string_equal(config.templates[1].right_delimiter, ">>");
	assert_string_equal(config.templates[1].exec.argv[1], "b");
	assert_refused("original = \"nothing\"", "\"nothing\" is none of outage, ");
}

static void a_certificate_without_a_key_holds_both(void **state)
{
	(void)state;
	read_text("consul { ssl { cert = \"/both.pem\" } }");
	ct_config_finish(&config);
	assert_int_equal(config.consul.ssl, 1);
	assert_string_equal(config.consul.key, "/both.pem");
}

static void put_file(const char *folder, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct err err;

	assert_true(file_replace(path, text, strlen(text), NULL, &err));
	free(path);
}

static void a_folder_is_read_with_all_below_it_in_lexical_order(void **state)
{
	char folder[] = "/tmp/binnacle-ct-XXXXXX", *sub, *link;
	struct err err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	sub = xasprintf("%s/b", folder);
	link = xasprintf("%s/d", folder);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(symlink(sub, link), 0);
	put_file(folder, "c", "template { source = \"third\" }");
	put_file(folder, "a.json", "{\"template\": {\"source\": \"first\"}}");
	put_file(sub, "x.anything", "template { source = \"second\" }");
	assert_true(ct_config_read(&config, folder, &err));
	assert_int_equal(config.template_count, 3);
	assert_string_equal(config.templates[0].source, "first");
	assert_string_equal(config.templates[1].source, "second");
	assert_string_equal(config.templates[2].source, "third");

	put_file(sub, "y", "bogus = 1");
	assert_false(ct_config_read(&config, folder, &err));
	assert_non_null(strstr(err.msg, "/b/y: mapstructure decode failed"));
	assert_false(ct_config_read(&config, "/no/such", &err));
	assert_string_equal(err.msg,
			    "missing file/folder: /no/such: stat /no/such: no such file or "
			    "directory");
	for (const char *const *name =
		     (const char *const[]){ "c", "a.json", "b/x.anything", "b/y", "d", NULL };
	     *name; name++) {
		char *path = xasprintf("%s/%s", folder, *name);

		unlink(path);
		free(path);
	}
	rmdir(sub);
	rmdir(folder);
	free(sub);
	free(link);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_file_is_read),
		TEST(json_is_read_too),
		TEST(unknown_keys_are_named_in_order),
		TEST(wrong_values_are_refused),
		TEST(a_later_file_wins_key_by_key_and_templates_are_appended),
		TEST(of_a_block_that_occurs_twice_in_one_file_the_last_is_used),
		TEST(the_old_spellings_work),
		TEST(what_nobody_said_is_decided_at_the_end),
		TEST(keys_of_other_versions_are_read),
		TEST(a_certificate_without_a_key_holds_both),
		TEST(a_folder_is_read_with_all_below_it_in_lexical_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
