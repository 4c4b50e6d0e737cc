#include "harness.h"

#include <locale.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"

static const struct tmpl_source no_source = { 0 };

/* Execute a text against nothing. The caller releases the result. */
static void execute(const char *text, const struct tmpl_options *options,
		    struct tmpl_result *result)
{
	struct err err = { 0 };
	struct tmpl *tmpl = tmpl_parse("t", text, strlen(text), options, &err);

	if (!tmpl)
		fail_msg("%s", err.msg);
	tmpl_execute(tmpl, &no_source, result);
	tmpl_free(tmpl);
}

static void assert_fails(const char *text, const char *part)
{
	struct tmpl_result result;

	execute(text, NULL, &result);
	assert_true(result.failed);
	if (!strstr(result.error.message, part))
		fail_msg("'%s' is not in: %s", part, result.error.message);
	tmpl_result_release(&result);
}

static void a_parse_error_has_a_message_a_line_and_its_text(void **state)
{
	struct tmpl_error error = { 0 };
	struct tmpl_options options = { .error = &error };
	struct strbuf out = STRBUF_INIT;
	struct err err = { 0 };

	(void)state;
	assert_null(tmpl_parse("t", "a\n{{nope}}\nb", 12, &options, &err));
	assert_string_equal(err.msg, "parse: template: :2: function \"nope\" not defined");
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(error.line, 2);
	assert_false(error.has_column);
	tmpl_error_print(&out, &error);
	assert_string_equal(out.buf,
			    "parse: template: :2: function \"nope\" not defined\n{{nope}}");
	strbuf_release(&out);
	tmpl_error_release(&error);
}

static void an_execution_error_points_with_a_caret(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct tmpl_result result;

	(void)state;
	execute("x\né {{index nil 1}} y\n", NULL, &result);
	assert_true(result.failed);
	assert_int_equal(result.error.line, 2);
	assert_int_equal(result.error.column, 5);
	tmpl_error_print(&out, &result.error);
	assert_string_equal(
		out.buf, "execute: template: :2:5: executing \"\" at <index nil 1>: error calling "
			 "index: index of untyped nil\né {{index nil 1}} y\n    ^");
	strbuf_release(&out);
	tmpl_result_release(&result);
}

static void a_long_line_is_shown_around_the_caret(void **state)
{
	struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;
	struct tmpl_result result;
	const char *line, *caret;

	(void)state;
	strbuf_addchars(&text, 'a', 1000);
	strbuf_addstr(&text, "{{index nil 1}}");
	strbuf_addchars(&text, 'b', 1000);
	execute(text.buf, NULL, &result);
	tmpl_error_print(&out, &result.error);
	line = strchr(out.buf, '\n') + 1;
	caret = strchr(line, '\n') + 1;
	assert_true(strlen(line) < 400);
	assert_memory_equal(line + (strchr(caret, '^') - caret), "index nil 1", 11);
	strbuf_release(&text);
	strbuf_release(&out);
	tmpl_result_release(&result);
}

static void unknown_dependencies_are_collected_in_one_pass(void **state)
{
	struct tmpl_result result;

	(void)state;
	execute("{{range service \"web\"}}{{key .ID}}{{end}}{{key \"a\"}}{{key \"a\"}}{{ls \"p\"}}",
		NULL, &result);
	assert_false(result.failed);
	assert_int_equal(dep_set_count(&result.used), 3);
	assert_int_equal(dep_set_count(&result.missing), 3);
	assert_true(dep_set_has(&result.missing, "health.service(web|passing)"));
	assert_string_equal(dep_set_at(&result.used, 1)->text, "kv.block(a)");
	assert_int_equal(dep_set_find(&result.used, "kv.list(p)")->kind, DEP_TREE);
	tmpl_result_release(&result);
}

static void an_error_of_an_incomplete_pass_is_an_error(void **state)
{
	(void)state;
	assert_fails("{{index (key \"a\" | split \",\") 1}}", "index out of range: 1");
}

static void a_denied_function_fails_when_it_is_called(void **state)
{
	static const char *const denied[] = { "env", "plugin", NULL };
	struct tmpl_options options = { .denied = denied };
	struct tmpl_result result;

	(void)state;
	execute("{{if false}}{{env \"A\"}}{{end}}{{toUpper \"a\"}}", &options, &result);
	assert_false(result.failed);
	assert_string_equal(result.output.buf, "A");
	tmpl_result_release(&result);
	execute("{{env \"A\"}}", &options, &result);
	assert_string_equal(
		result.error.message,
		"execute: template: :1:2: executing \"\" at <env \"A\">: error calling env: "
		"function is disabled");
	tmpl_result_release(&result);
}

static void what_the_source_does_not_offer_is_refused(void **state)
{
	struct tmpl_result result;

	(void)state;
	assert_fails("{{plugin \"ls\"}}", "programs are run only");
	assert_fails("{{writeToFile \"/x\" \"\" \"\" \"0644\" \"c\"}}",
		     "files are written only");
	execute("[{{env \"HOME\"}}]", NULL, &result);
	assert_string_equal(result.output.buf, "[]");
	tmpl_result_release(&result);
}

static void a_template_that_does_not_end_is_stopped(void **state)
{
	(void)state;
	assert_fails("{{define \"r\"}}x{{template \"r\"}}{{end}}{{template \"r\"}}",
		     "exceeded maximum template depth (100000)");
	assert_fails("{{define \"r\"}}{{executeTemplate \"r\"}}{{end}}{{template \"r\"}}",
		     "nested deeper than");
	assert_fails("{{range loop 9000000000}}{{end}}", "needs more than");
	assert_fails("{{$s := \"0123456789\"}}{{range loop 99}}{{$s = print $s $s}}{{end}}",
		     "needs more than");
	assert_fails("{{indent 2000000000 \"a\"}}", "larger than");
	assert_fails(
		"{{$l := sprig_list 1}}{{range loop 60}}{{$l = sprig_list $l $l}}{{end}}{{$l}}",
		"writes more than");
	assert_fails(
		"{{$m := sprig_dict \"x\" 1}}{{range loop 60}}{{$m = sprig_dict \"a\" $m \"b\" "
		"$m}}{{end}}{{toJSON $m}}",
		"too large");
	assert_fails(
		"{{$m := sprig_dict \"x\" 1}}{{range loop 60}}{{$m = sprig_dict \"a\" $m \"b\" "
		"$m}}{{end}}{{explodeMap $m}}",
		"larger than");
	assert_fails(
		"{{$m := sprig_dict \"x\" 1}}{{range loop 60}}{{$m = sprig_dict \"a\" $m \"b\" "
		"$m}}{{end}}{{mergeMap $m $m}}",
		"writes more than");
	assert_fails("{{define \"w\"}}{{range loop 100000}}0123456789012345678901234567890123456789"
		     "{{end}}{{end}}{{range loop 100000}}{{template \"w\"}}{{end}}",
		     "writes more than");
}

static void deep_nesting_is_refused_while_parsing(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct err err = { 0 };

	(void)state;
	strbuf_addstr(&text, "{{");
	strbuf_addchars(&text, '(', 100000);
	assert_null(tmpl_parse("t", text.buf, text.len, NULL, &err));
	assert_non_null(strstr(err.msg, "nested deeper than 1000 levels"));
	strbuf_reset(&text);
	for (int i = 0; i < 100000; i++)
		strbuf_addstr(&text, "{{if 1}}");
	assert_null(tmpl_parse("t", text.buf, text.len, NULL, &err));
	assert_non_null(strstr(err.msg, "nested deeper than 1000 levels"));
	strbuf_release(&text);
}

static void bytes_of_all_values_pass_through(void **state)
{
	static const char text[] = "a\0b\xff{{\"\\x00\\xff\"}}";
	struct err err = { 0 };
	struct tmpl *tmpl = tmpl_parse("t", text, sizeof(text) - 1, NULL, &err);
	struct tmpl_result result;

	(void)state;
	assert_non_null(tmpl);
	assert_string_equal(tmpl_name(tmpl), "t");
	for (int i = 0; i < 2; i++) { /* a template can be executed again */
		tmpl_execute(tmpl, &no_source, &result);
		assert_int_equal(result.output.len, 6);
		assert_memory_equal(result.output.buf, "a\0b\xff\0\xff", 6);
		tmpl_result_release(&result);
	}
	tmpl_free(tmpl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parse_error_has_a_message_a_line_and_its_text),
		cmocka_unit_test(an_execution_error_points_with_a_caret),
		cmocka_unit_test(a_long_line_is_shown_around_the_caret),
		cmocka_unit_test(unknown_dependencies_are_collected_in_one_pass),
		cmocka_unit_test(an_error_of_an_incomplete_pass_is_an_error),
		cmocka_unit_test(a_denied_function_fails_when_it_is_called),
		cmocka_unit_test(what_the_source_does_not_offer_is_refused),
		cmocka_unit_test(a_template_that_does_not_end_is_stopped),
		cmocka_unit_test(deep_nesting_is_refused_while_parsing),
		cmocka_unit_test(bytes_of_all_values_pass_through),
	};

	setlocale(LC_CTYPE, "C.UTF-8"); /* widths of what an error shows */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
