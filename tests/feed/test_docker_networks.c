/* Who is on which network, from what one daemon says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/feed/docker_networks.h"
#include "binnacle/base/json.h"
#include "support/calico_cluster.h"

static struct calico_docker_view *view_with_networks(void)
{
	static const char text[] =
		"[{\"Id\":\"4e1c\",\"Name\":\"calico-net\",\"Driver\":\"calico\",\"Scope\":"
		"\"global\",\"IPAM\":{\"Driver\":\"calico-ipam\",\"Config\":[{\"Subnet\":"
		"\"10.0.0.0/8\"}]}},"
		"{\"Id\":\"net-2\",\"Name\":\"bridge\",\"Driver\":\"bridge\",\"Scope\":\"local\"}]";
	struct calico_docker_view *view = cluster_view("docker-1");
	struct err err = { 0 };
	struct json *list = json_parse(text, strlen(text), &err);

	assert_true(calico_docker_view_add_networks(view, list, &err));
	json_free(list);
	return view;
}

static void a_network_lists_its_containers_and_the_entries_of_others(void **state)
{
	struct calico_docker_view *view = view_with_networks();
	struct snapshot *snapshot = snapshot_new(MODEL_NETWORKS);
	const struct network_row *row;

	(void)state;
	cluster_container(view, &(struct cluster_container){
					.name = "web", .eid = '1', .address = "10.0.0.1" });
	cluster_container(view, &(struct cluster_container){ .name = "old", .status = "exited" });
	cluster_record(view, '2', "ep-2", "10.0.0.2", true);
	docker_networks_add("N1", view, snapshot);
	assert_int_equal(snapshot->count, 2);
	row = snapshot_row(snapshot, 0);
	assert_string_equal(row->name, "calico-net");
	assert_true(row->is_calico);
	assert_string_equal(row->subnets.items[0], "10.0.0.0/8");
	assert_int_equal(row->containers, 1);
	assert_string_equal(row->endpoints.items[0], "web  10.0.0.1");
	assert_int_equal(row->records, 1);
	assert_string_equal(row->endpoints.items[1],
			    "ep-2  10.0.0.2  (another host's, or left over)");
	row = snapshot_row(snapshot, 1);
	assert_string_equal(row->name, "bridge");
	assert_string_equal(row->status, "idle");
	assert_int_equal(row->endpoints.count, 0);
	snapshot_unref(&snapshot);
	calico_docker_view_unref(view);
}

static void an_answer_that_is_no_list_is_refused(void **state)
{
	struct calico_docker_view *view = cluster_view("docker-1");
	struct json *doc = json_new_object();
	struct err err = { 0 };

	(void)state;
	assert_false(calico_docker_view_add_networks(view, doc, &err));
	json_free(doc);
	calico_docker_view_unref(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_lists_its_containers_and_the_entries_of_others),
		cmocka_unit_test(an_answer_that_is_no_list_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
