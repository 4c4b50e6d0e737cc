/*
 * policy_file_private.h - what the reading of policies and that of their rules share.
 */
#ifndef POLICY_FILE_PRIVATE_H
#define POLICY_FILE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/yaml.h"
#include "binnacle/calico/keys.h"

struct json;

#define NAMED_MAX 60 /* characters of a wrong text that a message repeats */

struct reading {
	enum calico_api api;
	struct arena *arena;
	struct err *err;
	/* Of the rule at hand: what is told in several places and must agree. */
	bool has_ports, is_destination;
	uint8_t version;
};

/* A member of a map: read into `into`, which is what its owner is building. */
struct member {
	const char *name;
	bool (*read)(struct reading *reading, const struct yaml_node *node, struct json *into);
};

/* "line 7: ..."; always false. */
bool policy_complain(struct reading *reading, const struct yaml_node *node, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
bool policy_want(struct reading *reading, const struct yaml_node *node, enum yaml_kind kind,
		 const char *what);
/* The members of a map in the order of the table; one that is not in it is an error. */
bool policy_read_members(struct reading *reading, const struct yaml_node *map, const char *what,
			 const struct member *members, size_t count, struct json *into);
bool policy_text_of(struct reading *reading, const struct yaml_node *node, const char **out);
/* A word such as "Allow" or "TCP" of API v3 as API v1 has it, "" when it is not written like
 * that. */
const char *policy_plain_word(struct reading *reading, const char *text, const char *const *words);
bool policy_check_selector(struct reading *reading, const struct yaml_node *node, const char *text);

/* policy_file_rules.c: a list of rules, as the member `name` of what is stored. */
bool policy_add_rules(struct reading *reading, const struct yaml_node *node, struct json *into,
		      const char *name);

#endif
