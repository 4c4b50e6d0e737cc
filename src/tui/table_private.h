/*
 * table_private.h - what table_view.c and table_paint.c share.
 */
#ifndef TUI_TABLE_PRIVATE_H
#define TUI_TABLE_PRIVATE_H

#include "table_view.h"

#define COLUMNS_MAX 32

/* Columns that are shown at a width, in their order; returns how many. Both arrays hold
 * COLUMNS_MAX; a width of 0: there was no room. */
size_t table_share_columns(const struct table_view *list, int width, const struct column **columns,
			   int *widths);
bool table_index_of(const struct table_view *list, const char *id, size_t *out);
void table_keep_cursor_visible(struct view *view);
bool table_is_sorted_by(const struct table_view *list, const struct column *column);
void table_paint(struct view *view, struct grid *grid, struct area area, bool focused);

#endif
