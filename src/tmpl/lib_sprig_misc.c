/* Paths, environment, regular expressions, JSON, digests and chance, in the ways of the Sprig
 * library. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "binnacle/base/match.h"
#include "format.h"
#include "go_json.h"
#include "sprig.h"

#define RANDOM_MAX (1 << 20) /* characters */

static const struct tmpl_value *text_value(struct call *call, const char *text, size_t len)
{
	return tmpl_string(call->arena, text, len);
}

/* Elements "", "." and ".." resolved, as Go's path.Clean does. */
static void clean_path(struct strbuf *out, const char *path, size_t len)
{
	const char *at = path, *end = path + len;
	bool rooted = len && *path == '/';
	size_t floor; /* what ".." does not take away */

	if (rooted)
		strbuf_addch(out, '/');
	floor = out->len;
	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t part = (size_t)((slash ? slash : end) - at);

		if (part == 2 && memcmp(at, "..", 2) == 0) {
			if (out->len > floor) {
				while (out->len > floor && out->buf[out->len - 1] != '/')
					strbuf_setlen(out, out->len - 1);
				if (out->len > floor)
					strbuf_setlen(out, out->len - 1);
			} else if (!rooted) {
				strbuf_addstr(out, out->len ? "/.." : "..");
				floor = out->len;
			}
		} else if (part && !(part == 1 && *at == '.')) {
			if (out->len && out->buf[out->len - 1] != '/')
				strbuf_addch(out, '/');
			strbuf_add(out, at, part);
		}
		at += part + 1;
	}
	if (!out->len)
		strbuf_addch(out, '.');
}

static const struct tmpl_value *misc_clean(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	clean_path(&out, arg_str(call, 0), arg_len(call, 0));
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *misc_dir(struct call *call)
{
	const char *text = arg_str(call, 0);
	size_t len = arg_len(call, 0);
	struct strbuf out = STRBUF_INIT;

	while (len && text[len - 1] != '/')
		len--;
	clean_path(&out, text, len);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *misc_base(struct call *call)
{
	const char *text = arg_str(call, 0);
	size_t len = arg_len(call, 0), start;

	if (!len)
		return text_value(call, ".", 1);
	while (len && text[len - 1] == '/')
		len--;
	if (!len)
		return text_value(call, "/", 1);
	for (start = len; start && text[start - 1] != '/'; start--)
		;
	return text_value(call, text + start, len - start);
}

static const struct tmpl_value *misc_ext(struct call *call)
{
	const char *text = arg_str(call, 0);
	size_t len = arg_len(call, 0);

	for (size_t at = len; at && text[at - 1] != '/'; at--)
		if (text[at - 1] == '.')
			return text_value(call, text + at - 1, len - at + 1);
	return text_value(call, "", 0);
}

static const struct tmpl_value *misc_is_abs(struct call *call)
{
	return tmpl_bool(arg_len(call, 0) && arg_str(call, 0)[0] == '/');
}

static bool is_name(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static void add_variable(struct call *call, struct strbuf *out, const char *name, size_t len)
{
	const struct tmpl_source *source = call_source(call);
	char *copy = arena_strndup(call->arena, name, len);
	const char *value = source->env ? source->env(source->arg, copy) : NULL;

	strbuf_addstr(out, value ? value : "");
}

/* $NAME and ${NAME}; also $1, $*, $# and the like, which are single characters. */
static const struct tmpl_value *misc_expandenv(struct call *call)
{
	const char *at = arg_str(call, 0), *end = at + arg_len(call, 0);
	struct strbuf out = STRBUF_INIT;

	while (at < end) {
		const char *name, *close;

		if (*at != '$' || at + 1 == end) {
			strbuf_addch(&out, *at++);
			continue;
		}
		name = ++at;
		if (*name == '{') {
			close = memchr(name, '}', (size_t)(end - name));
			if (close && close > name + 1)
				add_variable(call, &out, name + 1, (size_t)(close - name - 1));
			at = close ? close + 1 : name + 1;
			continue;
		}
		if (strchr("*#$@!?-0123456789", *name)) {
			at++;
		} else {
			while (at < end && is_name(*at))
				at++;
			if (at == name) {
				strbuf_addch(&out, '$'); /* nobody's name: it stays */
				continue;
			}
		}
		add_variable(call, &out, name, (size_t)(at - name));
	}
	return tmpl_string_from(call->arena, &out);
}

static bool is_must(const struct call *call)
{
	return strncmp(call->func->name, "sprig_must", strlen("sprig_must")) == 0;
}

/* NULL: failed; functions without "must" panic with another message. */
static struct regex *compile(struct call *call)
{
	struct err err = { 0 };
	struct regex *regex = regex_compile(arg_str(call, 0), arg_len(call, 0), &err);

	if (regex)
		return regex;
	if (is_must(call))
		call_fail(call, "%s", err.msg);
	else
		call_fail(call, "regexp: Compile(`%s`): %s", arg_str(call, 0), err.msg);
	return NULL;
}

static const struct tmpl_value *misc_regex_match(struct call *call)
{
	struct err err = { 0 };
	struct regex *regex = regex_compile(arg_str(call, 0), arg_len(call, 0), &err);
	bool matches = false, fine = regex != NULL;

	if (regex)
		fine = regex_match(regex, arg_str(call, 1), arg_len(call, 1), &matches, &err);
	regex_free(regex);
	if (!fine && is_must(call))
		return call_fail(call, "%s", err.msg);
	return tmpl_bool(matches);
}

struct finder {
	struct call *call;
	struct tmpl_value *list;
	const char *text;
	int64_t left;       /* negative: all */
	size_t start, done; /* of the match before */
};

static bool take_match(void *arg, size_t start, size_t end)
{
	struct finder *finder = arg;

	if (finder->left == 0)
		return false;
	tmpl_list_add(finder->call->arena, finder->list,
		      text_value(finder->call, finder->text + start, end - start));
	finder->left -= finder->left > 0;
	return finder->left != 0;
}

/* False: failed. */
static bool find_all(struct call *call, struct finder *finder, regex_match_fn *fn, size_t text)
{
	struct regex *regex = compile(call);
	struct err err = { 0 };
	bool fine;

	if (!regex)
		return false;
	finder->call = call;
	finder->text = arg_str(call, text);
	fine = regex_each(regex, arg_str(call, text), arg_len(call, text), fn, finder, &err);
	regex_free(regex);
	if (!fine)
		call_fail(call, "%s", err.msg);
	return fine;
}

static const struct tmpl_value *misc_regex_find(struct call *call)
{
	struct finder finder = { .list = tmpl_list_new(call->arena, &tmpl_type_strings),
				 .left = 1 };

	if (!find_all(call, &finder, take_match, 1))
		return NULL;
	return finder.list->u.list.count ? finder.list->u.list.items[0] : text_value(call, "", 0);
}

static const struct tmpl_value *misc_regex_find_all(struct call *call)
{
	struct finder finder = { .list = tmpl_list_new(call->arena, &tmpl_type_strings),
				 .left = call->args[2]->u.integer };

	finder.list->u.list.null = true;
	return find_all(call, &finder, take_match, 1) ? finder.list : NULL;
}

static bool take_between(void *arg, size_t start, size_t end)
{
	struct finder *finder = arg;

	if (finder->left > 0 && (int64_t)finder->list->u.list.count == finder->left - 1)
		return false;
	if (end != 0)
		tmpl_list_add(finder->call->arena, finder->list,
			      text_value(finder->call, finder->text + finder->done,
					 start - finder->done));
	finder->start = start;
	finder->done = end;
	return true;
}

static const struct tmpl_value *misc_regex_split(struct call *call)
{
	struct finder finder = { .list = tmpl_list_new(call->arena, &tmpl_type_strings),
				 .left = call->args[2]->u.integer };
	size_t len = arg_len(call, 1);

	if (finder.left == 0) {
		struct regex *regex = compile(call);

		regex_free(regex);
		return regex ? tmpl_zero(call->arena, &tmpl_type_strings) : NULL;
	}
	if (arg_len(call, 0) && !len) {
		struct regex *regex = compile(call);

		tmpl_list_add(call->arena, finder.list, call->args[1]);
		regex_free(regex);
		return regex ? finder.list : NULL;
	}
	if (!find_all(call, &finder, take_between, 1))
		return NULL;
	if (finder.start != len)
		tmpl_list_add(call->arena, finder.list,
			      text_value(call, finder.text + finder.done, len - finder.done));
	return finder.list;
}

static const struct tmpl_value *replace_matches(struct call *call, const char *to, size_t to_len)
{
	struct regex *regex = compile(call);
	struct strbuf out = STRBUF_INIT;
	struct err err = { 0 };
	bool fine;

	if (!regex)
		return NULL;
	fine = regex_replace_all(regex, arg_str(call, 1), arg_len(call, 1), to, to_len, &out, &err);
	regex_free(regex);
	if (fine)
		return tmpl_string_from(call->arena, &out);
	strbuf_release(&out);
	return call_fail(call, "%s", err.msg);
}

static const struct tmpl_value *misc_regex_replace(struct call *call)
{
	return replace_matches(call, arg_str(call, 2), arg_len(call, 2));
}

static const struct tmpl_value *misc_regex_replace_literal(struct call *call)
{
	const struct tmpl_value *result;
	struct strbuf to = STRBUF_INIT;

	for (size_t i = 0; i < arg_len(call, 2); i++) {
		if (arg_str(call, 2)[i] == '$')
			strbuf_addch(&to, '$');
		strbuf_addch(&to, arg_str(call, 2)[i]);
	}
	result = replace_matches(call, to.buf, to.len);
	strbuf_release(&to);
	return result;
}

static const struct tmpl_value *misc_regex_quote(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < arg_len(call, 0); i++) {
		char c = arg_str(call, 0)[i];

		if (c && strchr("\\.+*?()|[]{}^$", c))
			strbuf_addch(&out, '\\');
		strbuf_addch(&out, c);
	}
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *misc_from_json(struct call *call)
{
	struct strbuf message = STRBUF_INIT;
	const struct tmpl_value *value;

	if (!call_has_room(call, arg_len(call, 0)))
		return NULL;
	value = go_json_parse(call->arena, arg_str(call, 0), arg_len(call, 0), &message);
	if (!value && is_must(call))
		call_fail(call, "%s", message.buf);
	else if (!value)
		value = tmpl_nil();
	strbuf_release(&message);
	return value;
}

static const struct tmpl_value *to_json(struct call *call, bool pretty, bool escape_html)
{
	struct strbuf out = STRBUF_INIT, message = STRBUF_INIT;
	bool fine = go_json_print(&out, call->args[0], pretty, escape_html, &message);

	if (!fine && (is_must(call) || !escape_html)) {
		call_fail(call, "%s", message.buf);
		strbuf_release(&out);
		strbuf_release(&message);
		return NULL;
	}
	strbuf_release(&message);
	if (!fine)
		strbuf_reset(&out);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *misc_to_json(struct call *call)
{
	return to_json(call, false, true);
}

static const struct tmpl_value *misc_to_pretty_json(struct call *call)
{
	return to_json(call, true, true);
}

static const struct tmpl_value *misc_to_raw_json(struct call *call)
{
	return to_json(call, false, false);
}

static const struct tmpl_value *misc_adler32(struct call *call)
{
	uint32_t a = 1, b = 0;

	for (size_t i = 0; i < arg_len(call, 0); i++) {
		a = (a + (unsigned char)arg_str(call, 0)[i]) % 65521;
		b = (b + a) % 65521;
	}
	return tmpl_str(call->arena, arena_printf(call->arena, "%lu", (unsigned long)b << 16 | a));
}

static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static const struct tmpl_value *misc_base32_encode(struct call *call)
{
	const unsigned char *bytes = (const unsigned char *)arg_str(call, 0);
	size_t len = arg_len(call, 0);
	struct strbuf out = STRBUF_INIT;

	for (size_t at = 0; at < len; at += 5) {
		uint64_t group = 0;
		size_t taken = len - at < 5 ? len - at : 5, digits = (taken * 8 + 4) / 5;

		for (size_t i = 0; i < 5; i++)
			group = group << 8 | (i < taken ? bytes[at + i] : 0);
		for (size_t i = 0; i < 8; i++)
			strbuf_addch(&out,
				     i < digits ? base32_digits[group >> (35 - 5 * i) & 31] : '=');
	}
	return tmpl_string_from(call->arena, &out);
}

/* One group of eight characters at *at, which may end in padding. The bytes it holds; 0: malformed
 * at *bad. */
static size_t decode_group(const char *text, size_t len, size_t *at, uint64_t *group, size_t *bad)
{
	static const size_t bytes_of[] = { 0, 0, 1, 0, 2, 3, 0, 4, 5 };
	size_t start = *at;

	*group = 0;
	for (size_t i = 0; i < 8; i++) {
		const char *digit;
		size_t left;

		*bad = start;
		if (*at == len)
			return 0;
		left = len - ++*at;
		*bad = *at - 1;
		if (text[*at - 1] == '=' && i >= 2 && left < 8) {
			*bad = len;
			if (left + i < 7)
				return 0;
			for (size_t k = 0; k < 7 - i && k < left; k++) {
				*bad = *at + k - 1;
				if (text[*at + k] != '=')
					return 0;
			}
			*bad = *at - 1;
			*group <<= 5 * (8 - i);
			*at = len;
			return bytes_of[i];
		}
		digit = text[*at - 1] ? strchr(base32_digits, text[*at - 1]) : NULL;
		if (!digit)
			return 0;
		*group = *group << 5 | (uint64_t)(digit - base32_digits);
	}
	return 5;
}

static const struct tmpl_value *misc_base32_decode(struct call *call)
{
	size_t at = 0, bad;
	struct strbuf out = STRBUF_INIT, text = STRBUF_INIT;

	for (size_t i = 0; i < arg_len(call, 0); i++)
		if (!strchr("\r\n", arg_str(call, 0)[i]) || !arg_str(call, 0)[i])
			strbuf_addch(&text, arg_str(call, 0)[i]);
	while (at < text.len) {
		uint64_t group;
		size_t count = decode_group(text.buf, text.len, &at, &group, &bad);

		if (!count) {
			strbuf_reset(&out);
			strbuf_addf(&out, "illegal base32 data at input byte %zu", bad);
			break;
		}
		for (size_t i = 0; i < count; i++)
			strbuf_addch(&out, (char)(group >> (32 - 8 * i) & 0xff));
	}
	strbuf_release(&text);
	return tmpl_string_from(call->arena, &out);
}

/* Chance. Each execution gives something else. */

static bool fill(struct call *call, void *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = getrandom((char *)bytes + done, len - done, 0);

		if (got < 0) {
			call_fail(call, "the system gives no random bytes");
			return false;
		}
		done += (size_t)got;
	}
	return true;
}

/* Below `limit`, none of them more likely. False: failed. */
static bool pick(struct call *call, uint64_t limit, uint64_t *number)
{
	uint64_t rest = UINT64_MAX % limit;

	do {
		if (!fill(call, number, sizeof(*number)))
			return false;
	} while (*number >= UINT64_MAX - rest);
	*number %= limit;
	return true;
}

static const struct tmpl_value *random_text(struct call *call, const char *set, size_t set_len)
{
	int64_t count = call->args[0]->u.integer;
	struct strbuf out = STRBUF_INIT;
	uint64_t number;

	if (count < 0)
		return text_value(call, "", 0);
	if (count > RANDOM_MAX)
		return call_fail(call, "more than %d characters", RANDOM_MAX);
	for (int64_t i = 0; i < count; i++) {
		if (!pick(call, set_len, &number)) {
			strbuf_release(&out);
			return NULL;
		}
		strbuf_addch(&out, set[number]);
	}
	return tmpl_string_from(call->arena, &out);
}

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const struct tmpl_value *misc_rand_numeric(struct call *call)
{
	return random_text(call, DIGITS, strlen(DIGITS));
}

static const struct tmpl_value *misc_rand_alpha(struct call *call)
{
	return random_text(call, LETTERS, strlen(LETTERS));
}

static const struct tmpl_value *misc_rand_alpha_num(struct call *call)
{
	return random_text(call, LETTERS DIGITS, strlen(LETTERS DIGITS));
}

static const struct tmpl_value *misc_rand_ascii(struct call *call)
{
	char set[95];

	for (size_t i = 0; i < sizeof(set); i++)
		set[i] = (char)(' ' + i);
	return random_text(call, set, sizeof(set));
}

static const struct tmpl_value *misc_rand_bytes(struct call *call)
{
	int64_t count = call->args[0]->u.integer;
	const struct tmpl_value *bytes;
	char *buffer;

	if (count < 0 || count > RANDOM_MAX)
		return call_fail(call, "runtime error: makeslice: len out of range");
	buffer = arena_alloc(call->arena, (size_t)count + 1);
	if (!fill(call, buffer, (size_t)count))
		return NULL;
	bytes = tmpl_string_take(call->arena, buffer, (size_t)count);
	call->args[0] = bytes;
	return sprig_same_as(call, "base64Encode");
}

static const struct tmpl_value *misc_rand_int(struct call *call)
{
	int64_t from = call->args[0]->u.integer, to = call->args[1]->u.integer;
	uint64_t number;

	if (to <= from)
		return call_fail(call, "invalid argument to Intn");
	if (!pick(call, (uint64_t)to - (uint64_t)from, &number))
		return NULL;
	return tmpl_int(call->arena, (int64_t)((uint64_t)from + number));
}

static const struct tmpl_value *misc_shuffle(struct call *call)
{
	const struct tmpl_value *copy = text_value(call, arg_str(call, 0), arg_len(call, 0));
	char *text = (char *)(uintptr_t)copy->u.string.text;
	uint64_t other;

	for (size_t left = copy->u.string.len; left > 1; left--) {
		char kept = text[left - 1];

		if (!pick(call, left, &other))
			return NULL;
		text[left - 1] = text[other];
		text[other] = kept;
	}
	return copy;
}

static const struct tmpl_value *misc_uuid(struct call *call)
{
	unsigned char bytes[16];
	struct strbuf out = STRBUF_INIT;

	if (!fill(call, bytes, sizeof(bytes)))
		return NULL;
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(bytes); i++)
		strbuf_addf(&out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			    bytes[i]);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *misc_env(struct call *call)
{
	return sprig_same_as(call, "env");
}

static const struct tmpl_value *misc_hello(struct call *call)
{
	return tmpl_str(call->arena, "Hello!");
}

const struct tmpl_func sprig_misc_funcs[] = {
	{ "sprig_clean", "s", misc_clean },
	{ "sprig_osClean", "s", misc_clean },
	{ "sprig_dir", "s", misc_dir },
	{ "sprig_osDir", "s", misc_dir },
	{ "sprig_base", "s", misc_base },
	{ "sprig_osBase", "s", misc_base },
	{ "sprig_ext", "s", misc_ext },
	{ "sprig_osExt", "s", misc_ext },
	{ "sprig_isAbs", "s", misc_is_abs },
	{ "sprig_osIsAbs", "s", misc_is_abs },
	{ "sprig_env", "s", misc_env },
	{ "sprig_expandenv", "s", misc_expandenv },
	{ "sprig_regexMatch", "ss", misc_regex_match },
	{ "sprig_mustRegexMatch", "ss", misc_regex_match },
	{ "sprig_regexFind", "ss", misc_regex_find },
	{ "sprig_mustRegexFind", "ss", misc_regex_find },
	{ "sprig_regexFindAll", "ssi", misc_regex_find_all },
	{ "sprig_mustRegexFindAll", "ssi", misc_regex_find_all },
	{ "sprig_regexSplit", "ssi", misc_regex_split },
	{ "sprig_mustRegexSplit", "ssi", misc_regex_split },
	{ "sprig_regexReplaceAll", "sss", misc_regex_replace },
	{ "sprig_mustRegexReplaceAll", "sss", misc_regex_replace },
	{ "sprig_regexReplaceAllLiteral", "sss", misc_regex_replace_literal },
	{ "sprig_mustRegexReplaceAllLiteral", "sss", misc_regex_replace_literal },
	{ "sprig_regexQuoteMeta", "s", misc_regex_quote },
	{ "sprig_fromJson", "s", misc_from_json },
	{ "sprig_mustFromJson", "s", misc_from_json },
	{ "sprig_toJson", "a", misc_to_json },
	{ "sprig_mustToJson", "a", misc_to_json },
	{ "sprig_toPrettyJson", "a", misc_to_pretty_json },
	{ "sprig_mustToPrettyJson", "a", misc_to_pretty_json },
	{ "sprig_toRawJson", "a", misc_to_raw_json },
	{ "sprig_mustToRawJson", "a", misc_to_raw_json },
	{ "sprig_adler32sum", "s", misc_adler32 },
	{ "sprig_b32enc", "s", misc_base32_encode },
	{ "sprig_b32dec", "s", misc_base32_decode },
	{ "sprig_randNumeric", "i", misc_rand_numeric },
	{ "sprig_randAlpha", "i", misc_rand_alpha },
	{ "sprig_randAlphaNum", "i", misc_rand_alpha_num },
	{ "sprig_randAscii", "i", misc_rand_ascii },
	{ "sprig_randBytes", "i", misc_rand_bytes },
	{ "sprig_randInt", "ii", misc_rand_int },
	{ "sprig_shuffle", "s", misc_shuffle },
	{ "sprig_uuidv4", "", misc_uuid },
	{ "sprig_hello", "", misc_hello },
	{ NULL, NULL, NULL },
};
