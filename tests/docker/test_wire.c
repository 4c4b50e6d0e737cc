#include "../../src/docker/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char two_frames[] = "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\4err\n";
enum { TWO_FRAMES_LEN = sizeof(two_frames) - 1 };

static void frames_may_be_cut_anywhere(void **state)
{
	(void)state;
	for (size_t piece = 1; piece <= TWO_FRAMES_LEN; piece++) {
		struct docker_wire wire = { 0 };
		struct strbuf out = STRBUF_INIT;
		struct err err = { 0 };

		for (size_t at = 0; at < TWO_FRAMES_LEN; at += piece) {
			size_t len = TWO_FRAMES_LEN - at < piece ? TWO_FRAMES_LEN - at : piece;

			assert_true(docker_wire_feed(&wire, two_frames + at, len, 100, &out, &err));
		}
		assert_string_equal(out.buf, "outerr\n");
		assert_false(wire.truncated);
		strbuf_release(&out);
	}
}

static void output_past_the_limit_is_dropped_and_frames_stay_in_step(void **state)
{
	struct docker_wire wire = { 0 };
	struct strbuf out = STRBUF_INIT;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(docker_wire_feed(&wire, two_frames, TWO_FRAMES_LEN, 5, &out, &err));
	assert_string_equal(out.buf, "outer");
	assert_true(wire.truncated);
	assert_int_equal(wire.left, 0);
	strbuf_release(&out);
}

static void text_that_is_no_frame_is_refused(void **state)
{
	static const char *const texts[] = { "HTTP/1.1 500", "\1\0\0\1\0\0\0\1x" };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct docker_wire wire = { 0 };
		struct err err = { 0 };

		assert_false(docker_wire_feed(&wire, texts[i], 9, 100, &out, &err));
		assert_int_equal(err.code, ERR_FORMAT);
	}
	strbuf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_may_be_cut_anywhere),
		cmocka_unit_test(output_past_the_limit_is_dropped_and_frames_stay_in_step),
		cmocka_unit_test(text_that_is_no_frame_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
