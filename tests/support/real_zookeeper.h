/*
 * support/real_zookeeper.h - a ZooKeeper of our own for one test program, on a free port of the
 * loopback.
 *
 * Blocking on purpose: it plays "somebody else", beside the loop that is being tested. The client
 * in here is written apart from src/zookeeper, so that both must have understood the protocol.
 */
#ifndef SUPPORT_REAL_ZOOKEEPER_H
#define SUPPORT_REAL_ZOOKEEPER_H

#include <stdbool.h>
#include <sys/types.h>

/* Sessions live at least so long, and at most ten times as long. */
#define REAL_ZOOKEEPER_SESSION_MS 200

struct real_zookeeper {
	pid_t pid;
	int port;
	char address[48];
	char dir[64];
};

/* False when there is no server program here (the test is to be skipped). */
bool real_zookeeper_start(struct real_zookeeper *server);
void real_zookeeper_stop(struct real_zookeeper *server); /* and remove its data */
/* Kill it, and start it again on the same port; with `wiped` without its data. */
void real_zookeeper_kill(struct real_zookeeper *server);
void real_zookeeper_restart(struct real_zookeeper *server, bool wiped);
void real_zookeeper_pause(const struct real_zookeeper *server, bool pause);

/* The data of a node, NULL: there is none. The caller frees it. *is_ephemeral may be NULL. */
char *real_zookeeper_get(const struct real_zookeeper *server, const char *path, bool *is_ephemeral);
bool real_zookeeper_create(const struct real_zookeeper *server, const char *path, const char *data);
bool real_zookeeper_delete(const struct real_zookeeper *server, const char *path);

#endif
