/*
 * as_ct_write.h - a rendered text goes into its file, as Consul Template puts it there.
 *
 * No generations are kept: who stands in for a program leaves no files that it would not leave.
 */
#ifndef BINNACLE_APP_AS_CT_WRITE_H
#define BINNACLE_APP_AS_CT_WRITE_H

#include "as_ct_config.h"

/* *written: false when the file was the same already; an absent file equals the empty text. When
 * there is a command, a note says that it is owed (render/target.h). */
bool ct_write(const struct ct_config *config, const struct ct_template *template,
	      const struct strbuf *text, bool *written, struct err *err);

/* An earlier life wrote this text and ended before the command did. Never in the original's way. */
bool ct_is_owed(const struct ct_config *config, const struct ct_template *template,
		const struct strbuf *text);
void ct_settle(const struct ct_config *config, const struct ct_template *template);

#endif
