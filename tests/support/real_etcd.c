#include "support/real_etcd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "binnacle/base/encode.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/net/endpoint.h"

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

int real_etcd_free_port(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		abort();
	close(fd);
	return ntohs(address.sin_port);
}

static int connect_to(int port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

static void exec_etcd(const struct real_etcd *etcd)
{
	char client[64], peer[64], cluster[80];
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	snprintf(client, sizeof(client), "http://127.0.0.1:%d", etcd->port);
	snprintf(peer, sizeof(peer), "http://127.0.0.1:%d", etcd->peer_port);
	snprintf(cluster, sizeof(cluster), "default=%s", peer);
	execlp("etcd", "etcd", etcd->with_v2 ? "--enable-v2=true" : "--enable-v2=false",
	       "--data-dir", etcd->dir, "--listen-client-urls", client, "--advertise-client-urls",
	       client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
	       "--initial-cluster", cluster, (char *)NULL);
	_exit(127);
}

bool real_etcd_is_healthy(const struct real_etcd *etcd)
{
	int fd = connect_to(etcd->port), status;
	char *body;
	bool healthy;

	if (fd < 0)
		return false;
	close(fd);
	body = real_etcd_request(etcd, "GET", "/health", NULL, &status);
	healthy = status == 200 && strstr(body, "\"true\"");
	free(body);
	return healthy;
}

/* False: there is no such program. */
static bool launch(struct real_etcd *etcd)
{
	etcd->pid = fork();
	if (etcd->pid == 0)
		exec_etcd(etcd);
	for (int i = 0; i < 1000; i++) {
		int status;

		if (waitpid(etcd->pid, &status, WNOHANG) == etcd->pid) {
			etcd->pid = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
				return false;
			abort();
		}
		if (real_etcd_is_healthy(etcd))
			return true;
		nap();
	}
	abort();
}

bool real_etcd_start(struct real_etcd *etcd, bool with_v2)
{
	*etcd = (struct real_etcd){ .port = real_etcd_free_port(), .with_v2 = with_v2 };
	etcd->peer_port = real_etcd_free_port();
	snprintf(etcd->url, sizeof(etcd->url), "http://127.0.0.1:%d", etcd->port);
	strncpy(etcd->dir,
		access("/dev/shm", W_OK) == 0 ? "/dev/shm/etcd-XXXXXX" : "/tmp/etcd-XXXXXX",
		sizeof(etcd->dir) - 1);
	if (!mkdtemp(etcd->dir))
		abort();
	if (launch(etcd))
		return true;
	rmdir(etcd->dir);
	*etcd->dir = '\0';
	return false;
}

void real_etcd_kill(struct real_etcd *etcd)
{
	kill(etcd->pid, SIGKILL);
	waitpid(etcd->pid, NULL, 0);
	etcd->pid = 0;
}

void real_etcd_pause(const struct real_etcd *etcd, bool pause)
{
	int status;

	kill(etcd->pid, pause ? SIGSTOP : SIGCONT);
	if (pause) /* until all its threads stand still */
		waitpid(etcd->pid, &status, WUNTRACED);
}

void real_etcd_again(struct real_etcd *etcd)
{
	if (!launch(etcd))
		abort();
}

void real_etcd_stop(struct real_etcd *etcd)
{
	pid_t rm;

	if (etcd->pid > 0)
		real_etcd_kill(etcd);
	if (!*etcd->dir)
		return;
	rm = fork();
	if (rm == 0) {
		execlp("rm", "rm", "-rf", "--", etcd->dir, (char *)NULL);
		_exit(127);
	}
	waitpid(rm, NULL, 0);
	*etcd->dir = '\0';
}

static char *request(const struct real_etcd *etcd, const char *method, const char *path,
		     const char *header, const char *body_text, int *status)
{
	struct strbuf text = STRBUF_INIT;
	int fd = connect_to(etcd->port);
	const char *body;
	char *copy;
	char part[4096];
	ssize_t got;

	if (fd < 0)
		abort();
	strbuf_addf(&text,
		    "%s %s HTTP/1.0\r\nHost: localhost\r\n%s\r\nContent-Length: %zu\r\n\r\n%s",
		    method, path, header, body_text ? strlen(body_text) : 0,
		    body_text ? body_text : "");
	for (size_t sent = 0; sent < text.len; sent += (size_t)got) {
		got = write(fd, text.buf + sent, text.len - sent);
		if (got <= 0)
			abort();
	}
	strbuf_reset(&text);
	while ((got = read(fd, part, sizeof(part))) > 0)
		strbuf_add(&text, part, (size_t)got);
	close(fd);
	if (status)
		*status = text.len > 12 ? atoi(text.buf + 9) : 0;
	body = strstr(text.buf, "\r\n\r\n");
	copy = xstrdup(body ? body + 4 : "");
	strbuf_release(&text);
	return copy;
}

char *real_etcd_request(const struct real_etcd *etcd, const char *method, const char *path,
			const char *form, int *status)
{
	return request(etcd, method, path, "Content-Type: application/x-www-form-urlencoded", form,
		       status);
}

char *real_etcd_call(const struct real_etcd *etcd, const char *call, const char *token,
		     const char *body, int *status)
{
	char *path = xasprintf("/v3%s", call);
	char *header = xasprintf("Content-Type: application/json%s%s",
				 token ? "\r\nAuthorization: " : "", token ? token : "");
	char *answer = request(etcd, "POST", path, header, body, status);

	free(path);
	free(header);
	return answer;
}

static void must_call(const struct real_etcd *etcd, const char *call, const char *body)
{
	int status;

	free(real_etcd_call(etcd, call, NULL, body, &status));
	if (status != 200)
		abort();
}

void real_etcd3_put(const struct real_etcd *etcd, const char *key, const char *value)
{
	struct strbuf body = STRBUF_INIT;

	strbuf_addstr(&body, "{\"key\":\"");
	base64_encode(&body, key, strlen(key), BASE64_STANDARD);
	if (value) {
		strbuf_addstr(&body, "\",\"value\":\"");
		base64_encode(&body, value, strlen(value), BASE64_STANDARD);
	}
	strbuf_addstr(&body, "\"}");
	must_call(etcd, value ? "/kv/put" : "/kv/deleterange", body.buf);
	strbuf_release(&body);
}

void real_etcd_enable_auth(const struct real_etcd *etcd, const char *password)
{
	char *user = xasprintf("{\"name\":\"root\",\"password\":\"%s\"}", password);
	char *user2 = xasprintf("{\"user\":\"root\",\"password\":\"%s\"}", password);
	int status;

	must_call(etcd, "/auth/user/add", user);
	must_call(etcd, "/auth/role/add", "{\"name\":\"root\"}");
	must_call(etcd, "/auth/user/grant", "{\"user\":\"root\",\"role\":\"root\"}");
	must_call(etcd, "/auth/enable", "{}");
	if (etcd->with_v2) {
		free(request(etcd, "PUT", "/v2/auth/users/root", "Content-Type: application/json",
			     user2, &status));
		if (status != 201)
			abort();
		free(request(etcd, "PUT", "/v2/auth/enable", "Content-Type: application/json", "",
			     &status));
		if (status != 200)
			abort();
	}
	free(user);
	free(user2);
}

void real_etcd_put(const struct real_etcd *etcd, const char *key, const char *value)
{
	struct strbuf path = STRBUF_INIT, form = STRBUF_INIT;
	int status;

	strbuf_addf(&path, "/v2/keys%s", key);
	strbuf_addstr(&form, "value=");
	url_escape(&form, value);
	free(real_etcd_request(etcd, "PUT", path.buf, form.buf, &status));
	if (status != 200 && status != 201)
		abort();
	strbuf_release(&path);
	strbuf_release(&form);
}
