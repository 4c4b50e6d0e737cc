/*
 * wire.h - the multiplexed stream of attach, exec and logs: frames of an 8-byte header (stream
 * number, three zeros, length as a big-endian 32-bit number) and that many bytes.
 *
 * Pieces arrive cut anywhere. Reference: Docker Engine API, "Attach to a container", "Stream
 * format".
 */
#ifndef DOCKER_WIRE_H
#define DOCKER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct docker_wire {
	unsigned char header[8];
	size_t header_len; /* bytes of the next frame's header so far */
	uint32_t left;     /* bytes of the present frame still to come */
	bool truncated;    /* there was more than `limit` */
};

/* Append the payload to `out` until it holds `limit` bytes; the rest is dropped. Every stream
 * counts alike. False when the bytes are not in this format. */
bool docker_wire_feed(struct docker_wire *wire, const char *bytes, size_t len, size_t limit,
		      struct strbuf *out, struct err *err);

#endif
