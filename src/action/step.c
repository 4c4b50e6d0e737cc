#include "binnacle/action/step.h"

#include <assert.h>
#include <string.h>

#include "binnacle/base/list.h"

static const struct step_kind *const kinds[] = {
	&step_delete_endpoint,
	&step_release_address,
	&step_release_orphan,
	&step_restore_endpoint,
	&step_write_policy,
	&step_delete_policy,
	&step_release_block,
	&step_remove_node,
	&step_restore_node,
	&step_disconnect_record,
	&step_register,
	&step_register_agent,
	&step_register_catalog,
	&step_deregister_agent,
	&step_deregister_catalog,
	&step_render_write,
	&step_render_apply,
	&step_render_rollback,
	&step_nginx_reload,
	&step_mode,
};

static const struct step_kind *registered[16];
static size_t registered_count;

const struct step_kind *step_kind_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	for (size_t i = 0; i < registered_count; i++)
		if (strcmp(registered[i]->name, name) == 0)
			return registered[i];
	return NULL;
}

void step_kind_register(const struct step_kind *kind)
{
	if (step_kind_find(kind->name))
		return;
	assert(registered_count < COUNT_OF(registered));
	registered[registered_count++] = kind;
}
