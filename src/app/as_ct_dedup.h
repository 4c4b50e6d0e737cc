/*
 * as_ct_dedup.h - many instances with the same templates, and one of them asks Consul for all.
 *
 * Per text of a template (KEY = prefix + its MD5) the instances compete for the lock KEY/lock,
 * with a session each. Who holds it asks, and puts its answers (render/answers.h) into KEY/data;
 * the others watch the two keys, with one query, and nothing else. When the holder ends, or its
 * session does, the next one takes the lock.
 */
#ifndef BINNACLE_APP_AS_CT_DEDUP_H
#define BINNACLE_APP_AS_CT_DEDUP_H

struct ct_dedup;
struct ct_run;

/* Before the renderer starts. */
struct ct_dedup *ct_dedup_new(struct ct_run *run);
void ct_dedup_free(struct ct_dedup *dedup); /* NULL allowed */

/* After a pass: whatever the held templates have got is shared. */
void ct_dedup_share(struct ct_dedup *dedup);

/* Give the locks back, so that nobody has to wait for the session to end; `done` runs then, or
 * after two seconds. */
void ct_dedup_stop(struct ct_dedup *dedup, void (*done)(void *arg), void *arg);

#endif
