/*
 * metadata.h - the SERVICE_* keys of a container, and what they mean for one port. Pure.
 *
 * Read in order: the environment, then the labels. A key for the port (SERVICE_80_NAME) beats a
 * general one in any order; among equals the later one wins.
 */
#ifndef REGISTER_METADATA_H
#define REGISTER_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strmap.h"

struct json;

struct metadata_given {
	const char *port; /* the number in the key as written, NULL: general */
	const char *key;  /* the rest, in lower case */
	const char *value;
};

/* Everything that the container gives. The texts live in the arena. */
struct metadata_source {
	struct metadata_given *items;
	size_t count, cap;
	bool has_lower_case_prefix;
};

struct metadata_entry {
	const char *key, *value; /* borrowed from the source */
	bool from_port;
};

/* What holds for one port, in the order of first mention. */
struct metadata {
	struct metadata_entry *items;
	size_t count, cap;
	struct strmap index; /* key to its place, from 1 */
};

void metadata_collect(struct metadata_source *source, const struct json *inspect,
		      struct arena *arena);
void metadata_source_release(struct metadata_source *source);

/* `out` must be empty. */
void metadata_for_port(const struct metadata_source *source, const char *port,
		       struct metadata *out);
void metadata_release(struct metadata *metadata);

const struct metadata_entry *metadata_find(const struct metadata *metadata, const char *key);
const char *metadata_value(const struct metadata *metadata, const char *key); /* "" when absent */

/* What the writer of this key probably meant; NULL when it is not suspicious. */
const char *metadata_look_alike(const char *key);

#endif
