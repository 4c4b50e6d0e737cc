/*
 * support/model_fixture.h - a model filled with a cluster such as operators have, for tests of
 * what reads it and for pictures. Among the names are hostile ones.
 *
 * The clock must be faked to FIXTURE_NOW_MS before (clock_fake(FIXTURE_MONO_MS,
 * FIXTURE_NOW_MS)): ages are then always the same.
 */
#ifndef TESTS_SUPPORT_MODEL_FIXTURE_H
#define TESTS_SUPPORT_MODEL_FIXTURE_H

#include <stddef.h>

#include "binnacle/model/model.h"

#define FIXTURE_NOW_MS  1714564931000 /* 2024-05-01T12:02:11Z */
#define FIXTURE_MONO_MS 90000000

/* ESC sequences, a C1 byte, a mark that turns the direction, CJK, twenty combining marks. */
#define FIXTURE_ESCAPES                                                                            \
	"evil\033[2J\033]0;owned\007\x9b"                                                          \
	"31m"
#define FIXTURE_DIRECTION                                                                          \
	"gnp.exe\xe2\x80\xae"                                                                      \
	"txt"
#define FIXTURE_CJK "\xe6\xb8\xaf\xe5\x8f\xa3\xe7\x9b\xa3\xe8\xa6\x96"
#define FIXTURE_MARKS                                                                              \
	"za\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87\xcc\x88\xcc\x89\xcc\x8a"       \
	"\xcc\x8b\xcc\x8c\xcc\x8d\xcc\x8e\xcc\x8f\xcc\x90\xcc\x91\xcc\x92\xcc\x93\xcc\x94lgo"

/* All tables, sources and facts. */
void model_fixture_fill(struct model *model, bool hostile);
/* The services again, with so many new ones in front, and without one of that name. */
void model_fixture_services(struct model *model, size_t extra, const char *without, bool hostile);
/* The services, one of which has another check output. */
void model_fixture_change_row(struct model *model);
/* The renders are one that waits for two answers. */
void model_fixture_waiting(struct model *model);
/* A table of so many services, for measuring. */
void model_fixture_many(struct model *model, size_t count);
/* A cluster in which nothing is wrong. */
void model_fixture_calm(struct model *model);

#endif
