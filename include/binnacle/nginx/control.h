/*
 * nginx/control.h - one nginx: is this configuration right, and take the one that is live.
 *
 *     control = nginx_control_new(loop, &spec, &err);
 *     check = nginx_check_start(control, pending, count, on_checked, state);
 *     reload = nginx_reload_start(control, on_reloaded, state);
 *     ...
 *     nginx_check_cancel(&check);
 *     nginx_control_free(control);
 *
 * Two kinds: nginx of this host (binary, folder), and nginx in a container, where programs are run
 * through a struct nginx_exec (render/container.h has Docker's) and whose folder this host sees
 * under another path.
 *
 * A check never touches the live files. The configuration is flattened (nginx/conf.h) with the
 * pending texts in their places into one staged file beside nginx.conf, so that relative paths
 * mean the same; `nginx -t -c STAGED` judges it, the staged file is removed in any case, and
 * what nginx says is reported with the original file and line. The staged file is readable by
 * those who may read all of its parts, not by more.
 *
 * A reload is a sequence, and the result says how far it came:
 *
 *     check   nginx -t on what is live
 *     pid     the pid file is there, not empty, and names a process
 *     signal  nginx -s reload
 *     start   only if no nginx runs by that pid file: remove it, start nginx
 *     verify  the master has a worker that was not there before; the old ones may drain
 *
 * `nginx -t` itself creates an empty pid file where there was none: that is why an empty one
 * counts as "not running" and not as an error. A pid that belongs to another program is not
 * signaled; a signal that fails while the master lives is a failure, not a reason for a second
 * master.
 *
 * Completion rules: loop/loop.h. Operations on one control may overlap, except that reloads
 * wait for each other.
 */
#ifndef BINNACLE_NGINX_CONTROL_H
#define BINNACLE_NGINX_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/nginx/conf.h"

struct loop;
struct nginx_check;
struct nginx_control;
struct nginx_reload;

/*
 * How to run a program where nginx lives. `start` gives a handle; its completion rules are those
 * of loop/loop.h. err: it could not be run, or not be seen to end. `cancel` frees the handle.
 */
typedef void nginx_exec_fn(void *arg, int exit_code, const struct strbuf *output,
			   const struct err *err);
struct nginx_exec {
	void *(*start)(void *arg, const char *const *argv, int64_t timeout_ms, nginx_exec_fn *done,
		       void *done_arg);
	void (*cancel)(void *handle);
	void (*release)(void *arg); /* with the control, or when making one fails; may be NULL */
	void *arg;
};

struct nginx_spec {
	const char *name;   /* what messages call it: "ingress" */
	const char *folder; /* of nginx.conf, as this host sees it; NULL: /etc/nginx */
	const char *file;   /* name in the folder; NULL: nginx.conf */
	/* Of this host: */
	const char *binary; /* NULL: nginx, looked up in PATH and /usr/sbin */
	const char *prefix; /* -p; NULL: the compiled-in one */
	/* In a container: */
	const struct nginx_exec *exec; /* copied; NULL: nginx of this host */
	const char *seen_as;           /* the folder as nginx sees it; NULL: /etc/nginx */
	int64_t check_timeout_ms;      /* 0: 30 s */
	int64_t verify_timeout_ms;     /* 0: 10 s */
};

struct nginx_control *nginx_control_new(struct loop *loop, const struct nginx_spec *spec,
					struct err *err);
/* Cancels what is under way; staged files are removed. */
void nginx_control_free(struct nginx_control *control);
const char *nginx_control_name(const struct nginx_control *control);
const char *nginx_control_folder(const struct nginx_control *control);
/* nginx.conf as this host sees it. */
const char *nginx_control_path(const struct nginx_control *control);

/* The configuration as it is on disk, read with the control's paths; for `explain`. */
bool nginx_control_flatten(const struct nginx_control *control, struct conf_flat *flat,
			   struct conf_fault *fault, struct err *err);

struct nginx_check_result {
	bool ok;
	const char *message; /* the first complaint, original file and line in it; "" when ok */
	const char *output;  /* all that nginx said, mapped */
	const char *file;    /* of the complaint, as this host sees it; "" when unknown */
	unsigned line;
	int64_t took_ms;
	const bool *used; /* by index of pending: false when no include reaches that file */
};

/* result: NULL when err is set: the check could not be made (nginx missing, container gone, a
 * file unreadable). A configuration that is wrong is a result. Both borrowed. */
typedef void nginx_check_fn(void *arg, const struct nginx_check_result *result,
			    const struct err *err);

/* The texts are read before it returns. At most CONF_PENDING_MAX. */
struct nginx_check *nginx_check_start(struct nginx_control *control,
				      const struct conf_pending *pending, size_t count,
				      nginx_check_fn *done, void *arg);
void nginx_check_cancel(struct nginx_check **check); /* NULL allowed; sets NULL */

enum nginx_step {
	NGINX_STEP_CHECK,
	NGINX_STEP_PID,
	NGINX_STEP_SIGNAL,
	NGINX_STEP_START,
	NGINX_STEP_VERIFY,
	NGINX_STEP_COUNT
};
enum nginx_outcome { NGINX_NOT_DONE, NGINX_DONE, NGINX_FAILED };
const char *nginx_step_name(enum nginx_step step);

struct nginx_reload_result {
	bool ok;
	bool began; /* the signal or the start was tried: nginx may have taken something */
	enum nginx_outcome steps[NGINX_STEP_COUNT];
	const char *message; /* why it failed, or "reloaded, 2 new workers, 2 draining" */
	const char *file;    /* of a failing check; "" */
	unsigned line;
	unsigned new_workers, draining_workers;
	int64_t took_ms;
};

typedef void nginx_reload_fn(void *arg, const struct nginx_reload_result *result);

struct nginx_reload *nginx_reload_start(struct nginx_control *control, nginx_reload_fn *done,
					void *arg);
/* A signal that was sent is not taken back. */
void nginx_reload_cancel(struct nginx_reload **reload);

#endif
