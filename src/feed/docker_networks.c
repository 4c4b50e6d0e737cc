/* Calico's networks were inspected, so their entries are known, those of other daemons too; who
 * is on any other network is told by the containers. */
#include "docker_networks.h"

#include <string.h>

#include "binnacle/base/strbuf.h"

#define ENTRIES_MAX 500 /* that a row names */

static const char *text_in(struct snapshot *snapshot, const char *text)
{
	return text && *text ? arena_strdup(&snapshot->arena, text) : "";
}

static const char *entry(struct snapshot *snapshot, const char *name,
			 const struct calico_net *address, const char *note)
{
	char text[CALICO_NET_TEXT_BYTES] = "";

	if (address->version)
		calico_net_text(address, text);
	return arena_printf(&snapshot->arena, "%s%s%s%s", name, *text ? "  " : "", text, note);
}

static void add_entry(struct snapshot *snapshot, struct network_row *row, const char **items,
		      const char *name, const struct calico_net *address, const char *note)
{
	if (row->endpoints.count == ENTRIES_MAX)
		return;
	items[row->endpoints.count++] = entry(snapshot, name, address, note);
	row->endpoints.items = items;
}

static const struct calico_attachment *attachment_to(const struct calico_container *container,
						     const char *network)
{
	for (size_t i = 0; i < container->attachment_count; i++)
		if (strcmp(container->attachments[i].network, network) == 0)
			return &container->attachments[i];
	return NULL;
}

static void add_containers(const struct calico_docker_view *view,
			   const struct calico_docker_network *network, struct network_row *row,
			   const char **items, struct snapshot *snapshot)
{
	for (size_t i = 0; i < view->container_count; i++) {
		const struct calico_container *container = &view->containers[i];
		const struct calico_attachment *place = attachment_to(container, network->name);

		if (!place || !container->running)
			continue;
		row->containers++;
		add_entry(snapshot, row, items, container->name, &place->address, "");
	}
}

/* What the network lists beside the running containers of this daemon. */
static void add_records(const struct calico_docker_view *view,
			const struct calico_docker_network *network, struct network_row *row,
			const char **items, struct snapshot *snapshot)
{
	for (size_t i = 0; i < view->record_count; i++) {
		const struct calico_record *record = &view->records[i];

		if (!record->is_record || strcmp(record->network_id, network->id) != 0)
			continue;
		row->records++;
		add_entry(snapshot, row, items, *record->name ? record->name : "ep-?",
			  &record->address, "  (another host's, or left over)");
	}
}

void docker_networks_add(const char *node, const struct calico_docker_view *view,
			 struct snapshot *snapshot)
{
	for (size_t i = 0; i < view->network_count; i++) {
		const struct calico_docker_network *network = &view->networks[i];
		struct network_row *row = snapshot_add(snapshot);
		size_t most = view->container_count + view->record_count;
		const char **items = arena_alloc(&snapshot->arena,
						 ((most < ENTRIES_MAX ? most : ENTRIES_MAX) + 1) *
							 sizeof(*items));

		row->id = arena_printf(&snapshot->arena, "%s/%.12s", node, network->id);
		row->network_id = text_in(snapshot, network->id);
		row->name = text_in(snapshot, network->name);
		row->node = text_in(snapshot, node);
		row->driver = text_in(snapshot, network->driver);
		row->ipam = text_in(snapshot, network->ipam);
		row->scope = text_in(snapshot, network->scope);
		row->subnets =
			snapshot_list(snapshot, network->subnets.items, network->subnets.count);
		row->is_calico = network->is_calico;
		add_containers(view, network, row, items, snapshot);
		add_records(view, network, row, items, snapshot);
		row->status = row->containers || row->records ? "ok" : "idle";
		row->state = row->containers || row->records ? STATE_PASS : STATE_NONE;
	}
}
