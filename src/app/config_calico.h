/* The part of the configuration that says where Calico's data is. */
#ifndef CONFIG_CALICO_H
#define CONFIG_CALICO_H

#include "binnacle/base/hcl.h"
#include "config.h"

/* The calico block of the file. */
bool config_calico_read(struct config *config, const struct hcl_value *root, struct err *err);
/* calicoctl's file, in the form of API v1 or v3. Fields that it does not know are errors. */
bool config_calico_read_calicoctl(struct config *config, const char *path, struct err *err);
/* Comma-separated. */
void config_calico_set_endpoints(struct config *config, const char *text);
/* calicoctl's environment, unless its file was named; with no endpoint at all its default file,
 * if there is one. */
bool config_calico_complete(struct config *config, struct err *err);

#endif
