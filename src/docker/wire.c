/* Header and payload alternate; each piece is taken as far as it goes. */
#include "wire.h"

#include <string.h>

static size_t take_header(struct docker_wire *wire, const char *bytes, size_t len)
{
	size_t take = sizeof(wire->header) - wire->header_len;

	if (take > len)
		take = len;
	memcpy(wire->header + wire->header_len, bytes, take);
	wire->header_len += take;
	return take;
}

/* 0 is standard input, which Docker writes on standard output; 3 is the daemon's own errors. */
static bool is_frame_header(const unsigned char *header)
{
	return header[0] <= 3 && !header[1] && !header[2] && !header[3];
}

static size_t take_payload(struct docker_wire *wire, const char *bytes, size_t len, size_t limit,
			   struct strbuf *out)
{
	size_t take = len < wire->left ? len : wire->left;
	size_t room = out->len < limit ? limit - out->len : 0;

	strbuf_add(out, bytes, take < room ? take : room);
	if (take > room)
		wire->truncated = true;
	wire->left -= (uint32_t)take;
	return take;
}

bool docker_wire_feed(struct docker_wire *wire, const char *bytes, size_t len, size_t limit,
		      struct strbuf *out, struct err *err)
{
	while (len) {
		size_t used;

		if (wire->left) {
			used = take_payload(wire, bytes, len, limit, out);
		} else {
			const unsigned char *header = wire->header;

			used = take_header(wire, bytes, len);
			if (wire->header_len == sizeof(wire->header)) {
				if (!is_frame_header(header))
					return err_set(err, ERR_FORMAT,
						       "output is not in the multiplexed stream "
						       "format");
				wire->left = (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 |
					     (uint32_t)header[6] << 8 | header[7];
				wire->header_len = 0;
			}
		}
		bytes += used;
		len -= used;
	}
	return true;
}
