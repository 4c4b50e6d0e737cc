/*
 * as_ct_flags.h - Consul Template's command line, in the style of Go's flag package: -name value
 * or -name=value with one dash or two; a switch is -name, or -name=false, never -name false.
 *
 * Flags win over files, and some flags name the files: so the line is applied twice, to a config
 * that is thrown away, for its paths and its mistakes, and to the one that the files have filled.
 */
#ifndef BINNACLE_APP_AS_CT_FLAGS_H
#define BINNACLE_APP_AS_CT_FLAGS_H

#include "as_ct_config.h"

/* argv[0] is the first argument, not the program. The message is the original's. */
bool ct_flags_apply(struct ct_config *config, int argc, char *const *argv, struct err *err);
void ct_flags_usage(struct strbuf *out);

#endif
