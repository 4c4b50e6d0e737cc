#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/base/file.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/strmap.h"
#include "binnacle/base/text.h"

static void a_map_keeps_the_order_of_insertion(void **state)
{
	struct strmap map = STRMAP_INIT;
	char key[16];

	(void)state;
	for (uintptr_t i = 1; i <= 1000; i++) {
		snprintf(key, sizeof(key), "k%d", (int)i);
		assert_null(strmap_put(&map, key, (void *)i));
	}
	assert_ptr_equal(strmap_remove(&map, "k500"), (void *)(uintptr_t)500);
	assert_null(strmap_get(&map, "k500"));
	assert_ptr_equal(strmap_put(&map, "k1", (void *)(uintptr_t)7), (void *)(uintptr_t)1);
	assert_int_equal(map.count, 999);
	assert_string_equal(map.entries[498].key, "k499");
	assert_string_equal(map.entries[499].key, "k501");
	assert_ptr_equal(strmap_get(&map, "k1000"), (void *)(uintptr_t)1000);
	strmap_release(&map);
}

static void hostile_text_becomes_visible(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "plain", "plain" },
		{ "a\033[2Jb", "a^[[2Jb" },
		{ "x\xffy", "x\\xFFy" },
		{ "\xc2\x9b", "<U+009B>" },
		{ "a\xe2\x80\xae"
		  "b",
		  "a<U+202E>b" },
		{ "two\nlines\tand", "two\\nlines and" },
		{ "\xee\x80\x80", "?" },
		{ "\xed\xa0\x80", "\\xED\\xA0\\x80" },
		{ "\xc0\xaf", "\\xC0\\xAF" },
		{ "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "e\xcc\x81\xcc\x81\xcc\x81" },
	};

	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct strbuf out = STRBUF_INIT;

		text_clean(&out, cases[i].text, strlen(cases[i].text));
		assert_string_equal(out.buf, cases[i].want);
		strbuf_release(&out);
	}
	assert_int_equal(text_width("\xe4\xb8\xad\xe6\x96\x87", 6), 4);
}

static void durations_are_read_as_go_reads_them(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t ms;
	} cases[] = {
		{ "300ms", true, 300 }, { "1.5s", true, 1500 }, { "1h30m", true, 5400000 },
		{ "0", true, 0 },       { "5", false, 0 },      { "", false, 0 },
		{ "5x", false, 0 },     { "s", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t ms = 0;

		assert_int_equal(text_parse_duration(cases[i].text, &ms), cases[i].ok);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void a_replaced_file_keeps_its_mode_and_is_never_half_written(void **state)
{
	char dir[] = "/tmp/binnacle-test-XXXXXX", path[64];
	struct strbuf text = STRBUF_INIT;
	struct err err = { 0 };
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	assert_true(file_replace(path, "one", 3, NULL, &err));
	chmod(path, 0640);
	assert_true(file_replace(path, "two", 3, NULL, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_true(file_read(path, 100, &text, &err));
	assert_string_equal(text.buf, "two");
	assert_false(file_read(path, 2, &text, &err));
	assert_string_equal(text.buf, "two");
	assert_false(file_read(dir, 100, &text, &err));
	unlink(path);
	assert_false(file_read(path, 100, &text, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	rmdir(dir);
	strbuf_release(&text);
}

static void a_lock_names_its_holder(void **state)
{
	char path[] = "/tmp/binnacle-lock-XXXXXX", want[32];
	struct err err = { 0 };
	int fd = mkstemp(path), held;

	(void)state;
	close(fd);
	held = file_lock(path, &err);
	assert_true(held >= 0);
	assert_int_equal(file_lock(path, &err), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
	snprintf(want, sizeof(want), "held by process %ld", (long)getpid());
	assert_non_null(strstr(err.msg, want));
	close(held);
	unlink(path);
}

static void the_log_is_a_ring_of_clean_lines(void **state)
{
	(void)state;
	log_info("test", "first");
	log_warn("test", "esc \033 here");
	assert_int_equal(log_total(), 2);
	assert_string_equal(log_recent(0)->text, "esc ^[ here");
	assert_string_equal(log_recent(1)->text, "first");
	assert_null(log_recent(2));
	log_release();
}

static void an_arena_hands_out_aligned_zeroed_memory(void **state)
{
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t size = 1; size < 40000; size = size * 3 + 1) {
		char *memory = arena_alloc(&arena, size);

		assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
		assert_int_equal(memory[0] | memory[size - 1], 0);
		memset(memory, 0xff, size);
	}
	arena_reset(&arena);
	assert_string_equal(arena_printf(&arena, "%s-%d", "a", 5), "a-5");
	arena_release(&arena);
}

/* Pages of files in memory, in KiB; -1: this system does not tell. */
static long resident_file_kb(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	long kb = -1;

	while (file && kb < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, "RssFile:", 8) == 0)
			kb = strtol(line + 8, NULL, 10);
	if (file)
		fclose(file);
	return kb;
}

static void what_was_given_back_is_still_there(void **state)
{
	enum { SIZE = 1 << 20, STEP = 4096 };
	static const volatile char constant[SIZE] = { [SIZE - 1] = 1 };
	char *text = xasprintf("%d", 12345);
	long before, after;
	int sum = 0;

	(void)state;
	if (resident_file_kb() < 0)
		skip();
	for (size_t i = 0; i < SIZE; i += STEP)
		sum += constant[i];
	before = resident_file_kb();
	mem_give_back();
	after = resident_file_kb();
	assert_true(after < before - SIZE / 1024 / 2);
	sum += constant[SIZE - 1];
	assert_int_equal(sum, 1);
	assert_string_equal(text, "12345");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_keeps_the_order_of_insertion),
		cmocka_unit_test(hostile_text_becomes_visible),
		cmocka_unit_test(durations_are_read_as_go_reads_them),
		cmocka_unit_test(a_replaced_file_keeps_its_mode_and_is_never_half_written),
		cmocka_unit_test(a_lock_names_its_holder),
		cmocka_unit_test(the_log_is_a_ring_of_clean_lines),
		cmocka_unit_test(an_arena_hands_out_aligned_zeroed_memory),
		cmocka_unit_test(what_was_given_back_is_still_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
