#include "support/real_docker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "binnacle/base/mem.h"
#include "support/real_etcd.h"

/* Run a line of a shell in the daemon's folder. */
static bool run(const struct real_docker *docker, const char *script)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (chdir(docker->dir) == 0)
			execlp("sh", "sh", "-ec", script, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const char certificates[] =
	"make() {\n"
	"	mkdir -p \"$1\"\n"
	"	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
	" -subj '/CN=test ca' -keyout $1/ca.key -out $1/ca.pem\n"
	"	for who in server client; do\n"
	"		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
	" -subj \"/CN=$who\" -keyout $1/$who.key -out $1/$who.csr\n"
	"		printf "
	"'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n'"
	" >$1/ext\n"
	"		openssl x509 -req -in $1/$who.csr -CA $1/ca.pem -CAkey $1/ca.key"
	" -CAcreateserial -days 2 -extfile $1/ext -out $1/$who.pem\n"
	"	done\n"
	"	mv $1/client.pem $1/cert.pem\n"
	"	mv $1/client.key $1/key.pem\n"
	"}\n"
	"make .\n"
	"make other\n"
	"echo '{}' >daemon.json\n";

static bool is_listening(const struct real_docker *docker)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/docker.sock", docker->dir);
	ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return ok;
}

void real_docker_again(struct real_docker *docker)
{
	char *script = xasprintf(
		"rm -f docker.pid docker.sock exec/containerd/containerd.pid\n"
		/* Its mounts are to go with it. */
		"exec unshare --mount dockerd --config-file daemon.json --data-root \"$PWD/data\""
		" --exec-root \"$PWD/exec\" --pidfile \"$PWD/docker.pid\" --bridge=none"
		" --iptables=false --storage-driver=vfs --shutdown-timeout 1"
		" -H unix://$PWD/docker.sock -H tcp://127.0.0.1:%d --tlsverify"
		" --tlscacert ca.pem --tlscert server.pem --tlskey server.key >log 2>&1 </dev/null",
		docker->port);

	docker->pid = fork();
	if (docker->pid == 0) {
		/* Its containerd goes with it, in order. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (chdir(docker->dir) == 0)
			execlp("sh", "sh", "-ec", script, (char *)NULL);
		_exit(127);
	}
	free(script);
	for (int i = 0; i < 3000; i++) {
		if (is_listening(docker))
			return;
		if (waitpid(docker->pid, NULL, WNOHANG) == docker->pid)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	fprintf(stderr, "dockerd does not start: see %s/log\n", docker->dir);
	abort();
}

bool real_docker_start(struct real_docker *docker)
{
	*docker = (struct real_docker){ .port = real_etcd_free_port() };
	strcpy(docker->dir, "/tmp/dockerd-XXXXXX");
	if (geteuid() != 0 || !mkdtemp(docker->dir))
		return false;
	if (!run(docker, "command -v dockerd && command -v openssl")) {
		rmdir(docker->dir);
		return false;
	}
	if (!run(docker, certificates))
		abort();
	snprintf(docker->other_dir, sizeof(docker->other_dir), "%s/other", docker->dir);
	snprintf(docker->unix_host, sizeof(docker->unix_host), "unix://%s/docker.sock",
		 docker->dir);
	snprintf(docker->tls_host, sizeof(docker->tls_host), "tcp://127.0.0.1:%d", docker->port);
	real_docker_again(docker);
	return true;
}

/* Its containerd has to be ended, too: nobody else would. */
static void end(struct real_docker *docker, int number)
{
	kill(docker->pid, number);
	waitpid(docker->pid, NULL, 0);
	docker->pid = 0;
	if (number == SIGKILL)
		run(docker, "kill -KILL $(cat exec/containerd/containerd.pid)");
}

void real_docker_kill(struct real_docker *docker)
{
	end(docker, SIGKILL);
}

void real_docker_stop(struct real_docker *docker)
{
	if (docker->pid <= 0)
		return;
	end(docker, SIGTERM);
	if (strncmp(docker->dir, "/tmp/dockerd-", 13) == 0)
		run(docker, "rm -rf -- \"$PWD\"");
}
