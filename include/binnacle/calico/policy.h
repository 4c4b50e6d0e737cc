/*
 * calico/policy.h - policies and profiles as stored; what they select.
 *
 * A policy whose stored selector does not parse selects nothing here; `selector_problem` says
 * why, and it is to be shown as broken.
 */
#ifndef BINNACLE_CALICO_POLICY_H
#define BINNACLE_CALICO_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/json_decode.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/calico/selector.h"

/* One side of a rule. Empty members say nothing. Ports are "80" or "80:90". */
struct calico_rule_side {
	const char *tag, *selector;
	struct json_list nets, ports; /* const char *; a single `net` stands last in nets */
	const char *not_tag, *not_selector;
	const char *name_space_selector; /* API v3; NULL: none */
	struct json_list not_nets, not_ports;
};

struct calico_rule {
	const char *action;                  /* "allow", "deny", "log", "pass" */
	int64_t ip_version;                  /* 4, 6; 0: both */
	const char *protocol, *not_protocol; /* a name or a number; "": any */
	int64_t icmp_type, icmp_code, not_icmp_type, not_icmp_code; /* -1: unset */
	const char *log_prefix;
	struct calico_rule_side source, destination;
};

struct calico_rule_list {
	const struct calico_rule *rules;
	size_t count;
};

struct calico_policy {
	const char *name;       /* of API v3 "namespace/name" when it has a namespace */
	const char *name_space; /* the only one whose endpoints it selects; NULL: any */
	const char *key, *value;
	uint64_t created_index, modified_index;
	const char *problem; /* the value cannot be read */

	bool has_order; /* none: last */
	double order;
	const char *selector_text;
	const struct calico_selector *selector; /* NULL when broken */
	const char *selector_problem;
	bool ingress, egress; /* the directions it decides */
	bool untracked, pre_dnat;
	struct calico_rule_list inbound, outbound;
	struct json_list annotations; /* struct json_pair */
};

/* The value of API v1; that of API v3 (a NetworkPolicy or a GlobalNetworkPolicy) gives the same
 * words, "allow" for "Allow". */
bool calico_policy_decode(struct calico_policy *policy, const char *value, struct arena *arena,
			  struct err *err);
bool calico_policy_decode_v3(struct calico_policy *policy, const char *value, struct arena *arena,
			     struct err *err);
/* The order in which policies are tried: by order, those without one last, then by name. */
int calico_policy_compare(const struct calico_policy *a, const struct calico_policy *b);
/* One line: "allow tcp from 10.0.0.0/8 to ports 80,443". */
void calico_rule_describe(struct strbuf *out, const struct calico_rule *rule);

struct calico_profile {
	const char *name;
	const char *problem;
	struct json_list tags;   /* const char * */
	struct json_list labels; /* struct json_pair */
	struct calico_rule_list inbound, outbound;
};

bool calico_profile_decode_v3(struct calico_profile *profile, const char *value,
			      struct arena *arena, struct err *err);
/* API v1. Each of the three values may be NULL (not stored). */
bool calico_profile_decode(struct calico_profile *profile, const char *rules, const char *tags,
			   const char *labels, struct arena *arena, struct err *err);

#endif
