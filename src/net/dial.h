/*
 * dial.h - a connection whose other end is a program: one run of it per connection, with a socket
 * as its standard input and output. Its standard error is kept: it says why there is no connection.
 *
 * libcurl wants to connect what it is given (until 8.0 also what it is told to be connected), and
 * keeps only connections to something with a name; so it gets a socket and the path of a listener
 * of ours in a folder for us alone, which takes one connection, that of this process, and is
 * removed. The descriptor is libcurl's until dial_close; the program is told by the end of its
 * input, and killed when it does not go by itself. `struct dials` is all of one client's.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <sys/socket.h>
#include <sys/un.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct dial;
struct loop;

struct dials {
	struct dial *first;
};

/* *fd is to be connected with *address; then argv is started. NULL with err. The dial has one
 * user: whoever called. argv is copied. */
struct dial *dial_open(struct dials *dials, struct loop *loop, char *const *argv, int *fd,
		       struct sockaddr_un *address, struct err *err);
/* The connection is not needed any more. False: the descriptor is of no dial; nothing happened. */
bool dial_close(struct dials *dials, int fd);
/* The user has heard enough. NULL allowed; sets NULL. */
void dial_leave(struct dial **dial);
/* Append the last line that the program has written to its standard error, or how it ended. */
void dial_last_words(struct dial *dial, struct strbuf *out);
/* Kill what is left of them. All have been closed and left. */
void dials_release(struct dials *dials);

#endif
