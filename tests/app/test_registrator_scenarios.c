/*
 * What Registrator's command lines make of containers, from files of scenarios: the flags as typed
 * and the daemon's document in, the bodies for Consul and the lines of the log out. One scenario
 * is one test. tests/fixtures/registrator/README.md describes the files.
 */
#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/app/registrator_flags.h"
#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"

#define FOLDER "tests/fixtures/registrator"

enum { WORDS_MAX = 32, FILE_MAX = 1 << 20 };

struct scenario {
	char *name;              /* of the test */
	const char *flags;       /* "" */
	const char *base;        /* name in bases.json */
	struct json *box, *peer; /* patches; NULL: none */
	struct json *env, *labels;
	struct strbuf want, warnings;
	const char *fatal; /* NULL: none */
};

struct scenarios {
	struct scenario *items;
	size_t count, cap;
	struct json *bases;
	struct strbuf text; /* owns what the scenarios point to */
};

static struct scenarios all;

/* ---- documents ---- */

static struct json *parse(const char *text)
{
	struct err err = { 0 };
	struct json *doc = json_parse(text, strlen(text), &err);

	if (!doc)
		fail_msg("%s in %.200s", err.msg, text);
	return doc;
}

/* Objects are merged; the text "(absent)" removes a member. */
static void patch(struct json *into, const struct json *from)
{
	JSON_EACH(item, from)
	{
		struct json *old = json_member_mut(into, json_key(item));

		if (strcmp(json_as_str(item, ""), "(absent)") == 0) {
			json_remove(into, json_key(item));
		} else if (json_is_object(item) && old && json_is_object(old)) {
			patch(old, item);
		} else {
			json_set(into, json_key(item), json_copy(item));
		}
	}
}

static struct json *document(const char *base, const struct json *change)
{
	const struct json *common = json_member(all.bases, "common");
	const struct json *named = json_member(all.bases, base);
	struct json *doc = json_copy(common);

	if (!named)
		fail_msg("there is no base %s", base);
	patch(doc, named);
	if (change)
		patch(doc, change);
	return doc;
}

/* ---- one scenario ---- */

/* Words as a shell has them, as far as single quotes go. */
static int split_words(char *text, char **words)
{
	int count = 0;

	while (*text && count < WORDS_MAX - 2) {
		char *out;
		bool quoted = false;

		text += strspn(text, " ");
		if (!*text)
			break;
		words[count++] = out = text;
		for (; *text && (quoted || *text != ' '); text++) {
			if (*text == '\'')
				quoted = !quoted;
			else
				*out++ = *text;
		}
		if (*text)
			text++;
		*out = '\0';
	}
	return count;
}

static void add_notes(const struct register_wanted *wanted, struct strbuf *out)
{
	for (size_t i = 0; i < wanted->note_count; i++) {
		const struct register_note *note = &wanted->notes[i];
		int port_len = (int)strcspn(note->port, "/");

		if (note->reason == REGISTER_REASON_NO_PORTS)
			strbuf_addstr(out, "ignored no published ports\n");
		else if (note->reason == REGISTER_REASON_NOT_PUBLISHED)
			strbuf_addf(out, "ignored port %.*s not published on host\n", port_len,
				    note->port);
		else if (note->reason == REGISTER_REASON_LEFT_OUT)
			strbuf_addf(out, "ignored service on port %.*s\n", port_len, note->port);
	}
}

static bool is_warned(const struct register_wanted *wanted, const char *text, size_t len)
{
	for (size_t i = 0; i < wanted->note_count; i++) {
		const struct register_note *note = &wanted->notes[i];

		if (memmem(note->text, strlen(note->text), text, len) ||
		    memmem(note->remedy, strlen(note->remedy), text, len))
			return true;
	}
	return false;
}

static void assert_wanted(const struct scenario *scenario, const struct register_wanted *wanted)
{
	struct strbuf got = STRBUF_INIT;
	const char *text = scenario->warnings.buf;

	for (size_t i = 0; i < wanted->service_count; i++) {
		strbuf_addstr(&got, "want ");
		registry_body(&got, &wanted->services[i]);
		strbuf_addch(&got, '\n');
	}
	add_notes(wanted, &got);
	assert_string_equal(got.buf, scenario->want.buf);
	strbuf_release(&got);
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (!is_warned(wanted, text, len))
			fail_msg("nothing warns: %.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static bool read_options(const struct scenario *scenario, char *words_text,
			 struct registrator_flags *flags, struct register_options *options,
			 struct err *err)
{
	char *words[WORDS_MAX] = { (char[]){ "registrator" } };
	struct strbuf complaint = STRBUF_INIT;
	int count = 1 + split_words(words_text, words + 1);

	words[count++] = (char[]){ "consul:" };
	if (registrator_flags_read(flags, count, words, &complaint) != REGISTRATOR_RUN)
		fail_msg("%s: %s", scenario->flags, complaint.buf);
	strbuf_release(&complaint);
	if (!registrator_flags_check(flags, err) || !registrator_flags_options(flags, options, err))
		return false;
	options->hostname = options->hostname ? options->hostname : "host-1";
	options->host_ip = options->host_ip ? options->host_ip : "192.0.2.1";
	return true;
}

static void plays(void **state)
{
	const struct scenario *scenario = *state;
	struct register_wanted wanted = { 0 };
	struct register_options options;
	struct registrator_flags flags;
	struct json *box, *peer = NULL;
	char *words = strdup(scenario->flags);
	struct err err = { 0 };

	if (!read_options(scenario, words, &flags, &options, &err)) {
		assert_string_equal(err.msg, scenario->fatal ? scenario->fatal : "");
		free(words);
		return;
	}
	assert_null(scenario->fatal);
	box = document(scenario->base, scenario->box);
	if (json_first(scenario->env))
		json_set(json_member_mut(box, "Config"), "Env", json_copy(scenario->env));
	if (json_first(scenario->labels))
		json_set(json_member_mut(box, "Config"), "Labels", json_copy(scenario->labels));
	if (scenario->peer)
		peer = document("bridge", scenario->peer);
	register_rules(&options, box, peer, &wanted);
	json_free(box);
	json_free(peer);
	assert_wanted(scenario, &wanted);
	register_wanted_release(&wanted);
	free(words);
}

/* ---- files ---- */

static void begin(const char *title)
{
	struct scenario *scenario;

	GROW(all.items, all.count, all.cap);
	scenario = &all.items[all.count++];
	*scenario = (struct scenario){ .name = strdup(title), .flags = "", .base = "bridge" };
	for (char *p = scenario->name; *p; p++)
		*p = isalnum((unsigned char)*p) ? *p : '_';
	scenario->env = json_new_array();
	scenario->labels = json_new_object();
	strbuf_init(&scenario->want);
	strbuf_init(&scenario->warnings);
}

static bool is_word(const char *line, const char *word, const char **rest)
{
	size_t len = strlen(word);

	if (strncmp(line, word, len) != 0 || line[len] != ' ')
		return false;
	*rest = line + len + 1;
	return true;
}

static void read_label(struct scenario *scenario, const char *rest)
{
	const char *equals = strchr(rest, '=');
	char *key = xstrndup(rest, (size_t)(equals - rest));

	json_set(scenario->labels, key, json_new_str(equals + 1));
	free(key);
}

static void read_line(char *line)
{
	struct scenario *scenario = all.count ? &all.items[all.count - 1] : NULL;
	const char *rest;

	if (!*line || *line == ';')
		return;
	if (is_word(line, "#", &rest)) {
		begin(rest);
		return;
	}
	if (!scenario)
		fail_msg("before the first scenario: %s", line);
	if (is_word(line, "base", &rest))
		scenario->base = rest;
	else if (is_word(line, "flags", &rest))
		scenario->flags = rest;
	else if (is_word(line, "env", &rest))
		json_add_str(scenario->env, NULL, rest);
	else if (is_word(line, "label", &rest))
		read_label(scenario, rest);
	else if (is_word(line, "box", &rest))
		scenario->box = parse(rest);
	else if (is_word(line, "peer", &rest))
		scenario->peer = parse(rest);
	else if (is_word(line, "want", &rest) || is_word(line, "ignored", &rest))
		strbuf_addf(&scenario->want, "%s\n", line);
	else if (is_word(line, "warns", &rest))
		strbuf_addf(&scenario->warnings, "%s\n", rest);
	else if (is_word(line, "fatal", &rest))
		scenario->fatal = rest;
	else
		fail_msg("%s: what is that?", line);
}

static void read_all(const char *path, struct strbuf *out)
{
	struct err err = { 0 };

	if (!file_read(path, FILE_MAX, out, &err))
		fail_msg("%s", err.msg);
}

static int is_scenario_file(const struct dirent *entry)
{
	return text_ends_with(entry->d_name, ".txt");
}

static void read_files(void)
{
	struct dirent **entries;
	int count = scandir(FOLDER, &entries, is_scenario_file, alphasort);
	struct strbuf bases = STRBUF_INIT;
	char *rest;

	read_all(FOLDER "/bases.json", &bases);
	all.bases = parse(bases.buf);
	strbuf_release(&bases);
	for (int i = 0; i < count; i++) {
		char *path = xasprintf(FOLDER "/%s", entries[i]->d_name);

		read_all(path, &all.text);
		free(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	rest = all.text.buf;
	for (char *line; (line = strsep(&rest, "\n"));)
		read_line(line);
}

static void release_all(void)
{
	for (size_t i = 0; i < all.count; i++) {
		struct scenario *scenario = &all.items[i];

		free(scenario->name);
		json_free(scenario->box);
		json_free(scenario->peer);
		json_free(scenario->env);
		json_free(scenario->labels);
		strbuf_release(&scenario->want);
		strbuf_release(&scenario->warnings);
	}
	free(all.items);
	json_free(all.bases);
	strbuf_release(&all.text);
}

int main(void)
{
	struct CMUnitTest *tests;
	int status;

	read_files();
	tests = xcalloc(all.count + 1, sizeof(*tests));
	for (size_t i = 0; i < all.count; i++)
		tests[i] = (struct CMUnitTest){ .name = all.items[i].name,
						.test_func = plays,
						.initial_state = &all.items[i] };
	status = _cmocka_run_group_tests("scenarios", tests, all.count, NULL, NULL);
	free(tests);
	release_all();
	return status;
}
