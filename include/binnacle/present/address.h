/*
 * present/address.h - an address that is in no table because nobody has it.
 */
#ifndef BINNACLE_PRESENT_ADDRESS_H
#define BINNACLE_PRESENT_ADDRESS_H

#include <stdbool.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/model/model.h"

struct json;

/* What is to be said of a free address, as table.detail with its map and as table.json would.
 * False: the text is no address. */
bool present_free_address(const char *text, const struct model *model, struct strbuf *detail,
			  struct json *json);

/* The map of a block with one of its addresses in brackets, as table.map writes it. */
void address_map(const char *address, const char *block, const struct model *model,
		 struct strbuf *out);

#endif
