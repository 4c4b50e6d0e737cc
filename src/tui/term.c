/*
 * The only file that knows curses. Curses keeps its own picture of the screen and sends
 * differences; we keep the last grid to tell it about changed cells only.
 *
 * Keys are read through a pad, because reading from a window would refresh it. The modes that
 * must be undone after a crash are prepared as one string, since a signal handler may neither
 * allocate nor call curses.
 */
#include "term.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <curses.h>
#include <term.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"

#define PASTE_LIMIT_BYTES     (1u << 20)
#define CAPTURE_LIMIT_BYTES   (64u << 10)
#define COPY_LIMIT_BYTES      74994 /* of base64: what common terminals take */
#define SCREEN_CHUNK_BYTES    250
#define PAIRS_MAX             32767
#define RESTORE_BYTES         256
#define EMPTY_READS_IS_HANGUP 3

enum own_key { OWN_KEY_PASTE_BEGIN = KEY_MAX + 1, OWN_KEY_PASTE_END, OWN_KEY_FIRST };

struct pair {
	int fg, bg;
};

struct terminal {
	SCREEN *screen;
	WINDOW *input;
	char *name, *note;
	struct termios before;
	bool utf8, has_dim, bracketed_paste, away, pasting;
	enum color_depth depth;
	struct grid *shown; /* what curses was told last; NULL: nothing */
	struct pair *pairs;
	int pair_count, pair_cap, pair_limit;
	struct strbuf pasted;
	int empty_reads;
	int width, height;
	int errors; /* reading end of what stands for standard error; -1 */
	struct strbuf captured;
};

/* For crashes: what to write, and the modes of the line before us. */
static struct {
	volatile sig_atomic_t active;
	char text[RESTORE_BYTES];
	size_t len;
	struct termios before;
	int errors, real_stderr; /* what was written last is often the reason of a crash */
} rescue = { .errors = -1, .real_stderr = -1 };

static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT };

static void write_to(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static void write_all(const char *bytes, size_t len)
{
	write_to(STDOUT_FILENO, bytes, len);
}

static void rescue_terminal(void)
{
	char last[1024];
	ssize_t n;

	if (!rescue.active)
		return;
	rescue.active = 0;
	write_all(rescue.text, rescue.len);
	tcsetattr(STDIN_FILENO, TCSANOW, &rescue.before);
	if (rescue.errors >= 0 && (n = read(rescue.errors, last, sizeof(last))) > 0)
		write_to(rescue.real_stderr, last, (size_t)n);
}

static void on_fatal(int number)
{
	static const char text[] = "binnacle: stopped by a fatal signal\r\n";

	rescue_terminal();
	if (number != SIGQUIT)
		write_all(text, sizeof(text) - 1);
	signal(number, SIG_DFL);
	raise(number);
}

static void rescue_add(const char *text)
{
	size_t len = text && text != (char *)-1 ? strlen(text) : 0;

	/* Padding is for terminals of another time; without it the string is plain bytes. */
	for (size_t i = 0; i < len && rescue.len < sizeof(rescue.text); i++) {
		if (text[i] == '$' && text[i + 1] == '<') {
			i += strcspn(text + i, ">");
			continue;
		}
		rescue.text[rescue.len++] = text[i];
	}
}

static void rescue_prepare(struct terminal *term)
{
	static char stack[32 * 1024];
	stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = on_fatal, .sa_flags = SA_ONSTACK };
	static bool registered;

	rescue.len = 0;
	if (term->bracketed_paste)
		rescue_add("\033[?2004l");
	rescue_add(tigetstr("rmkx"));
	rescue_add(tigetstr("sgr0"));
	rescue_add(tigetstr("rmcup"));
	rescue_add(tigetstr("cnorm"));
	rescue.before = term->before;
	rescue.active = 1;
	sigaltstack(&alternative, NULL);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < COUNT_OF(fatal_signals); i++)
		sigaction(fatal_signals[i], &action, NULL);
	if (!registered)
		atexit(rescue_terminal);
	registered = true;
}

static bool claims_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *value = getenv(names[i]);

		if (value && (text_find_nocase(value, "utf-8") || text_find_nocase(value, "utf8")))
			return true;
	}
	return false;
}

static void set_locale(void)
{
	if (!setlocale(LC_ALL, "") && claims_utf8())
		setlocale(LC_CTYPE, "C.UTF-8");
	/* JSON is read and printed with the decimal point, whatever the operator's language. */
	setlocale(LC_NUMERIC, "C");
}

static bool terminfo_knows(const char *name)
{
	int result;

	if (!name || !*name || setupterm(name, STDOUT_FILENO, &result) != OK)
		return false;
	del_curterm(cur_term);
	return true;
}

/* A server often lacks the entry of a new terminal: take the next best. The caller frees. */
static char *choose_term(const char *wanted)
{
	const char *dash = strrchr(wanted, '-'), *more[5] = { NULL };
	char *shorter = dash ? xstrndup(wanted, (size_t)(dash - wanted)) : NULL;
	size_t count = 0;
	char *found = NULL;

	if (text_starts_with(wanted, "xterm"))
		more[count++] = "xterm-256color";
	if (text_starts_with(wanted, "tmux") || text_starts_with(wanted, "screen")) {
		more[count++] = "tmux-256color";
		more[count++] = "screen-256color";
	}
	more[count++] = "ansi";
	more[count++] = "vt100";
	if (strcmp(wanted, "xterm") == 0 && getenv("COLORTERM") && terminfo_knows("xterm-256color"))
		found = xstrdup("xterm-256color");
	else if (terminfo_knows(wanted))
		found = xstrdup(wanted);
	else if (shorter && terminfo_knows(shorter))
		found = xstrdup(shorter);
	for (size_t i = 0; i < count && !found; i++)
		if (terminfo_knows(more[i]))
			found = xstrdup(more[i]);
	free(shorter);
	return found;
}

static enum color_depth depth_of_terminfo(void)
{
	if (!has_colors() || COLORS < 8)
		return DEPTH_NONE;
	if (tigetflag("RGB") > 0 && COLORS > 256)
		return DEPTH_TRUE;
	return COLORS >= 256 ? DEPTH_256 : COLORS >= 16 ? DEPTH_16 : DEPTH_8;
}

static enum color_depth choose_depth(const char *wanted)
{
	enum color_depth able = depth_of_terminfo(), depth = able;
	const char *no_color = getenv("NO_COLOR");

	if (!wanted || strcmp(wanted, "auto") == 0 || strcmp(wanted, "always") == 0) {
		bool asked = wanted && strcmp(wanted, "always") == 0;

		return no_color && *no_color && !asked ? DEPTH_NONE : able;
	}
	if (strcmp(wanted, "never") == 0)
		depth = DEPTH_NONE;
	else if (strcmp(wanted, "8") == 0)
		depth = DEPTH_8;
	else if (strcmp(wanted, "16") == 0)
		depth = DEPTH_16;
	else if (strcmp(wanted, "256") == 0)
		depth = DEPTH_256;
	return depth < able ? depth : able; /* curses can only send what terminfo describes */
}

static void define_keys(void)
{
	static const struct {
		const char *sequence;
		int key;
	} keys[] = {
		{ "\033[H", KEY_HOME },   { "\033[F", KEY_END },    { "\033OH", KEY_HOME },
		{ "\033OF", KEY_END },    { "\033[1~", KEY_HOME },  { "\033[4~", KEY_END },
		{ "\033[7~", KEY_HOME },  { "\033[8~", KEY_END },   { "\033[Z", KEY_BTAB },
		{ "\033OP", KEY_F(1) },   { "\033OQ", KEY_F(2) },   { "\033OR", KEY_F(3) },
		{ "\033OS", KEY_F(4) },   { "\033[A", KEY_UP },     { "\033[B", KEY_DOWN },
		{ "\033[C", KEY_RIGHT },  { "\033[D", KEY_LEFT },   { "\033[5~", KEY_PPAGE },
		{ "\033[6~", KEY_NPAGE }, { "\033[15~", KEY_F(5) },
	};

	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (key_defined(keys[i].sequence) == 0)
			define_key(keys[i].sequence, keys[i].key);
	define_key("\033[200~", OWN_KEY_PASTE_BEGIN);
	define_key("\033[201~", OWN_KEY_PASTE_END);
}

static bool knows_bracketed_paste(const char *name)
{
	static const char *const without[] = { "linux", "vt1", "vt2", "ansi", "cons25" };

	for (size_t i = 0; i < COUNT_OF(without); i++)
		if (text_starts_with(name, without[i]))
			return false;
	return true;
}

static void ask_size(struct terminal *term)
{
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	term->width = size.ws_col;
	term->height = size.ws_row;
}

static void catch_stderr(struct terminal *term)
{
	int ends[2];

	if (!isatty(STDERR_FILENO) || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return;
	rescue.real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (rescue.real_stderr < 0 || dup2(ends[1], STDERR_FILENO) < 0) {
		close(ends[0]);
		close(ends[1]);
		return;
	}
	close(ends[1]);
	term->errors = rescue.errors = ends[0];
}

static void release_stderr(struct terminal *term)
{
	char last[4096];
	ssize_t n;

	if (term->errors < 0)
		return;
	dup2(rescue.real_stderr, STDERR_FILENO);
	close(rescue.real_stderr);
	while ((n = read(term->errors, last, sizeof(last))) > 0)
		term_captured(term, last, (size_t)n);
	close(term->errors);
	term->errors = rescue.errors = rescue.real_stderr = -1;
	write_to(STDERR_FILENO, term->captured.buf, term->captured.len);
}

static void take_modes(struct terminal *term)
{
	struct termios mode;

	cbreak();
	noecho();
	nonl();
	/* A stray Ctrl-S must not freeze the screen. */
	if (tcgetattr(STDIN_FILENO, &mode) == 0) {
		mode.c_iflag &= ~(tcflag_t)(IXON | IXOFF);
		tcsetattr(STDIN_FILENO, TCSANOW, &mode);
		def_prog_mode();
	}
	curs_set(0);
	if (term->bracketed_paste)
		write_all("\033[?2004h", 8);
}

struct terminal *term_open(const struct term_options *options, struct err *err)
{
	const char *wanted = options->term ? options->term : getenv("TERM");
	struct terminal *term;
	char *name;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !wanted || !*wanted ||
	    strcmp(wanted, "dumb") == 0) {
		err_set(err, ERR_INPUT,
			"the console needs a terminal; without one, use binnacle --batch");
		return NULL;
	}
	set_locale();
	name = choose_term(wanted);
	if (!name) {
		err_set(err, ERR_INPUT,
			"terminfo has no entry for TERM=%s nor for vt100; install ncurses-term, "
			"or use binnacle --batch",
			wanted);
		return NULL;
	}
	term = xcalloc(1, sizeof(*term));
	term->name = name;
	term->note = strcmp(name, wanted) == 0
			     ? xstrdup("")
			     : xasprintf("TERM=%s: using the entry of %s", wanted, name);
	term->errors = -1;
	strbuf_init(&term->pasted);
	strbuf_init(&term->captured);
	term->utf8 = !options->ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	/* PuTTY and others print letters where they are sent line drawing in UTF-8. */
	if (term->utf8)
		setenv("NCURSES_NO_UTF8_ACS", "1", 0);
	tcgetattr(STDIN_FILENO, &term->before);
	ask_size(term);
	use_env(TRUE);
	term->screen = newterm(name, stdout, stdin);
	if (!term->screen) {
		err_set(err, ERR_SYSTEM, "cannot use the terminal as %s", name);
		free(term->name);
		free(term->note);
		free(term);
		return NULL;
	}
	if (!getenv("ESCDELAY"))
		set_escdelay(options->esc_delay_ms > 0 ? options->esc_delay_ms : 50);
	if (has_colors()) {
		start_color();
		use_default_colors();
	}
	term->depth = choose_depth(options->color);
	term->has_dim = (termattrs() & A_DIM) != 0;
	term->pair_limit = COLOR_PAIRS < 1 ? 64 : COLOR_PAIRS;
	if (term->pair_limit > PAIRS_MAX)
		term->pair_limit = PAIRS_MAX;
	term->bracketed_paste = knows_bracketed_paste(name);
	term->input = newpad(1, 1);
	keypad(term->input, TRUE);
	nodelay(term->input, TRUE);
	meta(term->input, TRUE);
	intrflush(stdscr, FALSE);
	define_keys();
	catch_stderr(term);
	rescue_prepare(term);
	take_modes(term);
	return term;
}

void term_close(struct terminal *term)
{
	if (!term)
		return;
	term_leave(term);
	rescue.active = 0;
	for (size_t i = 0; i < COUNT_OF(fatal_signals); i++)
		signal(fatal_signals[i], SIG_DFL);
	release_stderr(term);
	strbuf_release(&term->captured);
	delwin(term->input);
	delscreen(term->screen);
	grid_free(term->shown);
	strbuf_release(&term->pasted);
	free(term->pairs);
	free(term->name);
	free(term->note);
	free(term);
}

int term_fd(const struct terminal *term)
{
	(void)term;
	return STDIN_FILENO;
}

int term_stderr_fd(const struct terminal *term)
{
	return term->errors;
}

void term_captured(struct terminal *term, const char *bytes, size_t len)
{
	if (term->captured.len + len <= CAPTURE_LIMIT_BYTES)
		strbuf_add(&term->captured, bytes, len);
}

const char *term_note(const struct terminal *term)
{
	return term->note;
}

bool term_is_utf8(const struct terminal *term)
{
	return term->utf8;
}

enum color_depth term_depth(const struct terminal *term)
{
	return term->depth;
}

void term_size(const struct terminal *term, int *width, int *height)
{
	*width = term->width;
	*height = term->height;
}

void term_resized(struct terminal *term)
{
	ask_size(term);
	resizeterm(term->height, term->width);
	grid_free(term->shown);
	term->shown = NULL;
}

static key_code key_of_curses(wint_t code)
{
	static const struct {
		int code;
		key_code key;
	} keys[] = {
		{ KEY_UP, KEY_CODE_UP },
		{ KEY_DOWN, KEY_CODE_DOWN },
		{ KEY_LEFT, KEY_CODE_LEFT },
		{ KEY_RIGHT, KEY_CODE_RIGHT },
		{ KEY_HOME, KEY_CODE_HOME },
		{ KEY_END, KEY_CODE_END },
		{ KEY_PPAGE, KEY_CODE_PAGE_UP },
		{ KEY_NPAGE, KEY_CODE_PAGE_DOWN },
		{ KEY_IC, KEY_CODE_INSERT },
		{ KEY_DC, KEY_CODE_DELETE },
		{ KEY_BACKSPACE, KEY_CODE_BACKSPACE },
		{ KEY_BTAB, KEY_CODE_BACK_TAB },
		{ KEY_ENTER, KEY_CODE_ENTER },
	};

	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if ((wint_t)keys[i].code == code)
			return keys[i].key;
	if (code >= (wint_t)KEY_F(1) && code <= (wint_t)KEY_F(12))
		return KEY_CODE_F1 + (key_code)(code - (wint_t)KEY_F(1));
	return KEY_CODE_UNKNOWN;
}

static key_code key_of_char(wint_t code)
{
	if (code == '\n')
		return KEY_CODE_ENTER;
	if (code == 0x7f || code == 0x08)
		return KEY_CODE_BACKSPACE;
	return (key_code)code;
}

static void add_pasted(struct terminal *term, wint_t code)
{
	if (term->pasted.len < PASTE_LIMIT_BYTES)
		text_encode(&term->pasted, (uint32_t)code);
}

void term_read(struct terminal *term, const struct term_sink *sink, void *arg)
{
	struct {
		key_code *items;
		size_t len, cap;
	} keys = { 0 };
	wint_t code;
	int kind, got = 0;

	while ((kind = wget_wch(term->input, &code)) != ERR) {
		got++;
		if (kind == KEY_CODE_YES && code == OWN_KEY_PASTE_BEGIN) {
			term->pasting = true;
			strbuf_reset(&term->pasted);
		} else if (kind == KEY_CODE_YES && code == OWN_KEY_PASTE_END) {
			/* What was typed before the paste stays before it. */
			if (keys.len > 0)
				sink->keys(arg, keys.items, keys.len);
			keys.len = 0;
			if (term->pasting)
				sink->paste(arg, term->pasted.buf, term->pasted.len);
			term->pasting = false;
		} else if (term->pasting) {
			if (kind != KEY_CODE_YES)
				add_pasted(term, code);
		} else {
			GROW(keys.items, keys.len, keys.cap);
			keys.items[keys.len++] =
				kind == KEY_CODE_YES ? key_of_curses(code) : key_of_char(code);
		}
	}
	if (keys.len > 0)
		sink->keys(arg, keys.items, keys.len);
	free(keys.items);
	/* Readable, and nothing there: the terminal has gone. */
	term->empty_reads = got > 0 ? 0 : term->empty_reads + 1;
	if (term->empty_reads >= EMPTY_READS_IS_HANGUP)
		sink->gone(arg);
}

void term_flush_input(struct terminal *term)
{
	(void)term;
	flushinp();
}

bool term_can_paint(const struct terminal *term)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return !term->away && poll(&out, 1, 0) == 1 && (out.revents & POLLOUT);
}

static int color_of_curses(int color)
{
	return color == LOOK_DEFAULT ? -1 : color & LOOK_RGB ? color & 0xffffff : color;
}

/* 0 when pairs ran out: then attributes must do. */
static int pair_of(struct terminal *term, int fg, int bg)
{
	if (fg == -1 && bg == -1)
		return 0;
	for (int i = 0; i < term->pair_count; i++)
		if (term->pairs[i].fg == fg && term->pairs[i].bg == bg)
			return i + 1;
	if (term->pair_count + 1 >= term->pair_limit)
		return 0;
	if (init_extended_pair(term->pair_count + 1, fg, bg) == ERR)
		return 0;
	GROW(term->pairs, term->pair_count, term->pair_cap);
	term->pairs[term->pair_count++] = (struct pair){ fg, bg };
	return term->pair_count;
}

static attr_t attrs_of(const struct terminal *term, unsigned attrs)
{
	attr_t out = A_NORMAL;

	if (attrs & LOOK_BOLD)
		out |= A_BOLD;
	if (attrs & LOOK_DIM && term->has_dim)
		out |= A_DIM;
	if (attrs & LOOK_UNDERLINE)
		out |= A_UNDERLINE;
	if (attrs & LOOK_REVERSE)
		out |= A_REVERSE;
	return out;
}

static void paint_cell(struct terminal *term, int row, int col, const struct cell *cell,
		       const struct theme *theme)
{
	struct look look = theme_look(theme, cell->role, cell->over, term->depth);
	int pair = term->depth == DEPTH_NONE
			   ? 0
			   : pair_of(term, color_of_curses(look.fg), color_of_curses(look.bg));
	wchar_t text[CCHARW_MAX + 1] = { 0 };
	size_t len = strlen(cell->text), count = 0;
	cchar_t out;

	for (size_t i = 0; i < len && count < CCHARW_MAX;) {
		uint32_t cp;

		i += text_decode(cell->text + i, len - i, &cp);
		text[count++] = (wchar_t)cp;
	}
	setcchar(&out, text, attrs_of(term, look.attrs), (short)(pair > 32767 ? 0 : pair), &pair);
	mvadd_wch(row, col, &out);
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	return a->role == b->role && a->over == b->over && a->width == b->width &&
	       strcmp(a->text, b->text) == 0;
}

static void keep_shown(struct terminal *term, const struct grid *grid)
{
	size_t count = (size_t)grid->width * (size_t)grid->height;

	if (!term->shown)
		term->shown = grid_new(grid->width, grid->height, grid->utf8);
	memcpy(term->shown->cells, grid->cells, count * sizeof(*grid->cells));
}

void term_paint(struct terminal *term, const struct grid *grid, const struct theme *theme)
{
	const struct grid *shown = term->shown;

	if (term->away)
		return;
	if (shown && (shown->width != grid->width || shown->height != grid->height))
		shown = NULL;
	if (!shown) {
		grid_free(term->shown);
		term->shown = NULL;
		werase(stdscr);
	}
	for (int row = 0; row < grid->height; row++) {
		for (int col = 0; col < grid->width; col++) {
			const struct cell *cell = grid_cell(grid, row, col);

			if (cell->width > 0 &&
			    !(shown && same_cell(cell, grid_cell(shown, row, col))))
				paint_cell(term, row, col, cell, theme);
		}
	}
	keep_shown(term, grid);
	leaveok(stdscr, grid->cursor_row < 0);
	if (grid->cursor_row >= 0)
		move(grid->cursor_row, grid->cursor_col);
	curs_set(grid->cursor_row >= 0);
	wnoutrefresh(stdscr);
	doupdate();
}

void term_redraw(struct terminal *term)
{
	grid_free(term->shown);
	term->shown = NULL;
	clearok(curscr, TRUE);
}

void term_bell(struct terminal *term)
{
	(void)term;
	beep();
}

void term_leave(struct terminal *term)
{
	if (term->away)
		return;
	term->away = true;
	if (term->bracketed_paste)
		write_all("\033[?2004l", 8);
	curs_set(1);
	endwin();
	rescue.active = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &term->before);
}

void term_enter(struct terminal *term)
{
	if (!term->away)
		return;
	term->away = false;
	rescue.active = 1;
	reset_prog_mode();
	term_resized(term);
	take_modes(term);
	term_redraw(term);
}

static void add_base64(struct strbuf *out, const char *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)bytes;

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		unsigned group = (unsigned)p[i] << 16 | (have > 1 ? (unsigned)p[i + 1] << 8 : 0) |
				 (have > 2 ? p[i + 2] : 0u);

		for (size_t k = 0; k < 4; k++)
			strbuf_addch(out, k <= have ? digits[group >> (18 - 6 * k) & 63] : '=');
	}
}

static void copy_plain(const struct strbuf *encoded)
{
	write_all("\033]52;c;", 7);
	write_all(encoded->buf, encoded->len);
	write_all("\033\\", 2);
}

/* screen passes on what stands between DCS and ST, in pieces of limited size. */
static void copy_through_screen(const struct strbuf *encoded)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addstr(&text, "\033]52;c;");
	strbuf_add(&text, encoded->buf, encoded->len);
	strbuf_addstr(&text, "\007");
	for (size_t i = 0; i < text.len; i += SCREEN_CHUNK_BYTES) {
		size_t rest = text.len - i;

		write_all("\033P", 2);
		write_all(text.buf + i, rest < SCREEN_CHUNK_BYTES ? rest : SCREEN_CHUNK_BYTES);
		write_all("\033\\", 2);
	}
	strbuf_release(&text);
}

bool term_copy(struct terminal *term, const char *bytes, size_t len, struct err *err)
{
	struct strbuf clean = STRBUF_INIT, encoded = STRBUF_INIT;
	bool ok = false;

	if (!term->bracketed_paste) {
		err_set(err, ERR_REFUSED, "this terminal (%s) has no clipboard", term->name);
		goto out;
	}
	text_clean_lines(&clean, bytes, len);
	add_base64(&encoded, clean.buf, clean.len);
	if (encoded.len > COPY_LIMIT_BYTES) {
		err_set(err, ERR_REFUSED,
			"%zu bytes are more than terminals take; use binnacle --batch show",
			clean.len);
		goto out;
	}
	if (getenv("STY"))
		copy_through_screen(&encoded);
	else
		copy_plain(&encoded);
	ok = true;
out:
	strbuf_release(&clean);
	strbuf_release(&encoded);
	return ok;
}
