/*
 * support/real_docker.h - a dockerd of our own for one test program: without networks, on a Unix
 * socket and on a port of the loopback with TLS, with certificates of a CA made for it.
 *
 * Needs root. Blocking on purpose: it plays "somebody else", beside the loop that is being tested.
 */
#ifndef SUPPORT_REAL_DOCKER_H
#define SUPPORT_REAL_DOCKER_H

#include <stdbool.h>
#include <sys/types.h>

struct real_docker {
	pid_t pid;
	int port;
	char dir[64];       /* with ca.pem, cert.pem, key.pem: a client's cert_path */
	char other_dir[80]; /* the same of another CA */
	char unix_host[96]; /* "unix:///…" */
	char tls_host[64];  /* "tcp://127.0.0.1:…" */
};

/* False when it cannot be run here (not root, no dockerd or openssl): the test is to be skipped. */
bool real_docker_start(struct real_docker *docker);
/* The same daemon again, on the same places, after real_docker_kill. */
void real_docker_again(struct real_docker *docker);
void real_docker_kill(struct real_docker *docker);
void real_docker_stop(struct real_docker *docker);

#endif
