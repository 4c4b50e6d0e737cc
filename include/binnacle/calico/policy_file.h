/*
 * calico/policy_file.h - policies as people write them, in calicoctl's YAML (or JSON, which is
 * YAML), into what is stored (API v1).
 *
 *     if (!calico_policy_file_read(text, len, &arena, &drafts, err))
 *             return err_context(err, "%s", path);
 *
 * A file holds one policy, a list of them, or several documents. Whatever Calico's own tool would
 * refuse is refused here, and so is a member that it does not know: a rule that was mistyped must
 * not become a rule that lets everything through. Every error names its line.
 *
 * Reference: calicoctl 1.6.5; libcalico-go 1.7, lib/api, lib/validator and lib/converter.
 */
#ifndef BINNACLE_CALICO_POLICY_FILE_H
#define BINNACLE_CALICO_POLICY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/base/json_decode.h"
#include "binnacle/base/mem.h"

struct calico_policy_draft {
	const char *name;
	const char *key, *value; /* to be stored */
	size_t line;             /* where it begins */
};

/* drafts: a list of struct calico_policy_draft, at least one; all in the arena. */
bool calico_policy_file_read(const char *text, size_t len, struct arena *arena,
			     struct json_list *drafts, struct err *err);

#endif
