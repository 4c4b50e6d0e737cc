/* A pattern is rewritten before PCRE2 sees it: what RE2 refuses is refused here, and the few
 * escapes that mean something else are spelled out. Everything else is the same in both. */
#include "binnacle/base/match.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "binnacle/base/mem.h"

#define MATCH_STEPS_MAX 5000000
#define MATCH_DEPTH_MAX 20000
#define MATCH_HEAP_KIB  65536
#define REPEAT_MAX      1000 /* of RE2 */
#define NESTING_MAX     200

struct regex {
	pcre2_code *code;
	pcre2_match_context *limits;
};

/* The end of the set that starts at `[`, or NULL when it has none. */
static const char *set_end(const char *at)
{
	at++;
	if (*at == '!' || *at == '^')
		at++;
	if (*at == ']')
		at++;
	while (*at && *at != ']')
		at++;
	return *at ? at : NULL;
}

static bool set_holds(const char *at, const char *end, char c)
{
	bool negated = at[1] == '!' || at[1] == '^', found = false;

	for (at += negated ? 2 : 1; at < end; at++) {
		unsigned char low = (unsigned char)*at, high = low;

		if (at + 2 < end && at[1] == '-') {
			high = (unsigned char)at[2];
			at += 2;
		}
		found = found || ((unsigned char)c >= low && (unsigned char)c <= high);
	}
	return found != negated;
}

/* Does one element of the pattern take one byte? Steps *pattern over the element. */
static bool glob_one(const char **pattern, char c)
{
	const char *at = *pattern, *end;

	if (*at == '[' && (end = set_end(at))) {
		*pattern = end + 1;
		return set_holds(at, end, c);
	}
	if (*at == '?') {
		*pattern = at + 1;
		return true;
	}
	if (*at == '\\' && at[1])
		at++;
	*pattern = at + 1;
	return *at == c;
}

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		const char *next = pattern;

		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern && glob_one(&next, *text)) {
			pattern = next;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* One pattern on its way from RE2's syntax to PCRE2's. */
struct rewrite {
	const char *start, *at, *end;
	struct strbuf out;
	const char *repetition; /* the last thing, if it was one: another one is refused */
	bool has_atom;          /* there is something to repeat */
	int depth;
	struct err *err;
};

static bool refuse(struct rewrite *rewrite, const char *what, const char *from, const char *to)
{
	return err_set(rewrite->err, ERR_INPUT, "error parsing regexp: %s: `%.*s`", what,
		       (int)(to - from), from);
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Does the engine know \p{...}? */
static bool is_property(const char *text, size_t len)
{
	PCRE2_SIZE offset;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, len, PCRE2_UTF, &error, &offset, NULL);

	pcre2_code_free(code);
	return code != NULL;
}

static bool rewrite_property(struct rewrite *rewrite, const char *start)
{
	const char *close = rewrite->at;

	if (rewrite->at < rewrite->end && *rewrite->at == '{')
		close = memchr(rewrite->at, '}', (size_t)(rewrite->end - rewrite->at));
	if (!close || close == rewrite->end)
		return refuse(rewrite, "invalid character class range", start, rewrite->end);
	rewrite->at = close + 1;
	if (!is_property(start, (size_t)(rewrite->at - start)))
		return refuse(rewrite, "invalid character class range", start, rewrite->at);
	strbuf_add(&rewrite->out, start, (size_t)(rewrite->at - start));
	return true;
}

/* \x41 or \x{41} */
static bool rewrite_hex(struct rewrite *rewrite, const char *start)
{
	bool braces = rewrite->at < rewrite->end && *rewrite->at == '{';
	unsigned value = 0, digits = 0;

	rewrite->at += braces;
	while (rewrite->at < rewrite->end && (braces || digits < 2)) {
		char c = *rewrite->at++;

		if (braces && c == '}' && digits) {
			strbuf_addf(&rewrite->out, "\\x{%x}", value);
			return true;
		}
		if (!isxdigit((unsigned char)c))
			return refuse(rewrite, "invalid escape sequence", start, rewrite->at);
		value = value * 16 +
			(unsigned)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
		digits++;
		if (value > 0x10ffff)
			return refuse(rewrite, "invalid escape sequence", start, rewrite->at);
	}
	if (braces || digits < 2)
		return refuse(rewrite, "invalid escape sequence", start, rewrite->at);
	strbuf_addf(&rewrite->out, "\\x{%x}", value);
	return true;
}

static bool rewrite_octal(struct rewrite *rewrite, const char *start)
{
	unsigned value = (unsigned)(start[1] - '0');

	/* \1 to \7 alone would be references back. */
	if (start[1] != '0' && (rewrite->at == rewrite->end || !is_octal(*rewrite->at)))
		return refuse(rewrite, "invalid escape sequence", start, rewrite->at);
	for (int i = 0; i < 2 && rewrite->at < rewrite->end && is_octal(*rewrite->at); i++)
		value = value * 8 + (unsigned)(*rewrite->at++ - '0');
	strbuf_addf(&rewrite->out, "\\x{%x}", value);
	return true;
}

static bool rewrite_quote(struct rewrite *rewrite)
{
	for (; rewrite->at < rewrite->end; rewrite->at++) {
		if (rewrite->end - rewrite->at >= 2 && rewrite->at[0] == '\\' &&
		    rewrite->at[1] == 'E') {
			rewrite->at += 2;
			break;
		}
		if (ispunct((unsigned char)*rewrite->at))
			strbuf_addch(&rewrite->out, '\\');
		strbuf_addch(&rewrite->out, *rewrite->at);
	}
	return true;
}

/* RE2 repeats assertions, PCRE2 only groups that hold one. */
static bool add_assertion(struct rewrite *rewrite, const char *text, size_t len)
{
	bool repeats = rewrite->at < rewrite->end && *rewrite->at && strchr("*+?{", *rewrite->at);

	strbuf_addstr(&rewrite->out, repeats ? "(?:" : "");
	strbuf_add(&rewrite->out, text, len);
	strbuf_addstr(&rewrite->out, repeats ? ")" : "");
	return true;
}

static bool is_class_name(const char *name, size_t len)
{
	static const char *const names[] = { "alnum", "alpha", "ascii", "blank", "cntrl",
					     "digit", "graph", "lower", "print", "punct",
					     "space", "upper", "word",  "xdigit" };

	if (len && *name == '^') {
		name++;
		len--;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return true;
	return false;
}

static bool rewrite_escape(struct rewrite *rewrite, bool in_class)
{
	const char *start = rewrite->at++;
	char c;

	if (rewrite->at == rewrite->end)
		return err_set(rewrite->err, ERR_INPUT,
			       "error parsing regexp: trailing backslash at end of expression: ``");
	c = *rewrite->at++;
	switch (c) {
	case 's':
		strbuf_addstr(&rewrite->out, in_class ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]");
		return true;
	case 'S':
		if (in_class)
			strbuf_addstr(&rewrite->out, "\\S\\x0b");
		else
			strbuf_addstr(&rewrite->out, "[^\\t\\n\\f\\r ]");
		return true;
	case 'v':
		strbuf_addstr(&rewrite->out, "\\x0b");
		return true;
	case 'p':
	case 'P':
		return rewrite_property(rewrite, start);
	case 'Q':
		return rewrite_quote(rewrite);
	case 'A':
	case 'b':
	case 'B':
	case 'z':
		if (in_class)
			return refuse(rewrite, "invalid escape sequence", start, rewrite->at);
		return add_assertion(rewrite, start, 2);
	case 'x':
		return rewrite_hex(rewrite, start);
	case 'd':
	case 'D':
	case 'w':
	case 'W':
	case 'a':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		break;
	default:
		if (is_octal(c))
			return rewrite_octal(rewrite, start);
		if (isalnum((unsigned char)c) || (unsigned char)c >= 0x80)
			return refuse(rewrite, "invalid escape sequence", start, rewrite->at);
		break;
	}
	strbuf_add(&rewrite->out, start, 2);
	return true;
}

static bool rewrite_class(struct rewrite *rewrite)
{
	const char *start = rewrite->at;
	bool first = true;

	strbuf_addch(&rewrite->out, *rewrite->at++);
	if (rewrite->at < rewrite->end && *rewrite->at == '^')
		strbuf_addch(&rewrite->out, *rewrite->at++);
	if (rewrite->at < rewrite->end && *rewrite->at == ':') { /* "[:" alone is no class */
		strbuf_addstr(&rewrite->out, "\\:");
		rewrite->at++;
		first = false;
	}
	for (; rewrite->at < rewrite->end; first = false) {
		char c = *rewrite->at;

		if (c == ']' && !first) {
			strbuf_addch(&rewrite->out, *rewrite->at++);
			return true;
		}
		if (c == '\\') {
			if (!rewrite_escape(rewrite, true))
				return false;
			continue;
		}
		if (c == '[' && rewrite->end - rewrite->at > 2 && rewrite->at[1] == ':') {
			const char *close = memmem(
				rewrite->at + 2, (size_t)(rewrite->end - rewrite->at - 2), ":]", 2);

			if (close &&
			    !is_class_name(rewrite->at + 2, (size_t)(close - rewrite->at - 2)))
				return refuse(rewrite, "invalid character class range", rewrite->at,
					      close + 2);
			if (close) {
				strbuf_add(&rewrite->out, rewrite->at,
					   (size_t)(close + 2 - rewrite->at));
				rewrite->at = close + 2;
				continue;
			}
		}
		if (rewrite->end - rewrite->at > 2 && rewrite->at[1] == '-' &&
		    rewrite->at[2] != ']' && rewrite->at[2] != '\\' && c > 0 &&
		    rewrite->at[2] > 0 && rewrite->at[2] < c)
			return refuse(rewrite, "invalid character class range", rewrite->at,
				      rewrite->at + 3);
		if (c == '[' || (c == ']' && first))
			strbuf_addch(&rewrite->out, '\\');
		strbuf_addch(&rewrite->out, *rewrite->at++);
	}
	return refuse(rewrite, "missing closing ]", start, rewrite->end);
}

/* "(?:", "(?i)", "(?P<name>" and "(?<name>" are RE2's; all else after "(?" is Perl's alone. */
static bool rewrite_group(struct rewrite *rewrite)
{
	const char *start = rewrite->at, *at = start + 1, *name;

	if (++rewrite->depth > NESTING_MAX)
		return err_set(rewrite->err, ERR_INPUT,
			       "error parsing regexp: expression nests too deeply");
	rewrite->has_atom = false;
	if (at < rewrite->end && *at == '*')
		return refuse(rewrite, "missing argument to repetition operator", at, at + 1);
	if (at == rewrite->end || *at != '?') {
		strbuf_addch(&rewrite->out, '(');
		rewrite->at = at;
		return true;
	}
	at++;
	name = at + (at < rewrite->end && *at == 'P');
	if (name < rewrite->end && *name == '<' && name + 1 < rewrite->end && name[1] != '=' &&
	    name[1] != '!') {
		const char *close = memchr(name, '>', (size_t)(rewrite->end - name));

		if (!close)
			return refuse(rewrite, "invalid named capture", start, rewrite->end);
		strbuf_addstr(&rewrite->out, "(?P");
		strbuf_add(&rewrite->out, name, (size_t)(close + 1 - name));
		rewrite->at = close + 1;
		return true;
	}
	while (at < rewrite->end && *at && strchr("imsU-", *at))
		at++;
	if (at == rewrite->end)
		return refuse(rewrite, "invalid or unsupported Perl syntax", start, at);
	if (*at != ':' && (*at != ')' || at == start + 2))
		return refuse(rewrite, "invalid or unsupported Perl syntax", start, at + 1);
	for (const char *flag = start; flag <= at; flag++)
		strbuf_addch(&rewrite->out, *flag);
	if (*at == ')')
		rewrite->depth--;
	rewrite->at = at + 1;
	return true;
}

/* "{2,5}" with numbers that RE2 accepts; anything else in braces is text. */
static const char *repeat_end(const char *at, const char *end, bool *too_many)
{
	long low = 0, high;
	const char *digits = ++at;

	for (; at < end && isdigit((unsigned char)*at); at++)
		low = low > REPEAT_MAX ? low : low * 10 + (*at - '0');
	if (at == digits)
		return NULL;
	high = low;
	if (at < end && *at == ',') {
		digits = ++at;
		for (high = 0; at < end && isdigit((unsigned char)*at); at++)
			high = high > REPEAT_MAX ? high : high * 10 + (*at - '0');
		if (at == digits)
			high = low;
	}
	if (at == end || *at != '}')
		return NULL;
	*too_many = low > REPEAT_MAX || high > REPEAT_MAX || high < low;
	return at + 1;
}

/* False: refused. *was: it was a repetition. */
static bool rewrite_repetition(struct rewrite *rewrite, bool *was)
{
	const char *start = rewrite->at, *after = start + 1;
	bool too_many = false;

	*was = *start && strchr("*+?{", *start);
	if (!*was)
		return true;
	if (*start == '{') {
		after = repeat_end(start, rewrite->end, &too_many);
		if (!after) {
			*was = false;
			return true;
		}
		if (too_many)
			return refuse(rewrite, "invalid repeat count", start, after);
	}
	if (after < rewrite->end && *after == '?')
		after++;
	if (!rewrite->has_atom)
		return refuse(rewrite, "missing argument to repetition operator", start, after);
	if (rewrite->repetition)
		return refuse(rewrite, "invalid nested repetition operator", rewrite->repetition,
			      after);
	strbuf_add(&rewrite->out, start, (size_t)(after - start));
	rewrite->at = after;
	return true;
}

static bool rewrite_one(struct rewrite *rewrite)
{
	const char *start = rewrite->at;
	bool was_repetition;

	if (!rewrite_repetition(rewrite, &was_repetition))
		return false;
	rewrite->repetition = was_repetition ? start : NULL;
	if (was_repetition)
		return true;
	switch (*rewrite->at) {
	case '\\':
		rewrite->has_atom = true;
		return rewrite_escape(rewrite, false);
	case '[':
		rewrite->has_atom = true;
		return rewrite_class(rewrite);
	case '(':
		return rewrite_group(rewrite);
	case ')':
		if (rewrite->depth-- == 0)
			return refuse(rewrite, "unexpected )", rewrite->start, rewrite->end);
		rewrite->has_atom = true;
		break;
	case '^':
	case '$':
		rewrite->has_atom = true;
		rewrite->at++;
		return add_assertion(rewrite, start, 1);
	case '|':
		rewrite->has_atom = false;
		break;
	case '{':
		strbuf_addch(&rewrite->out, '\\');
		rewrite->has_atom = true;
		break;
	default:
		rewrite->has_atom = true;
		break;
	}
	strbuf_addch(&rewrite->out, *rewrite->at++);
	return true;
}

static bool rewrite_pattern(const char *pattern, size_t len, struct strbuf *out, struct err *err)
{
	struct rewrite rewrite = {
		.start = pattern, .at = pattern, .end = pattern + len, .err = err
	};

	strbuf_init(&rewrite.out);
	while (rewrite.at < rewrite.end) {
		if (!rewrite_one(&rewrite)) {
			strbuf_release(&rewrite.out);
			return false;
		}
	}
	*out = rewrite.out;
	if (rewrite.depth == 0)
		return true;
	return refuse(&rewrite, "missing closing )", pattern, pattern + len);
}

struct regex *regex_compile(const char *pattern, size_t len, struct err *err)
{
	uint32_t options =
		PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_DUPNAMES;
	struct strbuf rewritten = STRBUF_INIT;
	struct regex *regex;
	pcre2_code *code;
	PCRE2_SIZE offset;
	int error;

	if (!rewrite_pattern(pattern, len, &rewritten, err)) {
		strbuf_release(&rewritten);
		return NULL;
	}
	code = pcre2_compile((PCRE2_SPTR)rewritten.buf, rewritten.len, options, &error, &offset,
			     NULL);
	strbuf_release(&rewritten);
	if (!code) {
		PCRE2_UCHAR message[160];

		/* Negative: the pattern is no UTF-8. */
		pcre2_get_error_message(error, message, sizeof(message));
		err_set(err, ERR_INPUT, "error parsing regexp: %s: `%.*s`",
			error < 0 ? "invalid UTF-8" : (char *)message, (int)len, pattern);
		return NULL;
	}
	regex = xcalloc(1, sizeof(*regex));
	regex->code = code;
	regex->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(regex->limits, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(regex->limits, MATCH_DEPTH_MAX);
	pcre2_set_heap_limit(regex->limits, MATCH_HEAP_KIB);
	return regex;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_code_free(regex->code);
	pcre2_match_context_free(regex->limits);
	free(regex);
}

/* One match from `start` on. False: an error; *found says whether there was one. */
static bool find(const struct regex *regex, const char *text, size_t len, size_t start,
		 uint32_t options, pcre2_match_data *data, bool *found, struct err *err)
{
	int result = pcre2_match(regex->code, (PCRE2_SPTR)text, len, start, options, data,
				 regex->limits);

	*found = result >= 0;
	if (result >= 0 || result == PCRE2_ERROR_NOMATCH)
		return true;
	if (result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_DEPTHLIMIT ||
	    result == PCRE2_ERROR_HEAPLIMIT)
		return err_set(err, ERR_INPUT,
			       "the regular expression takes too long on this text");
	return err_set(err, ERR_INPUT, "the regular expression cannot be matched (%d)", result);
}

bool regex_match(const struct regex *regex, const char *text, size_t len, bool *matches,
		 struct err *err)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(regex->code, NULL);
	bool fine = find(regex, text, len, 0, 0, data, matches, err);

	pcre2_match_data_free(data);
	return fine;
}

static size_t step_over(const char *text, size_t len, size_t at)
{
	at++;
	while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

/* Matches from left to right; an empty one directly after another match does not count. */
static bool each_match(const struct regex *regex, const char *text, size_t len,
		       bool (*fn)(void *, const size_t *, uint32_t), void *arg, struct err *err)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(regex->code, NULL);
	size_t at = 0, last_end = SIZE_MAX;
	bool fine = true, found = true;

	while (fine && at <= len) {
		const PCRE2_SIZE *groups;

		fine = find(regex, text, len, at, 0, data, &found, err);
		if (!fine || !found)
			break;
		groups = pcre2_get_ovector_pointer(data);
		if (groups[1] == groups[0] && groups[0] == last_end) {
			at = step_over(text, len, at);
			last_end = SIZE_MAX;
			continue;
		}
		if (!fn(arg, groups, pcre2_get_ovector_count(data)))
			break;
		last_end = groups[1];
		at = groups[1] > groups[0] ? groups[1] : step_over(text, len, groups[1]);
	}
	pcre2_match_data_free(data);
	return fine;
}

struct each {
	regex_match_fn *fn;
	void *arg;
};

static bool call_each(void *arg, const size_t *groups, uint32_t count)
{
	struct each *each = arg;

	(void)count;
	return each->fn(each->arg, groups[0], groups[1]);
}

bool regex_each(const struct regex *regex, const char *text, size_t len, regex_match_fn *fn,
		void *arg, struct err *err)
{
	struct each each = { fn, arg };

	return each_match(regex, text, len, call_each, &each, err);
}

struct replace {
	const struct regex *regex;
	const char *text, *to;
	size_t to_len, done;
	struct strbuf *out;
};

static int group_number(const struct regex *regex, const char *name, size_t len)
{
	char copy[64];
	long number = 0;
	bool digits = len > 0;

	if (len >= sizeof(copy))
		return -1;
	for (size_t i = 0; i < len; i++) {
		digits = digits && isdigit((unsigned char)name[i]);
		if (digits && number < 100000)
			number = number * 10 + (name[i] - '0');
	}
	if (digits)
		return (int)number;
	memcpy(copy, name, len);
	copy[len] = '\0';
	return pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)copy);
}

/* The name after a dollar sign; returns the bytes used, 0: not a reference. */
static size_t reference(const char *at, size_t len, const char **name, size_t *name_len)
{
	bool braced = len && at[0] == '{';
	size_t end = braced;

	while (end < len && (isalnum((unsigned char)at[end]) || at[end] == '_'))
		end++;
	*name = at + braced;
	*name_len = end - braced;
	if (!*name_len || (braced && (end == len || at[end] != '}')))
		return 0;
	return end + braced;
}

static bool replace_one(void *arg, const size_t *groups, uint32_t count)
{
	struct replace *replace = arg;
	const char *to = replace->to, *name;
	size_t name_len, used;

	strbuf_add(replace->out, replace->text + replace->done, groups[0] - replace->done);
	replace->done = groups[1];
	for (size_t i = 0; i < replace->to_len; i++) {
		int number;

		if (to[i] != '$') {
			strbuf_addch(replace->out, to[i]);
			continue;
		}
		if (i + 1 < replace->to_len && to[i + 1] == '$') {
			strbuf_addch(replace->out, '$');
			i++;
			continue;
		}
		used = reference(to + i + 1, replace->to_len - i - 1, &name, &name_len);
		if (!used) {
			strbuf_addch(replace->out, '$');
			continue;
		}
		number = group_number(replace->regex, name, name_len);
		if (number >= 0 && (uint32_t)number < count && groups[2 * number] != PCRE2_UNSET)
			strbuf_add(replace->out, replace->text + groups[2 * number],
				   groups[2 * number + 1] - groups[2 * number]);
		i += used;
	}
	return true;
}

bool regex_replace_all(const struct regex *regex, const char *text, size_t len, const char *to,
		       size_t to_len, struct strbuf *out, struct err *err)
{
	struct replace replace = { regex, text, to, to_len, 0, out };

	if (!each_match(regex, text, len, replace_one, &replace, err))
		return false;
	strbuf_add(out, text + replace.done, len - replace.done);
	return true;
}
