/*
 * tmpl/tmpl.h - Go templates with the functions of Consul Template.
 *
 * Parse once, execute as often as answers change:
 *
 *     struct tmpl *tmpl = tmpl_parse("web.conf.tmpl", text, len, NULL, &err);
 *     struct tmpl_result result;
 *
 *     tmpl_execute(tmpl, &source, &result);
 *     if (result.failed)
 *         tmpl_error_print(&message, &result.error);
 *     else if (dep_set_count(&result.missing) == 0)
 *         use(result.output.buf, result.output.len);
 *     tmpl_result_release(&result);
 *     tmpl_free(tmpl);
 *
 * The interpreter does no I/O. A data function asks the source; an answer that is not yet known
 * is recorded in result.missing, stands as the empty value of its kind, and the execution goes
 * on, so that one pass finds as many dependencies as possible. An error in such a pass is an
 * error all the same.
 *
 * Depth, steps, memory and output are bounded (base/limits.h): a template may be wrong.
 */
#ifndef BINNACLE_TMPL_TMPL_H
#define BINNACLE_TMPL_TMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/tmpl/deps.h"
#include "binnacle/tmpl/value.h"

struct tmpl;

/*
 * A mistake in a template and its place. The message is in the form of Go and Consul Template:
 *
 *     parse: template: :LINE: MESSAGE
 *     execute: template: :LINE:COL: executing "" at <CONTEXT>: MESSAGE
 */
struct tmpl_error {
	char *message;     /* NULL: no error */
	size_t line;       /* from 1; 0: unknown */
	size_t column;     /* bytes from 0 */
	bool has_column;   /* parse errors know the line alone */
	char *source_line; /* the text of that line; NULL: unknown */
};

void tmpl_error_release(struct tmpl_error *error);
/* The message; where the place is known also the line of the template, and a caret below it.
 * The source line is cleaned (base/text.h); no newline at the end. */
void tmpl_error_print(struct strbuf *out, const struct tmpl_error *error);

struct tmpl_options {
	const char *left_delimiter, *right_delimiter; /* NULL or "": {{ }} */
	bool error_on_missing_key;
	const char *const *denied; /* names of functions that fail when called; ends in NULL */
	bool registrator;          /* also the functions of Registrator's -tags */
	struct tmpl_error *error;  /* out: the place of a parse error; NULL: not wanted */
};

/*
 * NULL on error. `name` is for the caller (tmpl_name): messages do not hold it. `text` is copied.
 * err gets the message, cut to its size.
 */
struct tmpl *tmpl_parse(const char *name, const char *text, size_t len,
			const struct tmpl_options *options, struct err *err);
void tmpl_free(struct tmpl *tmpl);
const char *tmpl_name(const struct tmpl *tmpl);

/* An address of this host, as a text, and its interface. */
struct tmpl_address {
	const char *interface, *text;
	bool up, loopback, default_route;
};

/* Who answers. Nothing here may block. Members may be NULL: unset, refused, the real clock. */
struct tmpl_source {
	/* The value of a dependency, or NULL: not yet known. Borrowed until the execution ends.
	 * The value nil is an answer too: this key does not exist. */
	const struct tmpl_value *(*lookup)(void *arg, const struct dep *dep);
	const char *(*env)(void *arg, const char *name); /* NULL: unset */
	/* Run argv (ends in NULL) and append its standard output. On failure append the whole
	 * message instead: `exec "false": exit status 1`, a blank line, what it printed. */
	bool (*plugin)(void *arg, const char *const *argv, struct strbuf *out);
	/* Is the answer there? False: it was asked for just now; the execution goes on without it,
	 * and it is missing. NULL: `plugin` knows at once. */
	bool (*plugin_ready)(void *arg, const char *const *argv);
	/* writeToFile; flags may hold "append" and "newline". */
	bool (*write_file)(void *arg, const char *path, const char *user, const char *group,
			   const char *mode, const char *flags, const char *bytes, size_t len,
			   struct err *err);
	/* For sockaddr; borrowed until the execution ends. NULL: refused. */
	const struct tmpl_address *(*addresses)(void *arg, size_t *count);
	/* What spew_dump and spew_printf say, to whoever writes the template. NULL: dropped. */
	void (*print)(void *arg, const char *bytes, size_t len);
	int64_t (*now)(void *arg); /* milliseconds since 1970, UTC */
	void *arg;
	const struct tmpl_value *data; /* the dot of the template; NULL: nil. Borrowed */
};

struct tmpl_result {
	struct strbuf output; /* meaningful only when !failed and missing is empty */
	struct dep_set used, missing;
	bool failed;
	struct tmpl_error error;
};

/* One execution. Fills *result whatever it held before; the caller releases it. */
void tmpl_execute(struct tmpl *tmpl, const struct tmpl_source *source, struct tmpl_result *result);
void tmpl_result_release(struct tmpl_result *result);

#endif
