/* Consul compares tag lists in order, so the order is part of the behavior. */
#include "tags.h"

#include <stdlib.h>

#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"

static void add_tag(struct tag_list *tags, struct arena *arena, struct strbuf *tag)
{
	if (tag->len) {
		GROW(tags->items, tags->count, tags->cap);
		tags->items[tags->count++] = arena_strndup(arena, tag->buf, tag->len);
	}
	strbuf_reset(tag);
}

void tags_add_list(struct tag_list *tags, struct arena *arena, const char *text, bool reversed)
{
	struct strbuf tag = STRBUF_INIT;
	size_t first = tags->count;

	for (; *text; text++) {
		if (*text == ',')
			add_tag(tags, arena, &tag);
		else if (text[0] == '\\' && text[1] == ',')
			strbuf_addch(&tag, *++text);
		else
			strbuf_addch(&tag, *text);
	}
	add_tag(tags, arena, &tag);
	strbuf_release(&tag);
	if (!reversed)
		return;
	for (size_t low = first, high = tags->count; low + 1 < high; low++) {
		const char *kept = tags->items[low];

		tags->items[low] = tags->items[--high];
		tags->items[high] = kept;
	}
}

void tags_release(struct tag_list *tags)
{
	free(tags->items);
	*tags = (struct tag_list){ 0 };
}
