/*
 * Plans under way and done: a list above, the job under the cursor below.
 */
#include <inttypes.h>
#include <string.h>

#include "binnacle/present/table.h"
#include "internal.h"
#include "table_view.h"

#define BAR_CELLS 24

struct jobs_view {
	struct view *list;
};

static void jobs_refresh(struct view *view)
{
	struct jobs_view *jobs = view->state;

	jobs->list->kind->refresh(jobs->list);
}

/* "2/3 ################........": how far it is. */
static int paint_progress(struct grid *grid, struct area area, const struct job_row *job)
{
	int done, used;

	if (job->steps_total <= 0)
		return 0;
	used = grid_printf(grid, area.row, area.col + 2, area.width - 2, ROLE_TEXT,
			   "%" PRId64 "/%" PRId64 " ", job->steps_done, job->steps_total);
	done = (int)(job->steps_done * BAR_CELLS / job->steps_total);
	grid_put_rule(grid, area.row, area.col + 2 + used, done, GLYPH_BLOCK_DONE,
		      ROLE_PROGRESS_DONE);
	grid_put_rule(grid, area.row, area.col + 2 + used + done, BAR_CELLS - done,
		      GLYPH_BLOCK_TODO, ROLE_PROGRESS_TODO);
	return 2;
}

static void paint_job(struct view *view, struct grid *grid, struct area area)
{
	struct jobs_view *jobs = view->state;
	const struct table_view *list = table_view_state(jobs->list);
	const struct job_row *job = table_view_row(list);
	struct text_view body = { .text = RICH_INIT };
	struct rich title = RICH_INIT;
	int used;

	if (job) {
		rich_addf(&title, ROLE_PANE_TITLE, "Job %s %s", job->id, job->verb);
		rich_end_line(&title);
		view_paint_title(grid, area, false, &title, job->status, role_of_state(job->state));
		area.row++;
		area.height--;
		used = paint_progress(grid, area, job);
		area.row += used;
		area.height -= used;
		detail_write(view->tui, list->table, job, &body.text);
		text_view_paint(&body, grid, area);
	}
	rich_release(&title);
	text_view_release(&body);
}

static void jobs_paint(struct view *view, struct grid *grid, struct area area, bool focused)
{
	struct jobs_view *jobs = view->state;
	struct area above = area, below = area;

	above.height = area.height / 2 + 1;
	below.row += above.height;
	below.height -= above.height;
	jobs->list->kind->paint(jobs->list, grid, above, focused);
	grid_clip(grid, below);
	paint_job(view, grid, below);
	grid_unclip(grid);
}

static bool jobs_act(struct view *view, enum verb verb, const char *args)
{
	struct jobs_view *jobs = view->state;

	return jobs->list->kind->act(jobs->list, verb, args);
}

static bool jobs_selection(const struct view *view, struct selection *out)
{
	const struct jobs_view *jobs = view->state;

	return jobs->list->kind->selection(jobs->list, out);
}

static bool jobs_back(struct view *view)
{
	struct jobs_view *jobs = view->state;

	return jobs->list->kind->back(jobs->list);
}

static void jobs_position(const struct view *view, struct strbuf *out)
{
	const struct jobs_view *jobs = view->state;

	jobs->list->kind->position(jobs->list, out);
}

static struct view *jobs_inner(const struct view *view)
{
	return ((const struct jobs_view *)view->state)->list;
}

static void jobs_close(struct view *view)
{
	struct jobs_view *jobs = view->state;

	view_free(jobs->list);
}

static const struct view_kind jobs_kind = {
	.name = "Jobs",
	.state_size = sizeof(struct jobs_view),
	.watches = MODEL_BIT(MODEL_JOBS),
	.refresh = jobs_refresh,
	.paint = jobs_paint,
	.act = jobs_act,
	.selection = jobs_selection,
	.back = jobs_back,
	.position = jobs_position,
	.inner = jobs_inner,
	.close = jobs_close,
};

struct view *jobs_view_new(struct tui *tui)
{
	struct view *view = view_new(tui, &jobs_kind, "jobs list");
	struct jobs_view *jobs = view->state;

	jobs->list = table_view_new(tui, present_table(MODEL_JOBS), "jobs list", 0);
	return view;
}
