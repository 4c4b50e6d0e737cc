#include "binnacle/present/table.h"

#include <assert.h>
#include <string.h>

#include "put.h"

/* ORDER TABLE */
static const struct table *const tables[MODEL_TABLE_COUNT] = {
	&members_table,  &services_table,  &instances_table,  &events_table,
	&renders_table,  &endpoints_table, &containers_table, &addresses_table,
	&policies_table, &nodes_table,     &pools_table,      &blocks_table,
	&profiles_table, &networks_table,  &jobs_table,       &journal_table,
	&generations_table,
};

static enum present_time time_form = PRESENT_TIME_CLOCK;

const struct table *present_table(enum model_table table)
{
	assert(table < MODEL_TABLE_COUNT && tables[table]->model == table);
	return tables[table];
}

const struct table *present_table_named(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		if (strcmp(tables[i]->name, name) == 0 || strcmp(tables[i]->singular, name) == 0)
			return tables[i];
	return NULL;
}

static const struct column *column_exact(const struct table *table, const char *id)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (strcmp(table->columns[i].id, id) == 0)
			return &table->columns[i];
	return NULL;
}

const struct column *table_column(const struct table *table, const char *id)
{
	const struct column *column = column_exact(table, id);

	if (!column && strcmp(id, "state") == 0)
		column = column_exact(table, "status");
	if (!column && strcmp(id, "status") == 0)
		column = column_exact(table, "state");
	return column;
}

bool row_state_needs_attention(enum row_state state)
{
	switch (state) {
	case STATE_WARN:
	case STATE_CRIT:
	case STATE_STALE:
	case STATE_UNKNOWN:
	case STATE_PENDING:
	case STATE_HELD:
	case STATE_FAILED:
		return true;
	default:
		return false;
	}
}

void present_set_time(enum present_time how)
{
	time_form = how;
}

enum present_time present_time(void)
{
	return time_form;
}
