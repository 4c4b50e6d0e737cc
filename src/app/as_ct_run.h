/*
 * as_ct_run.h - one life of the stand-in, from a configuration to its end or to the signal that
 * asks for the next configuration.
 */
#ifndef BINNACLE_APP_AS_CT_RUN_H
#define BINNACLE_APP_AS_CT_RUN_H

#include "as_ct_config.h"

enum ct_status {
	CT_STATUS_OK = 0,
	CT_STATUS_INTERRUPTED = 12,
	CT_STATUS_FLAGS = 13,
	CT_STATUS_RUNNER = 14,
	CT_STATUS_CONFIG = 15,
};

/* An exit status (the child's own code too), or *reload: read the configuration again. */
int ct_run(const struct ct_config *config, bool *reload);

#endif
