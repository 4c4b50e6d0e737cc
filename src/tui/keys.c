#include "keys.h"

#include <stdio.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/text.h"

/* ORDER KEY, then aliases. */
static const struct {
	key_code key;
	const char *name;
} names[] = {
	{ KEY_CODE_UP, "Up" },
	{ KEY_CODE_DOWN, "Down" },
	{ KEY_CODE_LEFT, "Left" },
	{ KEY_CODE_RIGHT, "Right" },
	{ KEY_CODE_HOME, "Home" },
	{ KEY_CODE_END, "End" },
	{ KEY_CODE_PAGE_UP, "PgUp" },
	{ KEY_CODE_PAGE_DOWN, "PgDn" },
	{ KEY_CODE_INSERT, "Ins" },
	{ KEY_CODE_DELETE, "Del" },
	{ KEY_CODE_BACKSPACE, "Backspace" },
	{ KEY_CODE_BACK_TAB, "S-Tab" },
	{ KEY_CODE_TAB, "Tab" },
	{ KEY_CODE_ENTER, "Enter" },
	{ KEY_CODE_ESC, "Esc" },
	{ ' ', "Space" },
	{ 0x7f, "Backspace" },
	{ '\n', "Enter" },
};

const char *key_label(key_code key, char *out)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (names[i].key == key) {
			snprintf(out, KEY_NAME_BYTES, "%s", names[i].name);
			return out;
		}
	}
	if (key >= KEY_CODE_F1 && key <= KEY_CODE_F12) {
		snprintf(out, KEY_NAME_BYTES, "F%u", (unsigned)(key - KEY_CODE_F1 + 1));
	} else if (key < 0x20) {
		char letter = (char)(key + '@');

		snprintf(out, KEY_NAME_BYTES, "C-%c",
			 letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
	} else if (key >= KEY_SPECIAL) {
		snprintf(out, KEY_NAME_BYTES, "?");
	} else {
		struct strbuf raw = STRBUF_INIT;

		text_encode(&raw, key);
		text_clean(&text, raw.buf, raw.len);
		snprintf(out, KEY_NAME_BYTES, "%s", text.buf);
		strbuf_release(&raw);
		strbuf_release(&text);
	}
	return out;
}

bool key_parse(const char *name, key_code *out)
{
	size_t len = strlen(name);
	int64_t number;
	uint32_t cp;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(names[i].name, name) == 0) {
			*out = names[i].key;
			return true;
		}
	}
	if (name[0] == 'F' && text_parse_int(name + 1, 1, 12, &number)) {
		*out = KEY_CODE_F1 + (key_code)(number - 1);
		return true;
	}
	if (len == 3 && text_starts_with(name, "C-") && name[2] >= '@' && name[2] != 0x7f) {
		*out = KEY_CTRL(name[2]);
		return true;
	}
	if (len == 0 || text_decode(name, len, &cp) != len || cp == TEXT_INVALID || cp < 0x20)
		return false;
	*out = cp;
	return true;
}

bool key_is_text(key_code key)
{
	return key >= 0x20 && key < KEY_SPECIAL && key != 0x7f;
}
