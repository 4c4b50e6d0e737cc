#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/model/model.h"
#include "binnacle/present/table.h"

#define NOW_MS  1700000000000
#define HOUR_MS 3600000

static struct snapshot *services_snapshot(void)
{
	static const struct {
		const char *name, *status;
		enum row_state state;
		const char *tag, *node;
		int64_t age_ms, port;
	} rows[] = {
		{ "api", "pass", STATE_PASS, "v17", "dock-1", 9 * HOUR_MS, 0 },
		{ "web.10", "pass", STATE_PASS, "http", "dock-2", HOUR_MS, 0 },
		{ "web.2", "CRIT", STATE_CRIT, "http v42", "dock-1", 2 * HOUR_MS, 0 },
		{ "report", "none", STATE_NONE, "two words", "edge-1", 60000, 0 },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_SERVICES);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct service *service = snapshot_add(snapshot);

		service->id = rows[i].name;
		service->status = rows[i].status;
		service->state = rows[i].state;
		service->passing = (int64_t)i;
		service->tags = snapshot_list(snapshot, &rows[i].tag, 1);
		service->nodes = snapshot_list(snapshot, &rows[i].node, 1);
		service->since_ms = NOW_MS - rows[i].age_ms;
	}
	return snapshot;
}

static char *names_of(const struct row_view *view)
{
	struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < view->count; i++)
		strbuf_addf(&out, "%s%s", i ? " " : "", row_id(view->rows[i]));
	return strbuf_detach(&out, NULL);
}

static void assert_filter(const char *text, const char *want)
{
	struct snapshot *snapshot = services_snapshot();
	const struct table *table = present_table(MODEL_SERVICES);
	struct row_view view = { 0 };
	struct err err = { 0 };
	struct filter *filter = filter_parse(text, table, &err);
	char *names;

	if (!filter)
		fail_msg("%s: %s", text, err.msg);
	row_view_fill(&view, table, snapshot, filter,
		      &(struct sort){ table_column(table, "service"), false });
	names = names_of(&view);
	if (strcmp(names, want) != 0)
		fail_msg("filter %s gives \"%s\", not \"%s\"", text, names, want);
	assert_int_equal(view.total, 4);
	free(names);
	filter_free(filter);
	row_view_release(&view);
	snapshot_unref(&snapshot);
}

static void a_filter_lets_through_what_its_terms_say(void **state)
{
	static const struct {
		const char *filter, *want;
	} cases[] = {
		{ "", "api report web.2 web.10" },
		{ "web", "web.2 web.10" },
		{ "WEB", "" },
		{ "crit", "web.2" },
		{ "CRIT", "web.2" },
		{ "Crit", "" },
		{ "web dock-1", "web.2" },
		{ "api|report", "api report" },
		{ "!web", "api report" },
		{ "!web|api", "report" },
		{ "state:crit", "web.2" },
		{ "status:crit", "web.2" },
		{ "state!=pass", "report web.2" },
		{ "service=web.2", "web.2" },
		{ "service=web", "" },
		{ "age:>90m", "api web.2" },
		{ "age:<90m", "report web.10" },
		{ "age>1d", "" },
		{ "pwc:>1", "report web.2" },
		{ "pwc:2", "web.2" },
		{ "~^web\\.[0-9]+$", "web.2 web.10" },
		{ "~^(api|report)$", "api report" },
		{ "service:~^a", "api" },
		{ "\"two words\"", "report" },
		{ "two words", "report" },
		{ "tags:\"two words\"", "report" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_filter(cases[i].filter, cases[i].want);
}

static void a_broken_filter_says_where(void **state)
{
	static const struct {
		const char *filter, *want;
	} cases[] = {
		{ "web colour:red", "character 5" },   { "\"open", "character 1" },
		{ "web ~(", "character 6" },           { "state:", "character 7" },
		{ "state:>3", "this column is text" }, { "age:>soon", "expected an age" },
		{ "pwc:>x", "expected a number" },     { "a||b", "character 3" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_null(filter_parse(cases[i].filter, present_table(MODEL_SERVICES), &err));
		assert_int_equal(err.code, ERR_INPUT);
		if (!strstr(err.msg, cases[i].want))
			fail_msg("%s: %s", cases[i].filter, err.msg);
	}
}

static void rows_stand_in_the_tables_order_or_in_a_columns(void **state)
{
	struct snapshot *snapshot = services_snapshot();
	const struct table *table = present_table(MODEL_SERVICES);
	static const struct {
		const char *column;
		bool descending;
		const char *want;
	} cases[] = {
		{ NULL, false, "web.2 report api web.10" },
		{ "service", false, "api report web.2 web.10" },
		{ "service", true, "web.10 web.2 report api" },
		{ "age", false, "report web.10 web.2 api" },
		{ "age", true, "api web.2 web.10 report" },
		{ "state", false, "web.2 report api web.10" },
		{ "pwc", true, "report web.2 web.10 api" },
	};
	struct row_view view = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct sort sort = {
			cases[i].column ? table_column(table, cases[i].column) : NULL,
			cases[i].descending,
		};
		char *names;

		row_view_fill(&view, table, snapshot, NULL, &sort);
		names = names_of(&view);
		assert_string_equal(names, cases[i].want);
		free(names);
	}
	row_view_release(&view);
	snapshot_unref(&snapshot);
}

static int width_of(const struct table *table, const int *widths, const char *id)
{
	return widths[table_column(table, id) - table->columns];
}

static void widths_fill_the_line_and_drop_the_least_important(void **state)
{
	int widths[32];

	(void)state;
	for (int table_index = 0; table_index < MODEL_TABLE_COUNT; table_index++) {
		const struct table *table = present_table((enum model_table)table_index);

		for (int width = 40; width < 260; width += 7) {
			int used = -1;
			bool narrow = false;

			columns_share(table, width, width % 2, widths);
			for (size_t i = 0; i < table->column_count; i++) {
				const struct column *column = &table->columns[i];

				used += widths[i] ? widths[i] + 1 : 0;
				if (column->priority == 1)
					assert_true(widths[i] >= column->min_cells);
				if (widths[i] && column->max_cells)
					assert_true(widths[i] <= column->max_cells);
				narrow |= column->priority == 1 && width < 60;
			}
			if (!narrow)
				assert_true(used <= width);
		}
	}
}

static void the_last_text_takes_the_rest(void **state)
{
	const struct table *table = present_table(MODEL_SERVICES);
	int widths[32], used = -1;

	(void)state;
	columns_share(table, 200, false, widths);
	for (size_t i = 0; i < table->column_count; i++)
		used += widths[i] ? widths[i] + 1 : 0;
	assert_int_equal(used, 200);
	assert_int_equal(width_of(table, widths, "service"), 32);
	assert_true(width_of(table, widths, "output") > 60);
	assert_int_equal(width_of(table, widths, "source"), 0);
	columns_share(table, 30, false, widths);
	assert_int_equal(width_of(table, widths, "tags"), 0);
	assert_true(width_of(table, widths, "service") >= 8);
}

static void an_endpoint_tells_its_policies_and_warns_when_nothing_admits_its_traffic(void **state)
{
	static const char *const policies[] = { "allow-tcp-80", "deny-all" };
	struct snapshot *snapshot = snapshot_new(MODEL_ENDPOINTS);
	struct endpoint_row *row = snapshot_add(snapshot);
	const struct table *table = present_table(MODEL_ENDPOINTS);
	struct model *model = model_new();
	struct strbuf text = STRBUF_INIT;

	(void)state;
	row->policies = snapshot_list(snapshot, policies, COUNT_OF(policies));
	row->record = "db";
	row->record_network = "net";
	table->detail(row, model, &text);
	assert_non_null(strstr(text.buf, "policies\tallow-tcp-80\n\tdeny-all\n"));
	assert_non_null(strstr(text.buf, "Docker record\tdb in network net\n"));
	assert_null(strstr(text.buf, "traffic"));
	strbuf_reset(&text);
	row->policies = (struct text_list){ 0 };
	row->traffic = "all its traffic is dropped";
	table->detail(row, model, &text);
	assert_null(strstr(text.buf, "policies"));
	assert_non_null(strstr(text.buf, "traffic\tall its traffic is dropped\n"));
	strbuf_release(&text);
	snapshot_unref(&snapshot);
	model_free(model);
}

static void labels_that_never_reached_the_endpoint_are_told_by_both(void **state)
{
	static const char *const labels[] = { "role=web" };
	struct snapshot *endpoints = snapshot_new(MODEL_ENDPOINTS);
	struct snapshot *containers = snapshot_new(MODEL_CONTAINERS);
	struct endpoint_row *endpoint = snapshot_add(endpoints);
	struct container_row *container = snapshot_add(containers);
	const struct table *table = present_table(MODEL_ENDPOINTS);
	struct model *model = model_new();
	struct strbuf text = STRBUF_INIT;

	(void)state;
	endpoint->container = container->name = "web-1";
	endpoint->node = container->node = "dock-1";
	endpoint->state = STATE_PASS;
	endpoint->labels_missing = snapshot_list(endpoints, labels, COUNT_OF(labels));
	assert_int_equal(table->state(endpoint), STATE_WARN);
	table_column(table, "labels")->text(endpoint, &text);
	assert_string_equal(text.buf, "MISSING role=web");
	strbuf_reset(&text);
	table_column(table, "policies")->text(endpoint, &text);
	assert_string_equal(text.buf, "none");
	strbuf_reset(&text);
	model_publish(model, endpoints);
	present_table(MODEL_CONTAINERS)->detail(container, model, &text);
	assert_non_null(strstr(text.buf, "never reached its Calico endpoint"));
	assert_non_null(strstr(text.buf, "\trole=web\n"));
	strbuf_reset(&text);
	container->node = "dock-2";
	present_table(MODEL_CONTAINERS)->detail(container, model, &text);
	assert_null(strstr(text.buf, "never reached"));
	strbuf_release(&text);
	snapshot_unref(&containers);
	model_free(model);
}

static void every_column_writes_every_row_of_its_table(void **state)
{
	struct model *model = model_new();

	(void)state;
	for (int i = 0; i < MODEL_TABLE_COUNT; i++) {
		const struct table *table = present_table((enum model_table)i);
		struct snapshot *snapshot = snapshot_new((enum model_table)i);
		const void *row = snapshot_add(snapshot);
		struct strbuf text = STRBUF_INIT;
		struct json *object = json_new_object();

		assert_ptr_equal(present_table_named(table->name), table);
		assert_ptr_equal(present_table_named(table->singular), table);
		for (size_t j = 0; j < table->column_count; j++) {
			const struct column *column = &table->columns[j];

			assert_true(column->priority >= 1);
			assert_true(column->min_cells >= strlen(column->title) ||
				    column->max_cells >= strlen(column->title) ||
				    !column->max_cells);
			column->text(row, &text);
			if (column->number)
				column->number(row);
			assert_ptr_equal(table_column(table, column->id), column);
		}
		table->json(row, object);
		assert_true(json_count(object) > 3);
		table->detail(row, model, &text);
		if (table->map)
			table->map(row, model, &text);
		table->summary(snapshot, &text);
		table->state(row);
		table->attention(row);
		assert_true(strlen(table->empty) > 5 && strlen(table->empty_hint) > 5);
		json_free(object);
		strbuf_release(&text);
		snapshot_unref(&snapshot);
	}
	model_free(model);
}

static void a_title_counts_what_matters(void **state)
{
	struct snapshot *snapshot = services_snapshot();
	struct strbuf text = STRBUF_INIT;

	(void)state;
	present_table(MODEL_SERVICES)->summary(snapshot, &text);
	assert_string_equal(text.buf, "4  1 CRIT");
	strbuf_release(&text);
	snapshot_unref(&snapshot);
}

static void names_with_numbers_are_joined_to_ranges(void **state)
{
	static const struct {
		const char *names[6];
		const char *want;
	} cases[] = {
		{ { "dock-1", "dock-2", "dock-4", "dock-3" }, "dock-1..4" },
		{ { "dock-3", "dock-1" }, "dock-1,3" },
		{ { "dock-1", "dock-2", "hub-1" }, "dock-1,2 hub-1" },
		{ { "a", "b" }, "a b" },
		{ { "n01", "n02", "n03" }, "n01 n02 n03" },
		{ { "w9", "w10", "w11", "w20" }, "w9..11,20" },
		{ { NULL }, "" },
	};
	const struct column *nodes = table_column(present_table(MODEL_SERVICES), "nodes");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct snapshot *snapshot = snapshot_new(MODEL_SERVICES);
		struct service *service = snapshot_add(snapshot);
		struct strbuf text = STRBUF_INIT;
		size_t count = 0;

		while (cases[i].names[count])
			count++;
		service->nodes = snapshot_list(snapshot, cases[i].names, count);
		nodes->text(service, &text);
		assert_string_equal(text.buf, cases[i].want);
		strbuf_release(&text);
		snapshot_unref(&snapshot);
	}
}

static void a_time_reads_as_the_front_end_wants(void **state)
{
	const struct column *age = table_column(present_table(MODEL_SERVICES), "age");
	struct snapshot *snapshot = services_snapshot();
	struct strbuf text = STRBUF_INIT;

	(void)state;
	age->text(snapshot_row(snapshot, 0), &text);
	assert_string_equal(text.buf, "9h");
	strbuf_reset(&text);
	present_set_time(PRESENT_TIME_ISO);
	age->text(snapshot_row(snapshot, 0), &text);
	assert_string_equal(text.buf, "2023-11-14T13:13:20Z");
	strbuf_reset(&text);
	present_set_time(PRESENT_TIME_EPOCH);
	age->text(snapshot_row(snapshot, 0), &text);
	assert_string_equal(text.buf, "1699967600");
	present_set_time(PRESENT_TIME_CLOCK);
	strbuf_release(&text);
	snapshot_unref(&snapshot);
}

static void a_value_cannot_pretend_to_be_another_line_of_the_detail(void **state)
{
	struct snapshot *snapshot = snapshot_new(MODEL_INSTANCES);
	struct instance *instance = snapshot_add(snapshot);
	struct model *model = model_new();
	struct strbuf text = STRBUF_INIT;

	(void)state;
	instance->output = "ok\nstate\tpass\033[2J";
	present_table(MODEL_INSTANCES)->detail(instance, model, &text);
	assert_null(strstr(text.buf, "\nstate\tpass"));
	assert_null(strchr(text.buf, '\033'));
	assert_non_null(strstr(text.buf, "output\tok\\nstate pass"));
	strbuf_release(&text);
	model_free(model);
	snapshot_unref(&snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_lets_through_what_its_terms_say),
		cmocka_unit_test(a_broken_filter_says_where),
		cmocka_unit_test(rows_stand_in_the_tables_order_or_in_a_columns),
		cmocka_unit_test(widths_fill_the_line_and_drop_the_least_important),
		cmocka_unit_test(the_last_text_takes_the_rest),
		cmocka_unit_test(
			an_endpoint_tells_its_policies_and_warns_when_nothing_admits_its_traffic),
		cmocka_unit_test(labels_that_never_reached_the_endpoint_are_told_by_both),
		cmocka_unit_test(every_column_writes_every_row_of_its_table),
		cmocka_unit_test(a_title_counts_what_matters),
		cmocka_unit_test(names_with_numbers_are_joined_to_ranges),
		cmocka_unit_test(a_time_reads_as_the_front_end_wants),
		cmocka_unit_test(a_value_cannot_pretend_to_be_another_line_of_the_detail),
	};

	clock_fake(1000, NOW_MS);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
