/*
 * as_registrator.h - `binnacle --as registrator`: in the place of Registrator (master, 7.4), with
 * its command line, environment, log lines and exit statuses, on the engine of register/.
 */
#ifndef BINNACLE_APP_AS_REGISTRATOR_H
#define BINNACLE_APP_AS_REGISTRATOR_H

/* argv[0] is the name for the usage. Returns the exit status, or ends by the signal that ended
 * it. */
int as_registrator(int argc, char **argv);

#endif
