/* main.c - arguments, and which front end. See include/binnacle/batch and include/binnacle/tui
 * for the two; run.h for the engine without either. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/batch/batch.h"
#include "binnacle/command/command.h"
#include "binnacle/loop/loop.h"
#include "binnacle/tui/tui.h"
#include "as_consul_template.h"
#include "as_registrator.h"
#include "config.h"
#include "engine.h"
#include "run.h"

static const char usage[] =
	"usage: binnacle [options]                      the console; needs a terminal\n"
	"       binnacle [options] --batch VERB ...     one command, no screen (--batch --help)\n"
	"       binnacle [options] --batch run          the engine without a screen\n"
	"       binnacle --as consul-template ...       in the place of that program\n"
	"       binnacle --as registrator ...           likewise\n"
	"       binnacle --check-theme FILE | --version | --help\n"
	"\n"
	"  --config FILE       configuration (else $BINNACLE_CONFIG, $XDG_CONFIG_HOME/binnacle/\n"
	"                      binnacle.hcl, /etc/binnacle/binnacle.hcl)\n"
	"  --consul ADDR       Consul agent (else the file, $CONSUL_HTTP_ADDR, 127.0.0.1:8500)\n"
	"  --token-file FILE   Consul ACL token\n"
	"  --docker HOST       this host's Docker daemon: unix:///PATH, tcp://HOST:PORT\n"
	"  --etcd URL[,URL]    etcd with Calico's data (else the file, $ETCD_ENDPOINTS)\n"
	"  --node NAME         this host's name in Calico and Consul\n"
	"  --read-only         refuse every change; cannot be lifted from inside\n"
	"  --theme NAME        terminal, mono, or a file of the themes folder\n"
	"  --color DEPTH       never, 8, 16, 256, truecolor\n"
	"  --ascii             no characters beyond ASCII in frames\n"
	"  --term NAME         in the place of $TERM\n"
	"  --plain             for screen readers: one column, no frames\n"
	"\n"
	"options of --batch run:\n"
	"  --mode auto|hold|off   of both halves of the engine (else the file, else auto)\n"
	"  --log-format json      one JSON object per event on standard error\n"
	"  --verbose              log more\n";

/* What the arguments come to. The rest is for the batch front end. */
struct arguments {
	struct config_flags flags;
	bool batch, version, help;
	const char *check_theme;
	const char *as; /* the program to stand in for; its arguments begin at argv[as_index + 1] */
	int as_index;
	const char **rest;
	int rest_count;
};

static const struct {
	const char *name;
	size_t offset;    /* of the const char * in struct config_flags */
	bool after_batch; /* false: after --batch the name means something else */
} text_options[] = {
	{ "--config", offsetof(struct config_flags, config), true },
	{ "--consul", offsetof(struct config_flags, consul), true },
	{ "--token-file", offsetof(struct config_flags, token_file), true },
	{ "--docker", offsetof(struct config_flags, docker), true },
	{ "--etcd", offsetof(struct config_flags, etcd), true },
	{ "--node", offsetof(struct config_flags, node), false },
	{ "--theme", offsetof(struct config_flags, theme), true },
	{ "--color", offsetof(struct config_flags, color), false },
	{ "--term", offsetof(struct config_flags, term), true },
};

/* What can be stood in for, with --as or through a link of that name. argv[0] is that name. */
static const struct stand_in {
	const char *name;
	int (*run)(int argc, char **argv);
} stand_ins[] = {
	{ "consul-template", as_consul_template },
	{ "registrator", as_registrator },
};

static const struct stand_in *find_stand_in(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(stand_ins); i++) {
		if (strcmp(stand_ins[i].name, name) == 0)
			return &stand_ins[i];
	}
	return NULL;
}

static int bad_usage(const char *what, const char *argument)
{
	fprintf(stderr, "binnacle: %s %s; binnacle --help lists the options\n", argument, what);
	return COMMAND_USAGE;
}

/* "--name value" or "--name=value"; moves *i past the value. NULL: it is another argument. */
static const char *value_of(const char *name, int argc, char **argv, int *i, bool *missing)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0)
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	if (argv[*i][len] != '\0')
		return NULL;
	*missing = *i + 1 >= argc;
	return *missing ? NULL : argv[++*i];
}

static bool take_text_option(struct arguments *arguments, int argc, char **argv, int *i,
			     bool *missing)
{
	for (size_t n = 0; n < COUNT_OF(text_options); n++) {
		const char *value;

		if (arguments->batch && !text_options[n].after_batch)
			continue;
		value = value_of(text_options[n].name, argc, argv, i, missing);
		if (*missing)
			return true;
		if (!value)
			continue;
		*(const char **)(void *)((char *)&arguments->flags + text_options[n].offset) =
			value;
		return true;
	}
	return false;
}

static bool take_flag(struct arguments *arguments, const char *argument)
{
	const struct {
		const char *name;
		bool *place;
	} flags[] = {
		{ "--read-only", &arguments->flags.read_only },
		{ "--ascii", &arguments->flags.ascii },
		{ "--plain", &arguments->flags.plain },
	};

	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (strcmp(argument, flags[i].name) == 0) {
			*flags[i].place = true;
			return true;
		}
	}
	return false;
}

/* 0, or the exit status of a usage error. */
static int read_arguments(struct arguments *arguments, int argc, char **argv)
{
	arguments->rest = xcalloc((size_t)argc + 1, sizeof(*arguments->rest));
	for (int i = 1; i < argc; i++) {
		bool missing = false;

		if (take_text_option(arguments, argc, argv, &i, &missing)) {
			if (missing)
				return bad_usage("needs a value", argv[i]);
		} else if (take_flag(arguments, argv[i])) {
			continue;
		} else if (arguments->batch) {
			arguments->rest[arguments->rest_count++] = argv[i];
		} else if (strcmp(argv[i], "--batch") == 0) {
			arguments->batch = true;
		} else if (strcmp(argv[i], "--version") == 0) {
			arguments->version = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			arguments->help = true;
		} else if (strcmp(argv[i], "--check-theme") == 0 && i + 1 < argc) {
			arguments->check_theme = argv[++i];
		} else if (strcmp(argv[i], "--as") == 0 && i + 1 < argc) {
			arguments->as = argv[++i];
			arguments->as_index = i;
			return 0;
		} else {
			return bad_usage(argv[i][0] == '-'
						 ? "is not an option"
						 : "was not expected (--batch before a verb)",
					 argv[i]);
		}
	}
	return 0;
}

/* Numbers in JSON and on screen have a point, whatever the locale says. */
static void set_locale(void)
{
	if (!setlocale(LC_ALL, "")) {
		const char *names[] = { getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG") };

		for (size_t i = 0; i < COUNT_OF(names); i++)
			if (names[i] &&
			    (strcasestr(names[i], "utf-8") || strcasestr(names[i], "utf8")))
				setlocale(LC_CTYPE, "C.UTF-8");
	}
	setlocale(LC_NUMERIC, "C");
}

static int fail(const struct err *err)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text, "binnacle: %s\n", err->msg);
	fputs(text.buf, stderr);
	strbuf_release(&text);
	return err->code == ERR_INPUT || err->code == ERR_NOT_FOUND ? COMMAND_USAGE
								    : (int)command_status_of(err);
}

/* ---- the engine without a screen ---- */

static int run(const struct arguments *arguments)
{
	struct config config = { 0 };
	struct err err = { 0 };
	bool json = false, verbose = false;
	const char *mode = NULL;
	int status;

	for (int i = 1; i < arguments->rest_count; i++) {
		const char *word = arguments->rest[i];

		if (strcmp(word, "--verbose") == 0)
			verbose = true;
		else if (strcmp(word, "--log-format") == 0 && i + 1 < arguments->rest_count)
			json = strcmp(arguments->rest[++i], "json") == 0;
		else if (strcmp(word, "--mode") == 0 && i + 1 < arguments->rest_count)
			mode = arguments->rest[++i];
		else if (strcmp(word, "--help") == 0)
			return fputs(usage, stdout) < 0;
		else
			return bad_usage("is not an option of --batch run", word);
	}
	if (!config_load(&config, &arguments->flags, &err) ||
	    (mode && !config_set_modes(&config, mode, &err)))
		status = fail(&err);
	else
		status = run_engine(&config, json, verbose);
	config_release(&config);
	return status;
}

/* ---- one command ---- */

static int batch(const struct arguments *arguments)
{
	struct config config = { 0 };
	struct engine *engine = NULL;
	struct batch_request *request;
	struct err err = { 0 };
	struct loop *loop;
	int status = 0;

	if (arguments->rest_count && strcmp(arguments->rest[0], "run") == 0)
		return run(arguments);
	request = batch_parse(arguments->rest_count, arguments->rest, NULL, &status);
	if (!request)
		return status;
	loop = loop_new();
	if (config_load(&config, &arguments->flags, &err))
		engine = engine_new(loop, &config, ENGINE_ONE_CALL, &err);
	status = engine ? batch_run(request, loop, engine_env(engine)) : fail(&err);
	engine_free(engine);
	loop_free(loop);
	batch_free(request);
	config_release(&config);
	return status;
}

/* ---- the console ---- */

static int console(const struct arguments *arguments)
{
	struct config config = { 0 };
	struct tui_bind *binds;
	struct tui_options options = { 0 };
	struct engine *engine = NULL;
	struct tui *tui = NULL;
	struct err err = { 0 };
	struct loop *loop;
	int status = 0;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fprintf(stderr, "binnacle: the console needs a terminal; "
				"without one use binnacle --batch (binnacle --batch --help)\n");
		return COMMAND_USAGE;
	}
	if (!config_load(&config, &arguments->flags, &err)) {
		config_release(&config);
		return fail(&err);
	}
	binds = xcalloc(config.bind_count + 1, sizeof(*binds));
	for (size_t i = 0; i < config.bind_count; i++)
		binds[i] = (struct tui_bind){ config.binds[i].pane, config.binds[i].key,
					      config.binds[i].run };
	options.theme = config.theme;
	options.term = config.term;
	options.color = config.color;
	options.ascii = config.ascii;
	options.plain = config.plain;
	options.binds = binds;
	options.bind_count = config.bind_count;
	loop = loop_new();
	engine = engine_new(loop, &config, ENGINE_CONSOLE, &err);
	if (engine)
		tui = tui_new(loop, engine_env(engine), &options, &err);
	if (tui)
		loop_run(loop);
	else
		status = fail(&err);
	tui_free(tui);
	engine_free(engine);
	loop_free(loop);
	free(binds);
	config_release(&config);
	return status;
}

static int check_theme(const char *path)
{
	struct strbuf findings = STRBUF_INIT;
	bool ok = tui_check_theme(path, &findings);

	fputs(findings.buf, stdout);
	strbuf_release(&findings);
	return ok ? 0 : COMMAND_FAILED;
}

static int stand_in(const struct arguments *arguments, int argc, char **argv)
{
	const struct stand_in *program = find_stand_in(arguments->as);

	if (!program)
		return bad_usage("cannot be stood in for", arguments->as);
	return program->run(argc - arguments->as_index, argv + arguments->as_index);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status;

	set_locale();
	if (argc > 0) {
		const char *slash = strrchr(argv[0], '/');
		const struct stand_in *called = find_stand_in(slash ? slash + 1 : argv[0]);

		if (called) {
			status = called->run(argc, argv);
			log_release();
			return status;
		}
	}
	status = read_arguments(&arguments, argc, argv);
	if (status == 0) {
		if (arguments.version)
			printf("binnacle %s\n", BINNACLE_VERSION);
		else if (arguments.help)
			fputs(usage, stdout);
		else if (arguments.as)
			status = stand_in(&arguments, argc, argv);
		else if (arguments.check_theme)
			status = check_theme(arguments.check_theme);
		else
			status = arguments.batch ? batch(&arguments) : console(&arguments);
	}
	free(arguments.rest);
	log_release();
	return status;
}
