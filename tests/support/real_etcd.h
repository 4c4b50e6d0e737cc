/*
 * support/real_etcd.h - an etcd of our own for one test program, on free ports of the loopback.
 *
 * Blocking on purpose: it plays "somebody else", beside the loop that is being tested.
 */
#ifndef SUPPORT_REAL_ETCD_H
#define SUPPORT_REAL_ETCD_H

#include <stdbool.h>
#include <sys/types.h>

struct real_etcd {
	pid_t pid;
	int port;
	char url[48];
	char dir[64];
	int peer_port;
	bool with_v2;
};

/* False when there is no etcd program here (the test is to be skipped). */
bool real_etcd_start(struct real_etcd *etcd, bool with_v2);
void real_etcd_stop(struct real_etcd *etcd);
/* End it, or hold it still, or let it go on; its data and its port stay for real_etcd_again. */
void real_etcd_kill(struct real_etcd *etcd);
void real_etcd_pause(const struct real_etcd *etcd, bool pause);
void real_etcd_again(struct real_etcd *etcd);
bool real_etcd_is_healthy(const struct real_etcd *etcd);

/* One request, e.g. ("PUT", "/v2/keys/a?prevExist=false", "value=1"). Returns the body, which
 * the caller frees; *status may be NULL. */
char *real_etcd_request(const struct real_etcd *etcd, const char *method, const char *path,
			const char *form, int *status);
/* Put a value, percent-encoded here, under a key that needs no encoding. */
void real_etcd_put(const struct real_etcd *etcd, const char *key, const char *value);
/* One call of the v3 API with a JSON body, e.g. "/kv/compact"; a token or NULL. The same. */
char *real_etcd_call(const struct real_etcd *etcd, const char *call, const char *token,
		     const char *body, int *status);
/* Put or, with value NULL, delete a key of the v3 API. */
void real_etcd3_put(const struct real_etcd *etcd, const char *key, const char *value);
/* A user root with this password who may do everything; authentication of both APIs is on then
 * (the v2 API has the same user, if it is on). */
void real_etcd_enable_auth(const struct real_etcd *etcd, const char *password);
/* A port of the loopback where nobody listens. */
int real_etcd_free_port(void);

#endif
