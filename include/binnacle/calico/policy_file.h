/*
 * calico/policy_file.h - policies as people write them, in calicoctl's YAML (or JSON, which is
 * YAML), into what is stored.
 *
 *     if (!calico_policy_file_read(text, len, state->api, &arena, &drafts, err))
 *             return err_context(err, "%s", path);
 *
 * A file holds one policy, a list of them, or several documents. Whatever Calico's own tool would
 * refuse is refused here, and so is a member that it does not know: a rule that was mistyped must
 * not become a rule that lets everything through. Every error names its line.
 *
 * The file is in the form of the API that the store has: a "policy" of v1, or a
 * "GlobalNetworkPolicy" of v3, of which the members that v1 has are known.
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
#include "binnacle/calico/policy.h"
#include "binnacle/calico/keys.h"

struct calico_policy_draft {
	const char *name;
	const char *key, *value; /* to be stored */
	size_t line;             /* where it begins */
};

/* drafts: a list of struct calico_policy_draft, at least one; all in the arena. */
bool calico_policy_file_read(const char *text, size_t len, enum calico_api api, struct arena *arena,
			     struct json_list *drafts, struct err *err);
/* What to write in the place of `before`; NULL: there is none. In API v3 a policy stays who it is
 * (id, time of creation, labels), a new one becomes somebody. */
const char *calico_policy_draft_value(const struct calico_policy_draft *draft,
				      const struct calico_policy *before, enum calico_api api,
				      struct arena *arena);

#endif
