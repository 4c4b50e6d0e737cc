#include "as_ct_command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/match.h"
#include "binnacle/base/strmap.h"

extern char **environ;

/* ---- words ---- */

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* $NAME and ${NAME}; an unset one is empty, a dollar sign before anything else stays. */
static char *expand(struct arena *arena, const struct strbuf *word)
{
	struct strbuf out = STRBUF_INIT;
	char *text;

	for (const char *p = word->buf; *p;) {
		bool braced = p[0] == '$' && p[1] == '{';
		const char *name = p + 1 + braced;
		size_t len = 0;

		while (p[0] == '$' && is_name(name[len]))
			len++;
		if (!len || (braced && name[len] != '}')) {
			strbuf_addch(&out, *p++);
			continue;
		}
		text = xstrndup(name, len);
		if (getenv(text))
			strbuf_addstr(&out, getenv(text));
		free(text);
		p = name + len + braced;
	}
	text = arena_strndup(arena, out.buf, out.len);
	strbuf_release(&out);
	return text;
}

struct splitter {
	struct arena *arena;
	struct strbuf word, back; /* back: what stands in backquotes */
	bool begun;               /* quotes alone do not begin a word: "" is dropped */
	bool in_back;
	const char *const *outputs; /* of the next backquotes */
	const char *shell;
	const char **words;
	size_t count, cap;
};

static void end_word(struct splitter *s)
{
	if (s->begun) {
		GROW(s->words, s->count, s->cap);
		s->words[s->count++] = expand(s->arena, &s->word);
	}
	strbuf_reset(&s->word);
	s->begun = false;
}

/* The output takes the place of the whole word so far: the original's way. False: it is not
 * known yet. */
static bool end_back(struct splitter *s)
{
	s->in_back = false;
	if (!*s->outputs) {
		s->shell = arena_strdup(s->arena, s->back.buf);
		return false;
	}
	strbuf_reset(&s->word);
	strbuf_addstr(&s->word, *s->outputs++);
	s->begun = true;
	return true;
}

static void add_char(struct splitter *s, char c)
{
	strbuf_addch(&s->word, c);
	if (s->in_back)
		strbuf_addch(&s->back, c);
	/* In quotes a blank alone makes no word either. */
	s->begun |= !strchr(" \t\r\n", c);
}

/* False: a quote or a backslash without its end. */
static bool split(struct splitter *s, const char *line, struct err *err)
{
	char quote = '\0';
	bool escaped = false;

	for (const char *p = line; *p; p++) {
		if (escaped) {
			strbuf_addch(&s->word, *p);
			s->begun = true;
			escaped = false;
		} else if (*p == '\\' && quote != '\'') {
			escaped = true;
		} else if (!quote && (*p == '"' || *p == '\'')) {
			quote = *p;
		} else if (quote && *p == quote) {
			quote = '\0';
		} else if (!quote && *p == '`' && s->in_back) {
			if (!end_back(s))
				return true;
		} else if (!quote && *p == '`') {
			strbuf_reset(&s->back);
			s->in_back = true;
		} else if (!quote && !s->in_back && strchr(";&|<>", *p)) {
			break;
		} else if (!quote && !s->in_back && strchr(" \t\r\n", *p)) {
			end_word(s);
		} else {
			add_char(s, *p);
		}
	}
	if (quote || escaped || s->in_back)
		return err_set(err, ERR_INPUT,
			       "failed parsing command: invalid command line string");
	end_word(s);
	return true;
}

bool ct_command_split(const char *line, const char *const *outputs, struct arena *arena,
		      const char *const **argv, const char **shell, struct err *err)
{
	struct splitter s = {
		.arena = arena, .word = STRBUF_INIT, .back = STRBUF_INIT, .outputs = outputs
	};
	const char **words;
	bool ok = split(&s, line, err);

	*argv = NULL;
	*shell = s.shell;
	if (ok && !s.shell && !s.count)
		ok = err_set(err, ERR_INPUT, "missing command");
	if (ok && !s.shell) {
		words = arena_alloc(arena, (s.count + 1) * sizeof(*words));
		memcpy(words, s.words, s.count * sizeof(*words));
		*argv = words;
	}
	free(s.words);
	strbuf_release(&s.word);
	strbuf_release(&s.back);
	return ok;
}

/* ---- environment ---- */

static bool matches_any(const char *const *patterns, const char *name)
{
	for (; patterns && *patterns; patterns++)
		if (glob_match(*patterns, name))
			return true;
	return false;
}

/* "NAME=value"; a later one of the same name takes the place of the earlier. */
static void put(struct strmap *map, struct arena *arena, const char *pair)
{
	char *name = arena_strndup(arena, pair, strcspn(pair, "="));

	strmap_put(map, name, arena_strdup(arena, pair));
}

static void put_ours(struct strmap *map, struct arena *arena, const struct ct_env *env)
{
	for (char **pair = environ; *pair; pair++) {
		const char *name = arena_strndup(arena, *pair, strcspn(*pair, "="));

		if ((!env->allowed || matches_any(env->allowed, name)) &&
		    !matches_any(env->denied, name))
			put(map, arena, *pair);
	}
}

static void put_consul(struct strmap *map, struct arena *arena, const struct ct_config *config)
{
	const char *address = config->consul.address;

	if (!address || !*address)
		address = getenv("CONSUL_HTTP_ADDR");
	put(map, arena,
	    arena_printf(arena, "CONSUL_HTTP_ADDR=%s",
			 address && *address ? address : "127.0.0.1:8500"));
	if (config->consul.auth_enabled && config->consul.user)
		put(map, arena,
		    arena_printf(arena, "CONSUL_HTTP_AUTH=%s%s%s", config->consul.user,
				 config->consul.password && *config->consul.password ? ":" : "",
				 config->consul.password ? config->consul.password : ""));
	put(map, arena, config->consul.ssl ? "CONSUL_HTTP_SSL=true" : "CONSUL_HTTP_SSL=false");
	put(map, arena,
	    config->consul.verify ? "CONSUL_HTTP_SSL_VERIFY=true" : "CONSUL_HTTP_SSL_VERIFY=false");
}

const char *const *ct_command_env(const struct ct_config *config, const struct ct_env *env,
				  struct arena *arena)
{
	struct strmap map = STRMAP_INIT;
	const char **pairs;

	if (!env->pristine)
		put_ours(&map, arena, env);
	put_consul(&map, arena, config);
	for (size_t i = 0; env->custom && env->custom[i]; i++)
		put(&map, arena, env->custom[i]);
	pairs = arena_alloc(arena, (map.count + 1) * sizeof(*pairs));
	for (size_t i = 0; i < map.count; i++)
		pairs[i] = map.entries[i].value;
	strmap_release(&map);
	return pairs;
}
