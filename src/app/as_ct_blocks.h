/*
 * as_ct_blocks.h - the parts of which Consul Template's files are made: single values, and the
 * blocks that occur in more than one place. For as_ct_config.c, which reads the whole.
 */
#ifndef BINNACLE_APP_AS_CT_BLOCKS_H
#define BINNACLE_APP_AS_CT_BLOCKS_H

#include "binnacle/base/hcl.h"
#include "as_ct_config.h"

/* Keys that are not known are noted, and told together at the end (ct_report_mistakes). False: it
 * is no block at all. */
bool ct_only_keys(struct ct_config *config, const struct hcl_value *object, const char *where,
		  const char *const *allowed, struct err *err);
/* False: there were such keys; the message names all, as the original's does. */
bool ct_report_mistakes(struct ct_config *config, struct err *err);
/* The last block of a name, also when JSON gives a list of them; NULL: none. */
const struct hcl_value *ct_block(const struct hcl_value *object, const char *key);
/* A bool that may stay CT_UNSAID. */
bool ct_read_switch(const struct hcl_value *object, const char *key, int *out, struct err *err);
bool ct_read_signal(const struct hcl_value *object, const char *key, int *out, struct err *err);
/* `where` is for messages: "exec", "template[0].exec". An absent block is fine. */
bool ct_read_exec(struct ct_config *config, const struct hcl_value *parent, const char *where,
		  struct ct_exec *exec, struct err *err);
bool ct_read_wait(struct ct_config *config, const struct hcl_value *parent, const char *where,
		  struct ct_wait *wait, struct err *err);
bool ct_read_template(struct ct_config *config, const struct hcl_value *block, size_t index,
		      struct err *err);

#endif
