#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/model/model.h"

static void count_bits(void *arg, unsigned bits)
{
	*(unsigned *)arg |= bits;
}

static struct snapshot *two_services(void)
{
	struct snapshot *snapshot = snapshot_new(MODEL_SERVICES);
	struct service *service;

	service = snapshot_add(snapshot);
	service->id = arena_strdup(&snapshot->arena, "web");
	service = snapshot_add(snapshot);
	service->id = arena_strdup(&snapshot->arena, "api");
	return snapshot;
}

static void a_new_row_has_no_null_strings(void **state)
{
	(void)state;
	for (int table = 0; table < MODEL_TABLE_COUNT; table++) {
		struct snapshot *snapshot = snapshot_new((enum model_table)table);

		assert_string_equal(row_id(snapshot_add(snapshot)), "");
		snapshot_unref(&snapshot);
		assert_null(snapshot);
	}
}

static void a_reader_keeps_its_snapshot_when_a_new_one_is_published(void **state)
{
	struct model *model = model_new();
	struct snapshot *held;

	(void)state;
	assert_false(model_has(model, MODEL_SERVICES));
	model_publish(model, two_services());
	held = snapshot_ref(model_current(model, MODEL_SERVICES));
	model_publish(model, snapshot_new(MODEL_SERVICES));
	assert_int_equal(model_current(model, MODEL_SERVICES)->count, 0);
	assert_string_equal(((const struct service *)snapshot_find(held, "api"))->id, "api");
	assert_null(snapshot_find(held, "gone"));
	snapshot_unref(&held);
	model_free(model);
}

static void watchers_hear_what_they_asked_for(void **state)
{
	struct model *model = model_new();
	unsigned services = 0, sources = 0;
	struct model_watch *a, *b;

	(void)state;
	a = model_watch_start(model, MODEL_BIT(MODEL_SERVICES), count_bits, &services);
	b = model_watch_start(model, MODEL_BIT_SOURCES, count_bits, &sources);
	model_publish(model, two_services());
	assert_int_equal(services, MODEL_BIT(MODEL_SERVICES));
	assert_int_equal(sources, 0);
	model_watch_stop(&a);
	services = 0;
	model_publish(model, two_services());
	model_set_source(model, SOURCE_CONSUL, SOURCE_DOWN, "", "refused");
	assert_int_equal(services, 0);
	assert_int_equal(sources, MODEL_BIT_SOURCES);
	model_watch_stop(&b);
	model_free(model);
}

static void a_source_keeps_the_time_its_trouble_began(void **state)
{
	struct model *model;

	(void)state;
	clock_fake(1000, 5000);
	model = model_new();
	model_set_source(model, SOURCE_CALICO, SOURCE_DOWN, "", "refused");
	clock_fake_advance(500);
	model_set_source(model, SOURCE_CALICO, SOURCE_DOWN, "", "timeout");
	assert_int_equal(model_source(model, SOURCE_CALICO)->since_mono_ms, 1000);
	assert_string_equal(model_source(model, SOURCE_CALICO)->message, "timeout");
	model_set_source(model, SOURCE_CALICO, SOURCE_OK, "", NULL);
	assert_int_equal(model_source(model, SOURCE_CALICO)->since_mono_ms, 1500);
	model_free(model);
	clock_real();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_row_has_no_null_strings),
		cmocka_unit_test(a_reader_keeps_its_snapshot_when_a_new_one_is_published),
		cmocka_unit_test(watchers_hear_what_they_asked_for),
		cmocka_unit_test(a_source_keeps_the_time_its_trouble_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
