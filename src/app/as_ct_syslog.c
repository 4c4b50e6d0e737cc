#include "as_ct_syslog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"

static int fd = -1;
static int facility_bits;
static char *tag, *socket_path;

static bool find_facility(const char *name, int *out)
{
	static const struct {
		const char *name;
		int bits;
	} facilities[] = {
		{ "KERN", LOG_KERN },     { "USER", LOG_USER },         { "MAIL", LOG_MAIL },
		{ "DAEMON", LOG_DAEMON }, { "AUTH", LOG_AUTH },         { "SYSLOG", LOG_SYSLOG },
		{ "LPR", LOG_LPR },       { "NEWS", LOG_NEWS },         { "UUCP", LOG_UUCP },
		{ "CRON", LOG_CRON },     { "AUTHPRIV", LOG_AUTHPRIV }, { "FTP", LOG_FTP },
		{ "LOCAL0", LOG_LOCAL0 }, { "LOCAL1", LOG_LOCAL1 },     { "LOCAL2", LOG_LOCAL2 },
		{ "LOCAL3", LOG_LOCAL3 }, { "LOCAL4", LOG_LOCAL4 },     { "LOCAL5", LOG_LOCAL5 },
		{ "LOCAL6", LOG_LOCAL6 }, { "LOCAL7", LOG_LOCAL7 },
	};

	for (size_t i = 0; i < COUNT_OF(facilities); i++)
		if (strcasecmp(facilities[i].name, name) == 0) {
			*out = facilities[i].bits;
			return true;
		}
	return false;
}

static bool connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	if (fd >= 0)
		close(fd);
	fd = -1;
	return false;
}

static bool connect_anywhere(void)
{
	static const char *const usual[] = { "/dev/log", "/var/run/syslog", "/var/run/log" };
	bool ok = false;

	if (socket_path)
		return connect_to(socket_path);
	for (size_t i = 0; i < COUNT_OF(usual) && !ok; i++)
		ok = connect_to(usual[i]);
	return ok;
}

bool ct_syslog_open(const char *path, const char *facility, const char *name, struct err *err)
{
	ct_syslog_close();
	if (!find_facility(facility, &facility_bits))
		return err_set(err, ERR_INPUT,
			       "error setting up syslog logger: invalid syslog facility: %s",
			       facility);
	socket_path = path ? xstrdup(path) : NULL;
	if (!connect_anywhere())
		return err_set(err, ERR_UNREACHABLE,
			       "error setting up syslog logger: Unix syslog delivery error");
	tag = xstrdup(name);
	return true;
}

void ct_syslog_send(enum log_level level, const char *text)
{
	/* The original's: an info is worth noting there. */
	static const int severities[] = { LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERR };
	struct strbuf line = STRBUF_INIT;
	time_t now = time(NULL);
	char when[32];
	struct tm tm;

	if (!tag)
		return;
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	strbuf_addf(&line, "<%d>%s %s[%ld]: %s", facility_bits | severities[level], when, tag,
		    (long)getpid(), text);
	/* The daemon behind it may have been started anew. */
	if ((fd < 0 || send(fd, line.buf, line.len, MSG_NOSIGNAL) < 0)) {
		if (fd >= 0)
			close(fd);
		fd = -1;
		if (connect_anywhere())
			(void)!send(fd, line.buf, line.len, MSG_NOSIGNAL);
	}
	strbuf_release(&line);
}

void ct_syslog_close(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
	free(tag);
	free(socket_path);
	tag = socket_path = NULL;
}
