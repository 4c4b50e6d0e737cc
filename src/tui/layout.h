/*
 * layout.h - which panes are shown where, for a size and what the operator asked for. Pure.
 */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H

#include <stdbool.h>

#include "binnacle/tui/grid.h"

/* ORDER PANE */
enum pane { PANE_MEMBERS, PANE_SERVICES, PANE_EVENTS, PANE_RENDERS, PANE_ENDPOINTS, PANE_COUNT };

#define LAYOUT_MIN_WIDTH  60
#define LAYOUT_MIN_HEIGHT 15

enum layout_grow { GROW_NORMAL, GROW_HALF, GROW_FULL };
enum layout_preview { PREVIEW_BY_SIZE, PREVIEW_ON, PREVIEW_OFF };

struct layout_input {
	int width, height;
	bool no_hints;
	int columns; /* 1 to 3; 0: by size */
	enum layout_grow grow;
	enum layout_preview preview;
	int focus;
};

struct pane_place {
	struct area area; /* height 0: not shown */
	bool brief;       /* title, and the worst row if there is a second one */
};

struct layout {
	struct area body; /* between status bar and message line */
	struct pane_place panes[PANE_COUNT];
	struct area preview; /* height 0: none */
	int rules[2];        /* columns of vertical rules */
	int rule_count;
	int columns;
};

bool layout_too_small(int width, int height);
void layout_compute(struct layout *layout, const struct layout_input *input);

#endif
