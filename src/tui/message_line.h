/*
 * message_line.h - the newest thing to say. Information stays 5 s, a warning 15 s, an error
 * until a key is pressed; after that the line shows the running job or the cursor row's news.
 */
#ifndef TUI_MESSAGE_LINE_H
#define TUI_MESSAGE_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct tui;

struct message_line {
	char *text; /* NULL: nothing */
	int level;
	int64_t until_ms;  /* monotonic; 0: until a key */
	uint64_t repeated; /* the same error again */
	uint64_t log_seen; /* lines of the log that the operator has looked at */
};

void message_line_set(struct message_line *line, int level, const char *text);
void message_line_clear(struct message_line *line);
void message_line_key(struct message_line *line); /* a key was pressed */
/* Forget what is over; true: the line looks different now. */
bool message_line_expire(struct message_line *line);
void message_line_release(struct message_line *line);
void message_line_paint(struct tui *tui, int row);

#endif
