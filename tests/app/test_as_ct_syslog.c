/* Lines for the system's log, as a socket of our own receives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/as_consul_template.h"
#include "../../src/app/as_ct_syslog.h"
#include "binnacle/base/file.h"
#include "binnacle/base/mem.h"

static char folder[] = "/tmp/binnacle-syslog-XXXXXX";
static char *path;

static int listen_at(const char *where)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", where);
	unlink(where);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The next line, whole; it is there already. */
static const char *receive(int fd)
{
	static char line[512];
	ssize_t len = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT);

	assert_true(len > 0);
	line[len] = '\0';
	return line;
}

static void a_line_has_priority_time_name_and_pid(void **state)
{
	int fd = listen_at(path);
	char expected[64];
	const char *line;
	struct err err;

	(void)state;
	assert_true(ct_syslog_open(path, "local3", "renderer", &err));
	ct_syslog_send(LOG_LEVEL_WARN, "(runner) something");
	line = receive(fd);
	snprintf(expected, sizeof(expected), "<%d>", LOG_LOCAL3 | LOG_WARNING);
	assert_memory_equal(line, expected, strlen(expected));
	snprintf(expected, sizeof(expected), " renderer[%ld]: (runner) something", (long)getpid());
	assert_non_null(strstr(line, expected));
	/* "<164>Jan  2 15:04:05 renderer[" */
	assert_int_equal(strcspn(line, "r"), strcspn(line, ">") + 1 + 16);
	ct_syslog_close();
	close(fd);
}

static void a_daemon_that_was_started_anew_is_found_again(void **state)
{
	int fd = listen_at(path);
	struct err err;

	(void)state;
	assert_true(ct_syslog_open(path, "LOCAL0", "n", &err));
	close(fd);
	ct_syslog_send(LOG_LEVEL_INFO, "lost");
	fd = listen_at(path);
	ct_syslog_send(LOG_LEVEL_INFO, "found");
	assert_non_null(strstr(receive(fd), "found"));
	ct_syslog_close();
	ct_syslog_send(LOG_LEVEL_INFO, "after the end");
	close(fd);
}

static void without_a_daemon_or_with_an_unknown_facility_it_fails(void **state)
{
	struct err err;

	(void)state;
	unlink(path);
	assert_false(ct_syslog_open(path, "LOCAL0", "n", &err));
	assert_string_equal(err.msg, "error setting up syslog logger: Unix syslog delivery error");
	assert_false(ct_syslog_open(path, "LOCAL9", "n", &err));
	assert_string_equal(err.msg,
			    "error setting up syslog logger: invalid syslog facility: LOCAL9");
}

/* Skips lines until one has the text. */
static void assert_receives(int fd, const char *text)
{
	char line[512];
	ssize_t len;

	while ((len = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT)) > 0) {
		line[len] = '\0';
		if (strstr(line, text))
			return;
	}
	fail_msg("no line has \"%s\"", text);
}

static void the_program_logs_there_what_it_logs(void **state)
{
	char *source = xasprintf("%s/in", folder), *out = xasprintf("%s/out", folder);
	char *template = xasprintf("%s:%s:true", source, out);
	char *argv[] = { "consul-template",  "-once",  "-template", template, "-log-level", "info",
			 "-syslog-facility", "LOCAL2", NULL };
	char expected[80];
	int fd = listen_at(path);
	struct err err;

	(void)state;
	assert_true(file_replace(source, "text\n", 5, NULL, &err));
	setenv("BINNACLE_SYSLOG_SOCKET", path, 1);
	setenv("XDG_STATE_HOME", folder, 1);
	assert_int_equal(as_consul_template(8, argv), 0);
	snprintf(expected, sizeof(expected), "<%d>", LOG_LOCAL2 | LOG_NOTICE);
	assert_receives(fd, expected);
	snprintf(expected, sizeof(expected), "consul-template[%ld]: (runner) rendered ",
		 (long)getpid());
	assert_receives(fd, expected);
	close(fd);
	unlink(source);
	unlink(out);
	free(source);
	free(out);
	free(template);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_priority_time_name_and_pid),
		cmocka_unit_test(a_daemon_that_was_started_anew_is_found_again),
		cmocka_unit_test(the_program_logs_there_what_it_logs),
		cmocka_unit_test(without_a_daemon_or_with_an_unknown_facility_it_fails),
	};
	char *command;
	int failed;

	if (!mkdtemp(folder))
		return 1;
	path = xasprintf("%s/log", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	command = xasprintf("rm -rf '%s'", folder);
	if (system(command) != 0)
		failed++;
	free(command);
	free(path);
	return failed;
}
