#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/app/as_ct_command.h"
#include "../../src/app/as_ct_flags.h"
#include "binnacle/base/list.h"

static struct ct_config config;

static int set_up(void **state)
{
	(void)state;
	ct_config_init(&config);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ct_config_release(&config);
	return 0;
}

#define APPLY(...)            apply((const char *const[]){ __VA_ARGS__, NULL }, NULL)
#define REFUSE(sentence, ...) apply((const char *const[]){ __VA_ARGS__, NULL }, sentence)

static void apply(const char *const *argv, const char *refusal)
{
	struct err err = { 0 };
	int argc = 0;
	bool ok;

	while (argv[argc])
		argc++;
	ok = ct_flags_apply(&config, argc, (char *const *)argv, &err);
	if (refusal)
		assert_false(ok);
	else if (!ok)
		fail_msg("%s", err.msg);
	if (refusal && !strstr(err.msg, refusal))
		fail_msg("\"%s\" is not in \"%s\"", refusal, err.msg);
}

static void values_follow_or_stand_behind_an_equals_sign(void **state)
{
	(void)state;
	APPLY("-consul-addr", "a:1", "--log-level=debug", "-once", "-dry=true",
	      "-consul-retry=false", "-consul-ssl-verify=false", "-max-stale", "1h30m",
	      "-kill-signal", "sigterm", "-config=/a", "-config", "/b", "-wait", "5s", "-retry",
	      "1s", "-consul-retry-attempts", "3", "-consul-auth", "u:p:q");
	assert_string_equal(config.consul.address, "a:1");
	assert_string_equal(config.log_level, "debug");
	assert_true(config.once);
	assert_true(config.dry);
	assert_false(config.consul.retry);
	assert_int_equal(config.consul.verify, 0);
	assert_int_equal(config.max_stale_ms, 5400000);
	assert_int_equal(config.kill_signal, SIGTERM);
	assert_int_equal(config.path_count, 2);
	assert_string_equal(config.paths[1], "/b");
	assert_int_equal(config.wait.max_ms, 20000);
	assert_int_equal(config.consul.backoff_ms, 1000);
	assert_int_equal(config.consul.attempts, 3);
	assert_string_equal(config.consul.user, "u");
	assert_string_equal(config.consul.password, "p:q");
}

static void mistakes_are_told_in_the_words_of_the_original(void **state)
{
	(void)state;
	REFUSE("flag provided but not defined: -bogus", "-bogus");
	REFUSE("cli: extra args: [\"x\" \"y\"]", "-once", "x", "y");
	REFUSE("cli: extra args: [\"false\"]", "-once", "false");
	REFUSE("flag needs an argument: -config", "-config");
	REFUSE("invalid boolean value \"maybe\" for -once", "-once=maybe");
	REFUSE("invalid value \"5\" for flag -max-stale: time: missing unit in duration 5", "-max-stale",
	       "5");
	REFUSE("invalid signal \"X\" - valid signals are [", "-kill-signal", "X");
	REFUSE("bad flag syntax: ---x", "---x");
	REFUSE("wait: cannot be empty", "-wait", " ");
	REFUSE("wait: invalid format", "-wait", "1s:2s:3s");
	REFUSE("wait: cannot be negative", "-wait", "-5s");
	REFUSE("wait: min must be less than max", "-wait", "5s:1s");
	REFUSE("template: cannot be empty", "-template", "");
}

static void equal_bounds_of_wait_are_fine(void **state)
{
	(void)state;
	APPLY("-wait", "5s:5s");
	assert_int_equal(config.wait.max_ms, 5000);
}

static void a_template_is_cut_at_colons(void **state)
{
	static const struct {
		const char *text, *source, *destination, *command;
	} cases[] = {
		{ "a", "a", NULL, NULL },
		{ "/a:/b", "/a", "/b", NULL },
		{ "a:b", "a:b", NULL, NULL }, /* as the original: a drive */
		{ "a::b", "a", "b", NULL },
		{ "/a:/b:echo http://x", "/a", "/b", "echo http://x" },
		{ "/a:/b:x::y", "/a", "/b", "x:y" },
		{ "C:\\a:D:\\b:run C:\\c", "C:\\a", "D:\\b", "run C:\\c" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct ct_template *template;

		APPLY("-template", cases[i].text);
		template = &config.templates[config.template_count - 1];
		assert_string_equal(template->source, cases[i].source);
		if (cases[i].destination)
			assert_string_equal(template->destination, cases[i].destination);
		else
			assert_null(template->destination);
		if (cases[i].command)
			assert_string_equal(template->exec.command, cases[i].command);
		else
			assert_null(template->exec.command);
	}
}

static void flags_win_over_files_and_their_templates_come_after(void **state)
{
	static const char text[] = "log_level = \"info\" template { source = \"file\" }";
	struct err err;

	(void)state;
	assert_true(ct_config_parse(&config, "F", text, strlen(text), &err));
	APPLY("-log-level", "err", "-template", "flag:d");
	assert_string_equal(config.log_level, "err");
	assert_string_equal(config.templates[0].source, "file");
	assert_string_equal(config.templates[1].source, "flag");
}

static void help_and_version_are_asked_for(void **state)
{
	struct strbuf usage = STRBUF_INIT;

	(void)state;
	APPLY("-v");
	assert_true(config.version);
	APPLY("--help", "-bogus");
	assert_true(config.help);
	ct_flags_usage(&usage);
	assert_non_null(strstr(usage.buf, "-template=<source[:destination[:command]]>"));
	assert_null(strstr(usage.buf, "(null)"));
	strbuf_release(&usage);
}

/* ---- commands ---- */

static void assert_words(const char *line, const char *expected)
{
	struct strbuf got = STRBUF_INIT;
	static const char *const outputs[] = { "one $BN_X", NULL };
	const char *const *argv = NULL;
	const char *shell;
	struct err err;

	if (!ct_command_split(line, outputs, &config.arena, &argv, &shell, &err))
		fail_msg("%s: %s", line, err.msg);
	assert_null(shell);
	for (; *argv; argv++)
		strbuf_addf(&got, "[%s]", *argv);
	assert_string_equal(got.buf, expected);
	strbuf_release(&got);
}

static void a_command_is_split_into_words(void **state)
{
	(void)state;
	setenv("BN_X", "a b", 1);
	unsetenv("BN_NONE");
	assert_words("  nginx -s\treload ", "[nginx][-s][reload]");
	assert_words("sh -c 'echo \"x y\"'", "[sh][-c][echo \"x y\"]");
	assert_words("a\\ b \"c \\\" d\" 'e\\f'", "[a b][c \" d][e\\f]");
	assert_words("x$BN_X ${BN_X}y $BN_NONE '$BN_X' 5$", "[xa b][a by][][a b][5$]");
	assert_words("echo A && echo B", "[echo][A]");
	assert_words("echo A;echo B", "[echo][A]");
	assert_words("cat a >b", "[cat][a]");
	assert_words("echo 'a;b' \"c|d\" \\&", "[echo][a;b][c|d][&]");
}

static void a_command_that_cannot_be_split_is_refused(void **state)
{
	static const char *const none[] = { NULL };
	const char *const *argv;
	const char *shell;
	struct err err;

	(void)state;
	assert_false(ct_command_split("echo 'a", none, &config.arena, &argv, &shell, &err));
	assert_non_null(strstr(err.msg, "invalid command line string"));
	assert_false(ct_command_split("echo a\\", none, &config.arena, &argv, &shell, &err));
	assert_false(ct_command_split(" ", none, &config.arena, &argv, &shell, &err));
	assert_string_equal(err.msg, "missing command");
	assert_false(ct_command_split("echo `date", none, &config.arena, &argv, &shell, &err));
}

static void backquotes_are_asked_for_one_after_the_other(void **state)
{
	static const char *const none[] = { NULL }, *const one[] = { "out", NULL };
	const char *const *argv;
	const char *shell;
	struct err err;

	(void)state;
	setenv("BN_X", "a b", 1);
	assert_true(ct_command_split("echo `a \"b c\"; d` `e`", none, &config.arena, &argv, &shell,
				     &err));
	assert_string_equal(shell, "a b c; d");
	assert_null(argv);
	assert_true(ct_command_split("echo `a` `e`", one, &config.arena, &argv, &shell, &err));
	assert_string_equal(shell, "e");
	assert_words("echo `x`", "[echo][one a b]");
	assert_words("echo lost`x`-kept", "[echo][one a b-kept]");
	assert_words("echo '`x`' \"`y`\"", "[echo][`x`][`y`]");
}

static const char *find(const char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

static void a_command_sees_consuls_address_and_the_filtered_environment(void **state)
{
	static const char *const allowed[] = { "BN_*", NULL }, *const denied[] = { "*_SECRET",
										   NULL };
	static const char *const custom[] = { "BN_X=mine", NULL };
	struct ct_env env = { .allowed = allowed, .denied = denied, .custom = custom };
	const char *const *got;

	(void)state;
	setenv("BN_X", "ours", 1);
	setenv("BN_Y", "kept", 1);
	setenv("BN_SECRET", "no", 1);
	setenv("OTHER", "no", 1);
	config.consul.address = "c:1";
	config.consul.user = "u";
	config.consul.password = "p";
	got = ct_command_env(&config, &env, &config.arena);
	assert_string_equal(find(got, "BN_X"), "mine");
	assert_string_equal(find(got, "BN_Y"), "kept");
	assert_null(find(got, "BN_SECRET"));
	assert_null(find(got, "OTHER"));
	assert_string_equal(find(got, "CONSUL_HTTP_ADDR"), "c:1");
	assert_string_equal(find(got, "CONSUL_HTTP_AUTH"), "u:p");
	assert_string_equal(find(got, "CONSUL_HTTP_SSL_VERIFY"), "true");
	env = (struct ct_env){ .pristine = true };
	got = ct_command_env(&config, &env, &config.arena);
	assert_null(find(got, "BN_Y"));
	assert_non_null(find(got, "CONSUL_HTTP_ADDR"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_follow_or_stand_behind_an_equals_sign),
		TEST(mistakes_are_told_in_the_words_of_the_original),
		TEST(equal_bounds_of_wait_are_fine),
		TEST(a_template_is_cut_at_colons),
		TEST(flags_win_over_files_and_their_templates_come_after),
		TEST(help_and_version_are_asked_for),
		TEST(a_command_is_split_into_words),
		TEST(backquotes_are_asked_for_one_after_the_other),
		TEST(a_command_that_cannot_be_split_is_refused),
		TEST(a_command_sees_consuls_address_and_the_filtered_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
