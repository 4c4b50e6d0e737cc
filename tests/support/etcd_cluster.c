#include "support/etcd_cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void be_quiet(void)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
}

/* Run a line of a shell in the cluster's folder. */
static bool run(const struct etcd_cluster *cluster, const char *script)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		be_quiet();
		if (chdir(cluster->dir) == 0)
			execlp("sh", "sh", "-ec", script, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const char certificates[] =
	"new='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
	"for ca in ca other; do\n"
	"	openssl req -x509 $new -days 2 -subj \"/CN=$ca\" -keyout $ca.key -out $ca.pem\n"
	"done\n"
	"printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' >ext\n"
	"echo /CN=server >server.name\n"
	"echo /O=client >client.name\n"
	"for who in server client; do\n"
	"	openssl req $new -subj \"$(cat $who.name)\" -keyout $who.key -out $who.csr\n"
	"	openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
	" -extfile ext -out $who.pem\n"
	"done\n";

static void exec_member(const struct etcd_cluster *cluster, int index)
{
	const struct real_etcd *member = &cluster->members[index];
	char name[16], clients[120], peer[48], all[300] = "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	be_quiet();
	for (int i = 0; i < ETCD_CLUSTER_MEMBERS; i++) {
		size_t len = strlen(all);

		snprintf(all + len, sizeof(all) - len, "%sm%d=http://127.0.0.1:%d", i ? "," : "", i,
			 cluster->members[i].peer_port);
	}
	snprintf(name, sizeof(name), "m%d", index);
	snprintf(peer, sizeof(peer), "http://127.0.0.1:%d", member->peer_port);
	snprintf(clients, sizeof(clients), "%s,%s", cluster->urls[index], member->url);
	if (chdir(cluster->dir) == 0)
		execlp("etcd", "etcd", "--name", name, "--enable-v2=true", "--data-dir",
		       member->dir, "--listen-client-urls", clients, "--advertise-client-urls",
		       clients, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		       "--initial-cluster", all, "--cert-file", "server.pem", "--key-file",
		       "server.key", "--client-cert-auth", "--trusted-ca-file", "ca.pem",
		       (char *)NULL);
	_exit(127);
}

static void launch(struct etcd_cluster *cluster, int index)
{
	struct real_etcd *member = &cluster->members[index];

	member->pid = fork();
	if (member->pid == 0)
		exec_member(cluster, index);
}

static void wait_for(const struct etcd_cluster *cluster, int index)
{
	for (int i = 0; i < 3000; i++) {
		if (real_etcd_is_healthy(&cluster->members[index]))
			return;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	abort();
}

static void place(const struct etcd_cluster *cluster, char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s/%s", cluster->dir, name);
}

bool etcd_cluster_start(struct etcd_cluster *cluster)
{
	*cluster = (struct etcd_cluster){ 0 };
	strcpy(cluster->dir, "/tmp/etcds-XXXXXX");
	if (!mkdtemp(cluster->dir))
		abort();
	if (!run(cluster, "command -v etcd && command -v openssl")) {
		rmdir(cluster->dir);
		return false;
	}
	if (!run(cluster, certificates))
		abort();
	place(cluster, cluster->ca_file, sizeof(cluster->ca_file), "ca.pem");
	place(cluster, cluster->other_ca_file, sizeof(cluster->other_ca_file), "other.pem");
	place(cluster, cluster->cert_file, sizeof(cluster->cert_file), "client.pem");
	place(cluster, cluster->key_file, sizeof(cluster->key_file), "client.key");
	place(cluster, cluster->cn_cert_file, sizeof(cluster->cn_cert_file), "server.pem");
	place(cluster, cluster->cn_key_file, sizeof(cluster->cn_key_file), "server.key");
	for (int i = 0; i < ETCD_CLUSTER_MEMBERS; i++) {
		struct real_etcd *member = &cluster->members[i];

		*member = (struct real_etcd){ .port = real_etcd_free_port(),
					      .peer_port = real_etcd_free_port(),
					      .with_v2 = true };
		cluster->tls_ports[i] = real_etcd_free_port();
		snprintf(member->url, sizeof(member->url), "http://127.0.0.1:%d", member->port);
		snprintf(member->dir, sizeof(member->dir), "m%d", i);
		snprintf(cluster->urls[i], sizeof(cluster->urls[i]), "https://127.0.0.1:%d",
			 cluster->tls_ports[i]);
	}
	for (int i = 0; i < ETCD_CLUSTER_MEMBERS; i++)
		launch(cluster, i);
	for (int i = 0; i < ETCD_CLUSTER_MEMBERS; i++)
		wait_for(cluster, i);
	return true;
}

void etcd_cluster_again(struct etcd_cluster *cluster, int member)
{
	launch(cluster, member);
	wait_for(cluster, member);
}

void etcd_cluster_stop(struct etcd_cluster *cluster)
{
	for (int i = 0; i < ETCD_CLUSTER_MEMBERS; i++)
		if (cluster->members[i].pid > 0)
			real_etcd_kill(&cluster->members[i]);
	if (strncmp(cluster->dir, "/tmp/etcds-", 11) == 0)
		run(cluster, "rm -rf -- \"$PWD\"");
	*cluster = (struct etcd_cluster){ 0 };
}
