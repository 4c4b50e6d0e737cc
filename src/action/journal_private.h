/* journal_private.h - what the writer and the reader of the journal share. */
#ifndef ACTION_JOURNAL_PRIVATE_H
#define ACTION_JOURNAL_PRIVATE_H

#include "binnacle/action/journal.h"

struct journal {
	char *folder, *path;
	struct model *model;
};

#endif
