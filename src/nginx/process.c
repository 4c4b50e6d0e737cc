#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/file.h"
#include "binnacle/base/list.h"

/* Nothing but what busybox has. A process may end between the two: then its lines are left out. */
const char process_script[] = "for d in /proc/[0-9]*; do cat $d/stat 2>/dev/null && "
			      "tr '\\0\\n' '  ' <$d/cmdline 2>/dev/null && echo; done; true";

#define STAT_LIMIT 8192

void process_print_host(struct strbuf *out)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[64];
		struct err err;
		size_t start;

		if (!isdigit((unsigned char)entry->d_name[0]) || strlen(entry->d_name) > 20)
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/stat", entry->d_name);
		if (!file_read(path, STAT_LIMIT, out, &err))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/cmdline", entry->d_name);
		start = out->len;
		/* A command line above the limit is none of nginx's. */
		(void)!file_read(path, STAT_LIMIT, out, &err);
		for (size_t i = start; i < out->len; i++)
			if (out->buf[i] == '\0' || out->buf[i] == '\n')
				out->buf[i] = ' ';
		strbuf_addch(out, '\n');
	}
	if (dir)
		closedir(dir);
}

/* "PID (NAME) STATE PPID …": the name may hold blanks and parentheses; field 22 is the start. */
static bool parse_stat(const char *line, struct process *out)
{
	char *end;
	const char *open, *close;
	size_t len;
	int field = 4;

	*out = (struct process){ .pid = strtoll(line, &end, 10) };
	if (end == line || strncmp(end, " (", 2) != 0)
		return false;
	open = end + 2;
	close = strrchr(open, ')');
	if (!close || strncmp(close, ") ", 2) != 0 || strlen(close) < 5)
		return false;
	len = (size_t)(close - open);
	if (len >= sizeof(out->name))
		len = sizeof(out->name) - 1;
	memcpy(out->name, open, len);
	out->is_dead = close[2] == 'Z' || close[2] == 'X';
	out->parent = strtoll(close + 3, &end, 10);
	while (field < 21 && *end) {
		end++;
		end += strcspn(end, " ");
		field++;
	}
	out->started = strtoull(end, NULL, 10);
	return field == 21;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

void process_parse(struct process_list *list, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		char *line = xstrndup(text, (size_t)((newline ? newline : end) - text));
		struct process process;

		if (parse_stat(line, &process)) {
			GROW(list->items, list->len, list->cap);
			list->items[list->len++] = process;
		} else if (list->len && starts_with(line, "nginx: worker process")) {
			list->items[list->len - 1].is_worker = true;
			list->items[list->len - 1].is_leaving = strstr(line, "shutting down");
		}
		free(line);
		text = newline ? newline + 1 : end;
	}
}

void process_list_release(struct process_list *list)
{
	free(list->items);
	*list = (struct process_list){ 0 };
}

const struct process *process_find(const struct process_list *list, int64_t pid)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->items[i].pid == pid && !list->items[i].is_dead)
			return &list->items[i];
	return NULL;
}

bool process_is_worker_of(const struct process *process, int64_t master)
{
	return process->parent == master && process->is_worker && !process->is_dead;
}

bool process_list_has(const struct process_list *list, const struct process *process)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->items[i].pid == process->pid &&
		    list->items[i].started == process->started)
			return true;
	return false;
}
