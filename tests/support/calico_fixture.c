#include "support/calico_fixture.h"

#include "binnacle/base/list.h"
#include "binnacle/model/model.h"

#define TEXTS(snapshot, ...)                                                                       \
	snapshot_list(snapshot, (const char *const[]){ __VA_ARGS__ },                              \
		      COUNT_OF(((const char *const[]){ __VA_ARGS__ })))

static void fill_policies(struct model *model)
{
	struct snapshot *snapshot = snapshot_new(MODEL_POLICIES);
	struct policy_row *row = snapshot_add(snapshot);

	*row = (struct policy_row){
		.id = "allow-web",
		.order = "100",
		.selector = "role == 'web'",
		.types = "ingress",
		.status = "ok",
		.state = STATE_PASS,
		.problem = "",
		.inbound = TEXTS(snapshot, "allow tcp from 192.168.0.0/16 to ports 80,443"),
		.selected = TEXTS(snapshot, "web.2 on dock-1, live", "web.4 on dock-1, live"),
		.endpoints = 2,
		.place = 1,
		.document = "{}",
		.yaml = "apiVersion: v1\nkind: policy\nmetadata:\n  name: allow-web\nspec:\n"
			"  ingress:\n  - action: allow\n    destination:\n      ports:\n      - "
			"80\n"
			"      - 443\n    protocol: tcp\n    source:\n      nets:\n"
			"      - 192.168.0.0/16\n  order: 100\n  selector: role == 'web'\n"
			"  types:\n  - ingress\n",
	};
	row = snapshot_add(snapshot);
	*row = (struct policy_row){
		.id = "mistyped",
		.order = "",
		.selector = "role = 'db'",
		.types = "ingress egress",
		.status = "BROKEN",
		.state = STATE_CRIT,
		.problem = "expected == or != at column 6",
		.place = 2,
		.document = "{}",
		.yaml = "",
	};
	model_publish(model, snapshot);
}

#define FREE_16 "................"

static void fill_blocks(struct model *model)
{
	static const struct block_row rows[] = {
		{ "192.168.1.0/26", "dock-1", "192.168.0.0/16", "LEAKS", STATE_STALE, "",
		  ".........#.......##..#..L......." FREE_16 "..O....F........", false, 64, 4, 1, 1,
		  1, 0, 90 },
		{ "192.168.2.0/26", "dock-2", "192.168.0.0/16", "ok", STATE_PASS, "",
		  "........#.#....................?.........##....." FREE_16, false, 64, 4, 0, 0, 0,
		  1, 91 },
		{ "192.168.4.64/26", "", "192.168.0.0/16", "nobody's", STATE_NONE, "",
		  FREE_16 FREE_16 FREE_16 FREE_16, false, 64, 0, 0, 0, 0, 0, 92 },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_BLOCKS);

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		*(struct block_row *)snapshot_add(snapshot) = rows[i];
	model_publish(model, snapshot);
	snapshot = snapshot_new(MODEL_POOLS);
	*(struct pool_row *)snapshot_add(snapshot) =
		(struct pool_row){ "192.168.0.0/16", "on", STATE_PASS, "", "", true, 3, 12, 2 };
	model_publish(model, snapshot);
}

static void fill_addresses(struct model *model)
{
	struct snapshot *snapshot = snapshot_new(MODEL_ADDRESSES);
	struct address_row *row = snapshot_add(snapshot);

	row->id = "192.168.1.24";
	row->status = "leaked";
	row->state = STATE_STALE;
	row->why = "only a stale endpoint has it";
	row->block = "192.168.1.0/26";
	row->node = row->holder_node = "dock-1";
	row->holder = "mail.1";
	row->wanted_by = "mail.2";
	row->wanted_on = "dock-1";
	row->releasable = true;
	row->block_index = 90;
	model_publish(model, snapshot);
}

static void fill_networks(struct model *model)
{
	struct snapshot *snapshot = snapshot_new(MODEL_NETWORKS);
	struct network_row *row = snapshot_add(snapshot);

	*row = (struct network_row){
		.id = "dock-1/0c55aa12be01",
		.network_id = "0c55aa12be01",
		.name = "calico",
		.node = "dock-1",
		.driver = "calico",
		.ipam = "calico-ipam",
		.scope = "global",
		.status = "ok",
		.state = STATE_PASS,
		.subnets = TEXTS(snapshot, "192.168.0.0/16"),
		.endpoints = TEXTS(snapshot, "web.4  192.168.1.17",
				   "ep-7d9f3c20b1e8  192.168.4.9  (another host's, or left over)"),
		.is_calico = true,
		.containers = 1,
		.records = 1,
	};
	row = snapshot_add(snapshot);
	*row = (struct network_row){ .id = "dock-1/77aa12be0155",
				     .network_id = "77aa12be0155",
				     .name = "bridge",
				     .node = "dock-1",
				     .driver = "bridge",
				     .ipam = "default",
				     .scope = "local",
				     .status = "idle",
				     .state = STATE_NONE,
				     .subnets = TEXTS(snapshot, "172.17.0.0/16") };
	model_publish(model, snapshot);
}

static void fill_profiles(struct model *model)
{
	struct snapshot *snapshot = snapshot_new(MODEL_PROFILES);

	*(struct profile_row *)snapshot_add(snapshot) = (struct profile_row){
		.id = "backend",
		.status = "ok",
		.state = STATE_PASS,
		.problem = "",
		.tags = TEXTS(snapshot, "backend"),
		.inbound = TEXTS(snapshot, "allow from tag backend"),
		.outbound = TEXTS(snapshot, "allow"),
		.endpoints = 14,
		.yaml = "",
	};
	model_publish(model, snapshot);
}

void calico_fixture_fill(struct model *model)
{
	fill_policies(model);
	fill_blocks(model);
	fill_addresses(model);
	fill_networks(model);
	fill_profiles(model);
}
