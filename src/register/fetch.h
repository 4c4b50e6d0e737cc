/*
 * fetch.h - the answers to httpGet of a -tags template, collected without blocking the loop.
 */
#ifndef REGISTER_FETCH_H
#define REGISTER_FETCH_H

#include <stddef.h>

#include "binnacle/base/strmap.h"

struct fetch;
struct http;
struct loop;

/* Every URL is in the map when this runs. Completion rules: loop/loop.h. */
typedef void fetch_fn(void *arg);

/*
 * Ask for all URLs at once, 10 s for each, and put their bodies (char *, the map's owner frees
 * them) into `bodies`; "" for those that fail. http and bodies are borrowed.
 */
struct fetch *fetch_start(struct loop *loop, struct http *http, const char *const *urls,
			  size_t count, struct strmap *bodies, fetch_fn *done, void *arg);
void fetch_cancel(struct fetch **fetch); /* NULL allowed; sets NULL */

#endif
