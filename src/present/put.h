/*
 * put.h - values of the model as text, JSON fields and detail lines.
 */
#ifndef PRESENT_PUT_H
#define PRESENT_PUT_H

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/present/table.h"

/* A function for a column that shows one string or number member as it is. */
#define COLUMN_TEXT(name, type, member)                                                            \
	static void name(const void *row, struct strbuf *out)                                      \
	{                                                                                          \
		strbuf_addstr(out, ((const struct type *)row)->member);                            \
	}
#define COLUMN_NUMBER(name, type, member)                                                          \
	static int64_t name(const void *row)                                                       \
	{                                                                                          \
		return ((const struct type *)row)->member;                                         \
	}
#define COLUMN_LIST(name, type, member)                                                            \
	static void name(const void *row, struct strbuf *out)                                      \
	{                                                                                          \
		put_list(out, ((const struct type *)row)->member, " ");                            \
	}
/* The text of a time, and the time itself for order and filters. */
#define COLUMN_MOMENT(text, number, type, member)                                                  \
	COLUMN_NUMBER(number, type, member)                                                        \
	static void text(const void *row, struct strbuf *out)                                      \
	{                                                                                          \
		put_time(out, number(row));                                                        \
	}
/* The same for a column that reads as an age. */
#define COLUMN_SINCE(text, number, type, member)                                                   \
	COLUMN_NUMBER(number, type, member)                                                        \
	static void text(const void *row, struct strbuf *out)                                      \
	{                                                                                          \
		put_since(out, number(row));                                                       \
	}
#define ROW_STATE(name, type)                                                                      \
	static enum row_state name(const void *row)                                                \
	{                                                                                          \
		return ((const struct type *)row)->state;                                          \
	}

void put_list(struct strbuf *out, struct text_list list, const char *separator);
void put_time(struct strbuf *out, int64_t wall_ms);  /* as present_set_time says; 0: nothing */
void put_since(struct strbuf *out, int64_t wall_ms); /* an age, except for scripts */
void put_count(struct strbuf *out, int64_t count);   /* below 0: "-" */
/* "dock-1..4", "dock-1,3 hub-2": names that differ in their last number only are joined. */
void put_names(struct strbuf *out, struct text_list names);

/* Lines of the detail text. Lines without a value are left out. */
void detail_text(struct strbuf *out, const char *label, const char *value);
void detail_fmt(struct strbuf *out, const char *label, const char *fmt, ...) PRINTF_LIKE(3, 4);
void detail_list(struct strbuf *out, const char *label, struct text_list list);
/* Each line of a text, without a label. */
void detail_lines_of(struct strbuf *out, const char *text);
void detail_since(struct strbuf *out, const char *label, int64_t wall_ms);
void detail_heading(struct strbuf *out, const char *heading); /* with a blank line before */

void json_add_list(struct json *into, const char *name, struct text_list list);
void json_add_time(struct json *into, const char *name, int64_t wall_ms);  /* 0: null */
void json_add_count(struct json *into, const char *name, int64_t count);   /* below 0: null */
void json_add_text(struct json *into, const char *name, const char *text); /* "": null */

/* Add "2 CRIT" when there are any; two blanks stand before it. */
void summary_add(struct strbuf *out, size_t count, const char *word);

/* One per table, ORDER TABLE of model/snapshot.h. */
extern const struct table members_table, services_table, instances_table, events_table,
	renders_table, endpoints_table, containers_table, addresses_table, policies_table,
	nodes_table, pools_table, blocks_table, profiles_table, networks_table, jobs_table,
	journal_table, generations_table;

/* The map of a block as table.map writes it: `cells` addresses in a line. */
void block_map(const struct block_row *block, size_t cells, struct strbuf *out);

#endif
