/*
 * A text in the operator's pager or editor. The terminal is theirs while they run; the loop goes
 * on, so that watches are answered, but nothing is painted and no key is read. The file is a
 * copy: what an editor writes into it is thrown away, unless somebody asked for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "binnacle/base/err.h"
#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "internal.h"

#define LOOK_MS   100 /* how often it is asked whether the pager has ended */
#define WORDS_MAX 16

struct pager {
	struct tui *tui;
	struct loop_timer *timer;
	pid_t pid;
	char *path;
	bool is_editor;
	pager_edited_fn *edited; /* NULL: what is written is thrown away */
	char *before;            /* the text, when edited is set */
};

/* "less -R": blanks separate words; no shell. Borrowed from `command`. */
static void split_words(char *command, const char **argv, const char *file)
{
	size_t count = 0;

	while (count < WORDS_MAX) {
		command += strspn(command, " \t");
		if (!*command)
			break;
		argv[count++] = command;
		command += strcspn(command, " \t");
		if (*command)
			*command++ = '\0';
	}
	argv[count++] = file;
	argv[count] = NULL;
}

static char *write_file(const struct strbuf *text, struct err *err)
{
	const char *dir = getenv("TMPDIR");
	char *path = xasprintf("%s/binnacle-XXXXXX", dir && *dir ? dir : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC); /* 0600 */
	size_t done = 0;

	while (fd >= 0 && done < text->len) {
		ssize_t n = write(fd, text->buf + done, text->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (fd >= 0 && close(fd) == 0 && done == text->len)
		return path;
	err_system(err, "cannot write %s", path);
	if (fd >= 0)
		unlink(path);
	free(path);
	return NULL;
}

/* In the child: as if a shell had started it. */
static void become_pager(const char *const *argv)
{
	static const int numbers[] = { SIGINT,  SIGQUIT, SIGTSTP, SIGTERM, SIGHUP, SIGPIPE,
				       SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGABRT };
	sigset_t none;

	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		signal(numbers[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* The editor has ended. */
static void end_edit(struct pager *pager, int status)
{
	struct strbuf text = STRBUF_INIT;
	struct tui *tui = pager->tui;
	struct err err;

	if (status != 0) {
		tui_message(tui, LOG_LEVEL_WARN,
			    status == 127 ? "it cannot be started; see $VISUAL and $EDITOR"
					  : "the editor failed: nothing was changed");
		unlink(pager->path);
		free(pager->path);
	} else if (!file_read(pager->path, LIMIT_CONFIG_FILE, &text, &err)) {
		tui_message(tui, LOG_LEVEL_ERROR, "%s", err.msg);
		free(pager->path);
	} else {
		pager->edited(tui, pager->path, strcmp(text.buf, pager->before) != 0);
	}
	strbuf_release(&text);
	free(pager->before);
	free(pager);
}

static void on_look(void *arg)
{
	struct pager *pager = arg;
	struct tui *tui = pager->tui;
	int status = 0;
	pid_t ended = waitpid(pager->pid, &status, WNOHANG);

	pager->timer = NULL;
	if (ended == 0) {
		pager->timer = loop_timer_start(tui->loop, LOOK_MS, on_look, pager);
		return;
	}
	tui->pager = NULL;
	tui_take_terminal(tui);
	if (pager->edited) {
		end_edit(pager, ended > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		return;
	}
	if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		tui_message(tui, LOG_LEVEL_WARN, "it cannot be started; see %s",
			    pager->is_editor ? "$VISUAL and $EDITOR" : "$PAGER");
	else if (pager->is_editor)
		tui_message(tui, LOG_LEVEL_INFO, "that was a copy: edits are thrown away");
	unlink(pager->path);
	free(pager->path);
	free(pager);
}

static const char *program(bool is_editor)
{
	static const char *const editors[] = { "VISUAL", "EDITOR" };
	const char *pager = getenv("PAGER");

	for (size_t i = 0; is_editor && i < COUNT_OF(editors); i++) {
		const char *value = getenv(editors[i]);

		if (value && *value)
			return value;
	}
	if (is_editor)
		return "vi";
	return pager && *pager ? pager : "less -R";
}

/* NULL after saying why. */
static struct pager *open_program(struct tui *tui, const struct strbuf *text, bool is_editor)
{
	const char *argv[WORDS_MAX + 2];
	char *command = xstrdup(program(is_editor));
	struct pager *pager;
	struct err err;
	char *path;

	if (!tui->term) {
		tui_message(tui, LOG_LEVEL_WARN, "pager: there is no terminal");
		free(command);
		return NULL;
	}
	path = write_file(text, &err);
	if (!path) {
		tui_message(tui, LOG_LEVEL_ERROR, "pager: %s", err.msg);
		free(command);
		return NULL;
	}
	split_words(command, argv, path);
	tui_leave_terminal(tui);
	pager = xcalloc(1, sizeof(*pager));
	pager->tui = tui;
	pager->path = path;
	pager->is_editor = is_editor;
	pager->pid = fork();
	if (pager->pid == 0)
		become_pager(argv);
	tui->pager = pager;
	pager->timer = loop_timer_start(tui->loop, LOOK_MS, on_look, pager);
	free(command);
	return pager;
}

void pager_open(struct tui *tui, const struct strbuf *text, bool is_editor)
{
	open_program(tui, text, is_editor);
}

bool pager_edit(struct tui *tui, const struct strbuf *text, pager_edited_fn *edited)
{
	struct pager *pager = open_program(tui, text, true);

	if (!pager)
		return false;
	pager->edited = edited;
	pager->before = xstrdup(text->buf);
	return true;
}

void pager_close(struct tui *tui)
{
	struct pager *pager = tui->pager;

	if (!pager)
		return;
	loop_timer_stop(&pager->timer);
	if (pager->pid > 0) {
		kill(pager->pid, SIGTERM);
		waitpid(pager->pid, NULL, 0);
	}
	unlink(pager->path);
	free(pager->path);
	free(pager->before);
	free(pager);
	tui->pager = NULL;
}
