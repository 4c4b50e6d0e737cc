/*
 * ssh://: the docker command on the other host is the connection, as the docker command of this
 * host does it. ssh must not ask, since nobody could answer. A peer that vanishes is noticed within
 * a minute.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "docker_private.h"

/* What a user or host may be made of; the leading '-' of an option is not among it. */
static bool is_ssh_word(const char *text, size_t len)
{
	if (len == 0 || text[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("._-:%", text[i]))
			return false;
	return true;
}

struct ssh_place {
	char *user, *host, *port; /* user and port may be NULL */
};

static void ssh_place_release(struct ssh_place *place)
{
	free(place->user);
	free(place->host);
	free(place->port);
}

/* "[user@]host[:port]", the host of an IPv6 address in brackets. */
static bool parse_ssh_place(const char *text, struct ssh_place *place)
{
	const char *at = strrchr(text, '@'), *host = at ? at + 1 : text, *rest;
	size_t len = *host == '[' ? strcspn(host, "]") : strcspn(host, ":/");
	int64_t port;

	if (at && !is_ssh_word(text, (size_t)(at - text)))
		return false;
	if (*host == '[') {
		if (host[len] != ']' || !is_ssh_word(host + 1, len - 1))
			return false;
		rest = host + len + 1;
		place->host = xstrndup(host + 1, len - 1);
	} else {
		if (!is_ssh_word(host, len))
			return false;
		rest = host + len;
		place->host = xstrndup(host, len);
	}
	place->user = at ? xstrndup(text, (size_t)(at - text)) : NULL;
	if (!*rest || strcmp(rest, "/") == 0)
		return true;
	if (*rest != ':' || !text_parse_int(rest + 1, 1, 65535, &port))
		return false;
	place->port = xstrdup(rest + 1);
	return true;
}

bool docker_use_ssh(struct docker *docker, const char *host, struct err *err)
{
	static const char *const options[] = {
		"ssh", "-T",
		"-x",  "-a",
		"-o",  "BatchMode=yes",
		"-o",  "ConnectTimeout=10",
		"-o",  "ServerAliveInterval=15",
		"-o",  "ServerAliveCountMax=3",
		"-o",  "ClearAllForwardings=yes",
	};
	struct ssh_place place = { 0 };
	const char *argv[COUNT_OF(options) + 10];
	size_t n = COUNT_OF(options);
	bool ok = parse_ssh_place(host + strlen("ssh://"), &place);

	memcpy(argv, options, sizeof(options));
	if (place.user) {
		argv[n++] = "-l";
		argv[n++] = place.user;
	}
	if (place.port) {
		argv[n++] = "-p";
		argv[n++] = place.port;
	}
	argv[n++] = "--";
	argv[n++] = place.host;
	argv[n++] = "docker";
	argv[n++] = "system";
	argv[n++] = "dial-stdio";
	argv[n] = NULL;
	if (ok)
		endpoint_set_dial(&docker->endpoint, argv, host);
	else
		err_set(err, ERR_INPUT,
			"docker host \"%s\": write ssh://user@host or ssh://user@host:port", host);
	ssh_place_release(&place);
	return ok;
}
