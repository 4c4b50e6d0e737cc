/*
 * as_consul_template.h - `binnacle --as consul-template FLAGS`, and the program called by that
 * name.
 */
#ifndef BINNACLE_APP_AS_CONSUL_TEMPLATE_H
#define BINNACLE_APP_AS_CONSUL_TEMPLATE_H

/* argv[0] is the program's name. Returns the exit status. */
int as_consul_template(int argc, char **argv);

#endif
