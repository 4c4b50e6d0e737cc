#include "as_ct_dedup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/encode.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/render/answers.h"
#include "as_ct_run_private.h"

#define SESSION_RETRY_MS 15000
#define LOCK_RETRY_MS    10000
#define WRITE_RETRY_MS   10000
#define STOP_MS          2000
/* Flags of keys say whose they are; the first are those of every Consul lock. */
#define LOCK_FLAGS UINT64_C(0x2ddccbc058a50c18)
#define DATA_FLAGS UINT64_C(0x62696e6e61636c) /* "binnacl" */
/* Consul's limit for a value is 512 KiB. */
#define DATA_MAX ((size_t)500 * 1024)
/* What a value begins with: whose answers they are, by the session that holds the lock. Then what
 * render/answers.h gives, or, where that does not fit, the order to ask for oneself. */
#define DATA_BEGIN "{\"session\":\"%s\","
#define TOO_LARGE  "\"too_large\":true}"

enum role { ROLE_UNKNOWN, ROLE_FOLLOWER, ROLE_HOLDER };

/* One text of a template. */
struct lock {
	struct ct_dedup *dedup;
	const struct ct_item *first; /* the first item of that text; it has the others' MD5 too */
	char *key;
	enum role role;
	bool is_held;                 /* by another session */
	char *holder;                 /* its session; NULL: nobody's */
	char taken[DIGEST_HEX_BYTES]; /* of the data that we use; not their index, which starts anew
				       * with a new Consul */
	struct consul_watch *watch;   /* of both keys; NULL: we hold the lock */
	struct consul_call *acquire, *write;
	struct loop_timer *retry;
	uint64_t executions; /* when the answers were last looked at */
	char written[DIGEST_HEX_BYTES], writing[DIGEST_HEX_BYTES];
};

struct ct_dedup {
	struct ct_run *run;
	char *session; /* NULL: none */
	struct consul_call *call;
	struct loop_timer *timer;
	struct lock *locks;
	size_t count;
	void (*stopped)(void *arg);
	void *arg;
};

static void create_session(void *arg);
static void renew_session(void *arg);
static void write_data(struct lock *lock);
static consul_fn on_keys;

/* ---- what a template does in each role ---- */

/* All items of the text. */
static void for_items(struct lock *lock, void (*fn)(struct render_runner *, size_t))
{
	struct ct_run *run = lock->dedup->run;

	for (size_t i = 0; i < run->count; i++)
		if (strcmp(run->items[i].md5, lock->first->md5) == 0)
			fn(run->runner, i);
}

static bool import(struct lock *lock, const char *text, size_t len, struct err *err)
{
	struct ct_run *run = lock->dedup->run;
	bool ok = true;

	for (size_t i = 0; i < run->count && ok; i++)
		if (strcmp(run->items[i].md5, lock->first->md5) == 0)
			ok = render_answers_import(run->runner, i, text, len, err);
	return ok;
}

static void take_data(struct lock *lock, const char *text, size_t len)
{
	struct err err;

	if (text_ends_with(text, TOO_LARGE)) {
		for_items(lock, render_answers_ask);
	} else if (!import(lock, text, len, &err)) {
		log_warn("dedup", "%s/data: %s: asking Consul ourselves", lock->key, err.msg);
		for_items(lock, render_answers_ask);
	}
}

/* An earlier holder's answers may be from long ago. */
static bool is_of_holder(const struct lock *lock, const char *text)
{
	char *begin = xasprintf(DATA_BEGIN, lock->holder ? lock->holder : "");
	bool is_his = lock->holder && text_starts_with(text, begin);

	free(begin);
	return is_his;
}

static void read_data(struct lock *lock, const struct json *pair)
{
	const char *base64 = json_str(pair, "Value", "");
	struct strbuf text = STRBUF_INIT;
	char digest[DIGEST_HEX_BYTES];

	digest_md5_hex(base64, strlen(base64), digest);
	if (strcmp(digest, lock->taken) == 0)
		return;
	if (json_int(pair, "Flags", 0) != (int64_t)DATA_FLAGS) {
		log_warn("dedup", "%s/data is not binnacle's: use a prefix of its own", lock->key);
		return;
	}
	if (base64_decode(&text, base64, strlen(base64), BASE64_STANDARD, NULL) &&
	    is_of_holder(lock, text.buf)) {
		memcpy(lock->taken, digest, sizeof(lock->taken));
		take_data(lock, text.buf, text.len);
	}
	strbuf_release(&text);
}

static void start_watch(struct lock *lock)
{
	const struct ct_dedup *dedup = lock->dedup;
	unsigned flags = dedup->run->config->dedup.max_stale_ms ? CONSUL_WATCH_STALE : 0;
	char *path = xasprintf("/v1/kv/%s/?recurse=", lock->key);

	if (!lock->watch)
		lock->watch = consul_watch_start(dedup->run->consul, path,
						 flags | CONSUL_WATCH_404_IS_DATA, on_keys, lock);
	free(path);
}

static void set_role(struct lock *lock, enum role role)
{
	if (lock->role == role)
		return;
	lock->role = role;
	consul_call_cancel(&lock->write);
	loop_timer_stop(&lock->retry);
	if (role == ROLE_HOLDER) {
		log_info("dedup", "acquired lock %s/lock", lock->key);
		consul_watch_stop(&lock->watch);
		lock->written[0] = '\0';
		lock->executions = 0;
		for_items(lock, render_answers_ask);
	} else if (role == ROLE_FOLLOWER) {
		log_info("dedup", "another instance holds %s/lock", lock->key);
		lock->taken[0] = '\0';
		for_items(lock, render_answers_wait);
		start_watch(lock);
	}
}

/* ---- the holder's answers ---- */

static void on_retry_write(void *arg)
{
	struct lock *lock = arg;

	lock->retry = NULL;
	lock->executions = 0;
	write_data(lock);
}

static void on_written(void *arg, const struct json *doc, const struct consul_meta *meta,
		       const struct err *err)
{
	struct lock *lock = arg;
	struct ct_dedup *dedup = lock->dedup;

	(void)doc;
	(void)meta;
	lock->write = NULL;
	if (err) {
		log_warn("dedup", "cannot write %s/data: %s", lock->key, err->msg);
		if (!lock->retry)
			lock->retry = loop_timer_start(dedup->run->loop, WRITE_RETRY_MS,
						       on_retry_write, lock);
		return;
	}
	memcpy(lock->written, lock->writing, sizeof(lock->written));
	log_info("dedup", "wrote %s/data", lock->key);
	write_data(lock); /* what came in the meantime */
}

static void send_data(struct lock *lock, const char *body)
{
	char *path = xasprintf("/v1/kv/%s/data?flags=%" PRIu64, lock->key, DATA_FLAGS);

	lock->write = consul_send(lock->dedup->run->consul, "PUT", path, body, on_written, lock);
	free(path);
}

static void write_data(struct lock *lock)
{
	struct ct_run *run = lock->dedup->run;
	size_t index = (size_t)(lock->first - run->items);
	uint64_t executions = render_status(run->runner, index)->executions;
	struct strbuf text = STRBUF_INIT, body = STRBUF_INIT;
	size_t len;

	if (lock->role != ROLE_HOLDER || !lock->dedup->session || lock->write ||
	    lock->executions == executions)
		return;
	lock->executions = executions;
	if (!render_answers_export(run->runner, index, &text))
		return;
	len = text.len;
	strbuf_addf(&body, DATA_BEGIN, lock->dedup->session);
	if (len > DATA_MAX)
		strbuf_addstr(&body, TOO_LARGE);
	else
		strbuf_add(&body, text.buf + 1, len - 1); /* without its opening brace */
	digest_md5_hex(body.buf, body.len, lock->writing);
	if (strcmp(lock->writing, lock->written) != 0) {
		if (len > DATA_MAX)
			log_warn("dedup",
				 "the answers of %s are %zu bytes, too large for a key of Consul: "
				 "each instance asks for itself",
				 lock->first->display, len);
		send_data(lock, body.buf);
	}
	strbuf_release(&body);
	strbuf_release(&text);
}

void ct_dedup_share(struct ct_dedup *dedup)
{
	for (size_t i = 0; i < dedup->count; i++)
		write_data(&dedup->locks[i]);
}

/* ---- locks ---- */

static void acquire(struct lock *lock);

static void on_retry_lock(void *arg)
{
	struct lock *lock = arg;

	lock->retry = NULL;
	acquire(lock);
}

static void on_acquired(void *arg, const struct json *doc, const struct consul_meta *meta,
			const struct err *err)
{
	struct lock *lock = arg;

	(void)meta;
	lock->acquire = NULL;
	if (err)
		log_warn("dedup", "cannot acquire %s/lock: %s", lock->key, err->msg);
	else if (json_as_bool(doc, false)) {
		set_role(lock, ROLE_HOLDER);
		return;
	}
	/* Somebody was faster (the watch tells), or the lock may not be taken yet. */
	if (!lock->retry)
		lock->retry = loop_timer_start(lock->dedup->run->loop, LOCK_RETRY_MS, on_retry_lock,
					       lock);
}

static void acquire(struct lock *lock)
{
	struct ct_dedup *dedup = lock->dedup;
	char *path;

	if (lock->acquire || !dedup->session || lock->is_held || lock->role == ROLE_HOLDER)
		return;
	path = xasprintf("/v1/kv/%s/lock?acquire=%s&flags=%" PRIu64, lock->key, dedup->session,
			 LOCK_FLAGS);
	lock->acquire = consul_send(dedup->run->consul, "PUT", path, NULL, on_acquired, lock);
	free(path);
}

/* What the lock says: ours, another's, or nobody's. */
static void read_lock(struct lock *lock, const struct json *pair)
{
	const char *holder = json_str(pair, "Session", "");
	const char *session = lock->dedup->session;

	lock->is_held = *holder && (!session || strcmp(holder, session) != 0);
	free(lock->holder);
	lock->holder = *holder ? xstrdup(holder) : NULL;
	if (!session)
		return;
	if (*holder && !lock->is_held) {
		set_role(lock, ROLE_HOLDER);
	} else if (lock->is_held) {
		set_role(lock, ROLE_FOLLOWER);
	} else {
		if (lock->role == ROLE_HOLDER) /* somebody took it away */
			set_role(lock, ROLE_FOLLOWER);
		loop_timer_stop(&lock->retry);
		acquire(lock);
	}
}

/* The pair whose key ends so; NULL: there is none. */
static const struct json *find_pair(const struct json *pairs, const char *end)
{
	JSON_EACH(pair, pairs)
	if (text_ends_with(json_str(pair, "Key", ""), end))
		return pair;
	return NULL;
}

static void on_keys(void *arg, const struct json *doc, const struct consul_meta *meta,
		    const struct err *err)
{
	struct lock *lock = arg;
	const struct json *data = find_pair(doc, "/data");

	(void)meta;
	if (err) {
		log_warn("dedup", "%s: %s", lock->key, err->msg);
		return;
	}
	read_lock(lock, find_pair(doc, "/lock"));
	if (data && lock->role == ROLE_FOLLOWER)
		read_data(lock, data);
}

static void start_locks(struct ct_dedup *dedup)
{
	for (size_t i = 0; i < dedup->count; i++) {
		start_watch(&dedup->locks[i]);
		if (dedup->locks[i].role == ROLE_FOLLOWER)
			acquire(&dedup->locks[i]);
	}
}

static void on_verified(void *arg, const struct json *doc, const struct consul_meta *meta,
			const struct err *err)
{
	struct lock *lock = arg;

	(void)meta;
	lock->acquire = NULL;
	if (!err || err->code == ERR_NOT_FOUND)
		read_lock(lock, json_first(doc));
}

/* Who holds a lock watches nothing of it, but looks now and then whether it is still his. */
static void verify_locks(struct ct_dedup *dedup)
{
	for (size_t i = 0; i < dedup->count; i++) {
		struct lock *lock = &dedup->locks[i];
		char *path = xasprintf("/v1/kv/%s/lock", lock->key);

		if (lock->role == ROLE_HOLDER && !lock->acquire)
			lock->acquire = consul_get(dedup->run->consul, path, on_verified, lock);
		free(path);
	}
}

/* ---- the session ---- */

static void session_in(struct ct_dedup *dedup, int64_t delay_ms, loop_fn *fn)
{
	loop_timer_stop(&dedup->timer);
	dedup->timer = loop_timer_start(dedup->run->loop, delay_ms, fn, dedup);
}

/* Not longer than a session may be silent. */
static int64_t session_retry_ms(const struct ct_dedup *dedup)
{
	int64_t ttl_ms = dedup->run->config->dedup.ttl_ms;

	return ttl_ms < SESSION_RETRY_MS ? ttl_ms : SESSION_RETRY_MS;
}

static void lose_session(struct ct_dedup *dedup)
{
	free(dedup->session);
	dedup->session = NULL;
	for (size_t i = 0; i < dedup->count; i++) {
		consul_call_cancel(&dedup->locks[i].acquire);
		if (dedup->locks[i].role == ROLE_HOLDER)
			set_role(&dedup->locks[i], ROLE_FOLLOWER);
	}
	session_in(dedup, session_retry_ms(dedup), create_session);
}

/* Half of the time that the answer gives it, or that we asked for. */
static int64_t renew_ms(const struct ct_dedup *dedup, const struct json *doc)
{
	int64_t ttl_ms;

	if (!text_parse_duration(json_str(json_first(doc), "TTL", ""), &ttl_ms) || ttl_ms <= 0)
		ttl_ms = dedup->run->config->dedup.ttl_ms;
	return ttl_ms / 2;
}

static void on_renewed(void *arg, const struct json *doc, const struct consul_meta *meta,
		       const struct err *err)
{
	struct ct_dedup *dedup = arg;

	(void)meta;
	dedup->call = NULL;
	if (err && err->code == ERR_NOT_FOUND) {
		log_warn("dedup", "the session has ended: %s", err->msg);
		lose_session(dedup);
		return;
	}
	/* Whether it has survived an outage is what the next answer says. */
	if (err)
		log_warn("dedup", "cannot renew the session: %s", err->msg);
	else
		verify_locks(dedup);
	session_in(dedup, renew_ms(dedup, err ? NULL : doc), renew_session);
}

static void renew_session(void *arg)
{
	struct ct_dedup *dedup = arg;
	char *path = xasprintf("/v1/session/renew/%s", dedup->session);

	dedup->timer = NULL;
	dedup->call = consul_send(dedup->run->consul, "PUT", path, NULL, on_renewed, dedup);
	free(path);
}

static void on_created(void *arg, const struct json *doc, const struct consul_meta *meta,
		       const struct err *err)
{
	struct ct_dedup *dedup = arg;
	const char *id = json_str(doc, "ID", "");
	struct strbuf escaped = STRBUF_INIT;

	(void)meta;
	dedup->call = NULL;
	if (err || !*id) {
		log_warn("dedup", "cannot create a session: %s",
			 err ? err->msg : "the answer has no ID");
		session_in(dedup, session_retry_ms(dedup), create_session);
		return;
	}
	url_escape(&escaped, id);
	free(dedup->session);
	dedup->session = strbuf_detach(&escaped, NULL);
	log_info("dedup", "created session %s", dedup->session);
	session_in(dedup, renew_ms(dedup, NULL), renew_session);
	start_locks(dedup);
}

static void create_session(void *arg)
{
	struct ct_dedup *dedup = arg;
	int64_t ttl_ms = dedup->run->config->dedup.ttl_ms;
	struct strbuf body = STRBUF_INIT;
	struct json *doc = json_new_object();
	char *ttl = xasprintf("%.6fs", (double)ttl_ms / 1000);

	dedup->timer = NULL;
	json_add_str(doc, "Name", "Consul-Template de-duplication");
	json_add_str(doc, "Behavior", "delete");
	json_add_str(doc, "TTL", ttl);
	/* Two holders for a moment do no harm, a lock that nobody may take does. */
	json_add_str(doc, "LockDelay", "0s");
	json_print(&body, doc);
	dedup->call = consul_send(dedup->run->consul, "PUT", "/v1/session/create", body.buf,
				  on_created, dedup);
	strbuf_release(&body);
	json_free(doc);
	free(ttl);
}

/* ---- from the beginning to the end ---- */

static const char *choose_prefix(const struct ct_config *config)
{
	const char *prefix = config->dedup.prefix;

	if (strcmp(prefix, "consul-template/dedup/") != 0)
		return prefix;
	log_warn("dedup", "%s is Consul Template's own, whose data others cannot read: using %s",
		 prefix, CT_DEDUP_PREFIX);
	return CT_DEDUP_PREFIX;
}

static bool is_first_of_text(const struct ct_run *run, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(run->items[i].md5, run->items[index].md5) == 0)
			return false;
	return true;
}

struct ct_dedup *ct_dedup_new(struct ct_run *run)
{
	struct ct_dedup *dedup = xcalloc(1, sizeof(*dedup));
	struct strbuf prefix = STRBUF_INIT;
	const char *text = choose_prefix(run->config);

	url_escape_path(&prefix, text + strspn(text, "/"));
	dedup->run = run;
	dedup->locks = xcalloc(run->count + 1, sizeof(*dedup->locks));
	for (size_t i = 0; i < run->count; i++) {
		struct lock *lock = &dedup->locks[dedup->count];

		render_answers_wait(run->runner, i);
		if (!is_first_of_text(run, i))
			continue;
		lock->dedup = dedup;
		lock->first = &run->items[i];
		lock->key = xasprintf("%s%s", prefix.buf, run->items[i].md5);
		dedup->count++;
	}
	strbuf_release(&prefix);
	create_session(dedup);
	return dedup;
}

static void stop_all(struct ct_dedup *dedup)
{
	consul_call_cancel(&dedup->call);
	loop_timer_stop(&dedup->timer);
	for (size_t i = 0; i < dedup->count; i++) {
		struct lock *lock = &dedup->locks[i];

		consul_watch_stop(&lock->watch);
		consul_call_cancel(&lock->acquire);
		consul_call_cancel(&lock->write);
		loop_timer_stop(&lock->retry);
	}
}

void ct_dedup_free(struct ct_dedup *dedup)
{
	if (!dedup)
		return;
	stop_all(dedup);
	for (size_t i = 0; i < dedup->count; i++) {
		free(dedup->locks[i].key);
		free(dedup->locks[i].holder);
	}
	free(dedup->locks);
	free(dedup->session);
	free(dedup);
}

static void on_patience_ended(void *arg)
{
	struct ct_dedup *dedup = arg;

	dedup->timer = NULL;
	consul_call_cancel(&dedup->call);
	dedup->stopped(dedup->arg);
}

static void on_destroyed(void *arg, const struct json *doc, const struct consul_meta *meta,
			 const struct err *err)
{
	struct ct_dedup *dedup = arg;

	(void)doc;
	(void)meta;
	dedup->call = NULL;
	loop_timer_stop(&dedup->timer);
	if (err)
		log_warn("dedup", "cannot end the session: %s", err->msg);
	dedup->stopped(dedup->arg);
}

void ct_dedup_stop(struct ct_dedup *dedup, void (*done)(void *arg), void *arg)
{
	char *path;

	stop_all(dedup);
	dedup->stopped = done;
	dedup->arg = arg;
	if (!dedup->session) {
		dedup->timer = loop_timer_start(dedup->run->loop, 0, on_patience_ended, dedup);
		return;
	}
	path = xasprintf("/v1/session/destroy/%s", dedup->session);
	dedup->call = consul_send(dedup->run->consul, "PUT", path, NULL, on_destroyed, dedup);
	dedup->timer = loop_timer_start(dedup->run->loop, STOP_MS, on_patience_ended, dedup);
	free(path);
}
