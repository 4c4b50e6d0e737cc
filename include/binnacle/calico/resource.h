/*
 * calico/resource.h - Calico's data in the form of calicoctl: as documents, as YAML, as JSON, as
 * its tables.
 *
 *     struct json *doc = calico_resource_of_policy(policy, CALICO_API_V1);
 *     yaml_write(&out, doc);
 *
 *     calico_print(&out, state, CALICO_KIND_WEP, CALICO_PRINT_WIDE, NULL);
 *
 * A document has its members in the order in which calicoctl 1.6.5 writes them as JSON; YAML
 * sorts them. What calico_print writes agrees with calicoctl 1.6.5 byte for byte, the blanks at
 * the ends of lines included, so that what reads its output can read this.
 *
 * Reference: calicoctl 1.6.5 (`calicoctl get`), libcalico-go 1.7 (lib/api).
 */
#ifndef BINNACLE_CALICO_RESOURCE_H
#define BINNACLE_CALICO_RESOURCE_H

#include <stdbool.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/calico/store.h"

struct json;

/* Documents; the caller frees. What cannot be read in the store is left out. */
struct json *calico_resource_of_policy(const struct calico_policy *policy, enum calico_api api);
struct json *calico_resource_of_profile(const struct calico_profile *profile);

/* ORDER KIND */
enum calico_kind {
	CALICO_KIND_WEP,
	CALICO_KIND_HOST_ENDPOINT,
	CALICO_KIND_POLICY,
	CALICO_KIND_PROFILE,
	CALICO_KIND_POOL,
	CALICO_KIND_NODE,
	CALICO_KIND_COUNT,
};
/* The words calicoctl takes, in any case: "workloadEndpoint", "workloadendpoints", "wep", "weps".
 * False with err. */
bool calico_kind_parse(const char *word, enum calico_kind *kind, struct err *err);

enum calico_print {
	CALICO_PRINT_PLAIN,
	CALICO_PRINT_WIDE,
	CALICO_PRINT_YAML,
	CALICO_PRINT_JSON,
	CALICO_PRINT_COLUMNS, /* "custom-columns=NAME,MAC" */
};
bool calico_print_parse(const char *word, enum calico_print *form, struct err *err);

/* Which of them; NULL members: any. */
struct calico_print_filter {
	const char *name, *node;
	const char *columns; /* of CALICO_PRINT_COLUMNS: headings, separated by commas */
};
/* Whether a kind has all of these columns; false with err. */
bool calico_print_has_columns(enum calico_kind kind, const char *columns, struct err *err);

/* Append what `calicoctl get KIND` prints. */
void calico_print(struct strbuf *out, const struct calico_state *state, enum calico_kind kind,
		  enum calico_print form, const struct calico_print_filter *filter);

#endif
