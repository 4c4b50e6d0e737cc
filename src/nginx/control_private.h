/* What control.c, check.c and reload.c share. */
#ifndef NGINX_CONTROL_PRIVATE_H
#define NGINX_CONTROL_PRIVATE_H

#include "binnacle/base/strbuf.h"
#include "binnacle/nginx/control.h"

struct child;
struct loop_deferred;

struct nginx_control {
	struct loop *loop;
	char *name, *folder, *file;
	char *path;      /* folder/file */
	char *path_seen; /* the same as nginx sees it */
	char *binary, *prefix;
	bool is_elsewhere; /* programs are run through exec */
	struct nginx_exec exec;
	char *folder_seen;
	int64_t check_timeout_ms, verify_timeout_ms;
	unsigned staged_count;        /* names of staged files differ */
	struct nginx_check *checks;   /* under way */
	struct nginx_reload *reloads; /* the first one runs, the others wait */
};

/*
 * One program run where this nginx lives. `done` runs from the loop, also when the program could
 * not be started. All zero: nothing runs.
 */
struct command {
	struct nginx_control *control;
	struct child *child;
	void *handle;                   /* of exec */
	struct loop_deferred *deferred; /* reports `err` */
	struct err err;
	const char *program;
	nginx_exec_fn *done;
	void *arg;
};
void nginx_command_start(struct command *command, struct nginx_control *control,
			 const char *const *argv, int64_t timeout_ms, nginx_exec_fn *done,
			 void *arg);
void nginx_command_cancel(struct command *command);

/* `nginx -c PATH [-p PREFIX] MORE…`: up to two more words. `argv` has room for 8. */
void control_argv(const struct nginx_control *control, const char **argv, const char *path_seen,
		  const char *more, const char *more2);
struct conf_files control_files(const struct nginx_control *control);

/*
 * What nginx said, with the places put right. `flat` and `staged_seen` belong to a check of a
 * staged file, NULL else. `complaint` gets the first line of the highest severity, without
 * "nginx: "; file (owned by the caller) and line are the place that it names.
 */
struct complaint {
	struct strbuf output, message;
	char *file;
	unsigned line;
};
void complaint_read(struct complaint *complaint, const struct nginx_control *control,
		    const struct strbuf *output, const struct conf_flat *flat,
		    const char *staged_seen);
void complaint_release(struct complaint *complaint);

void check_end(struct nginx_check *check);    /* frees it and its staged file */
void reload_end(struct nginx_reload *reload); /* frees it */

#endif
