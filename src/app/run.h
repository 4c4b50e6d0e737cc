/*
 * run.h - `binnacle --batch run`: the engine without a screen.
 */
#ifndef BINNACLE_APP_RUN_H
#define BINNACLE_APP_RUN_H

#include <stdbool.h>

struct config;

/* Registers, renders and reloads until SIGINT or SIGTERM. One line of log per event on standard
 * error. Returns the exit status. */
int run_engine(const struct config *config, bool log_json, bool verbose);

#endif
