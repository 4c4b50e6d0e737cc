/*
 * keys.h - what a key is, and what it is called.
 *
 * A key is a code point, or one of the special keys above them. Ctrl-letters are their control
 * characters; those that terminals cannot tell from a named key (Ctrl-I, Ctrl-M, …) are that key.
 * Names: "j", "G", "Space", "Enter", "C-d", "F5", "S-Tab", "PgDn".
 */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t key_code;

/* ORDER KEY */
enum special_key {
	KEY_SPECIAL = 0x110000,
	KEY_CODE_UP = KEY_SPECIAL,
	KEY_CODE_DOWN,
	KEY_CODE_LEFT,
	KEY_CODE_RIGHT,
	KEY_CODE_HOME,
	KEY_CODE_END,
	KEY_CODE_PAGE_UP,
	KEY_CODE_PAGE_DOWN,
	KEY_CODE_INSERT,
	KEY_CODE_DELETE,
	KEY_CODE_BACKSPACE,
	KEY_CODE_BACK_TAB,
	KEY_CODE_F1,
	KEY_CODE_F12 = KEY_CODE_F1 + 11,
	KEY_CODE_UNKNOWN, /* a sequence nobody knows: does nothing */
};

#define KEY_CODE_TAB   '\t'
#define KEY_CODE_ENTER '\r'
#define KEY_CODE_ESC   0x1b
#define KEY_CTRL(c)    ((key_code)((c)&0x1f))

#define KEY_NAME_BYTES 16
/* `out` holds KEY_NAME_BYTES; returns it. */
const char *key_label(key_code key, char *out);
bool key_parse(const char *name, key_code *out);
/* Inserted into an input line as it is. */
bool key_is_text(key_code key);

#endif
