/*
 * The client: where the agent is and who we are, single requests, and what the agent's answers
 * mean. Settings come from the configuration first, then from the environment, under the names
 * that Consul's own tools read.
 *
 * Reference: Consul documentation, "Commands (CLI): Environment Variables".
 */
#include "binnacle/consul/consul.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"

#include "internal.h"

#define DEFAULT_ADDRESS "127.0.0.1:8500"
#define DEFAULT_PORT    8500
#define DEFAULT_WAIT_MS 60000

#define DEFAULT_MAX_STALE_MS  2000
#define DEFAULT_RETRY_BASE_MS 250
#define DEFAULT_RETRY_MAX_MS  60000

struct consul_call {
	struct consul *consul;
	struct consul_call *next;    /* in the list of those that wait */
	struct http_call *http_call; /* NULL: it waits */
	char *method, *path, *body;
	bool compressed;
	bool completing; /* `done` runs: a cancel from inside it does nothing */
	consul_fn *done;
	consul_body_fn *body_done; /* one of the two is set */
	void *arg;
};

/* The setting, else the environment, else NULL. Empty counts as not set. */
static const char *setting(const char *configured, const char *variable)
{
	const char *value = configured && *configured ? configured : getenv(variable);

	return value && *value ? value : NULL;
}

static char *dup_setting(const char *configured, const char *variable)
{
	const char *value = setting(configured, variable);

	return value ? xstrdup(value) : NULL;
}

/* The boolean words of Go, which Consul's own tools accept here. */
static bool read_switch(const char *variable, bool *out, struct err *err)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };
	const char *value = setting(NULL, variable);

	if (!value)
		return true;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(value, yes[i]) == 0) {
			*out = true;
			return true;
		}
		if (strcmp(value, no[i]) == 0) {
			*out = false;
			return true;
		}
	}
	return err_set(err, ERR_INPUT, "%s is \"%s\": use true or false", variable, value);
}

static bool read_token_file(const char *path, char **token, struct err *err)
{
	struct strbuf text = STRBUF_INIT;

	if (!file_read(path, LIMIT_CONFIG_FILE, &text, err)) {
		strbuf_release(&text);
		return err_context(err, "Consul token");
	}
	strbuf_trim(&text);
	*token = strbuf_detach(&text, NULL);
	return true;
}

static bool set_token(struct consul *consul, const struct consul_config *config, struct err *err)
{
	const char *file = config->token_file;
	char *token = NULL;

	if (config->token && *config->token) {
		token = xstrdup(config->token);
		consul->token_source = xstrdup("the token of the configuration");
	} else if (file && *file) {
		consul->token_source = xasprintf("the token in %s", file);
	} else if ((token = dup_setting(NULL, "CONSUL_HTTP_TOKEN"))) {
		consul->token_source = xstrdup("the token in CONSUL_HTTP_TOKEN");
	} else if ((file = setting(NULL, "CONSUL_HTTP_TOKEN_FILE"))) {
		consul->token_source = xasprintf("the token in %s", file);
	} else {
		consul->token_source = xstrdup("no token, as none is configured");
		return true;
	}
	if (!token && !read_token_file(file, &token, err))
		return false;
	for (const unsigned char *p = (const unsigned char *)token; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f) {
			free(token);
			return err_set(err, ERR_INPUT,
				       "%s holds a blank, line break or special character",
				       consul->token_source);
		}
	}
	if (*token)
		consul->endpoint.header = xasprintf("X-Consul-Token: %s", token);
	free(token);
	return true;
}

static void set_auth(struct consul *consul, const char *auth)
{
	const char *colon;

	if (!auth)
		return;
	colon = strchr(auth, ':');
	consul->endpoint.user = colon ? xstrndup(auth, (size_t)(colon - auth)) : xstrdup(auth);
	consul->endpoint.password = xstrdup(colon ? colon + 1 : "");
}

static bool set_endpoint(struct consul *consul, const struct consul_config *config, struct err *err)
{
	struct endpoint *endpoint = &consul->endpoint;
	const char *address = setting(config->address, "CONSUL_HTTP_ADDR");
	bool tls = false, verify = true;

	if (!read_switch("CONSUL_HTTP_SSL", &tls, err) ||
	    !read_switch("CONSUL_HTTP_SSL_VERIFY", &verify, err))
		return false;
	if (!endpoint_parse(endpoint, address ? address : DEFAULT_ADDRESS, tls || config->tls,
			    DEFAULT_PORT, err))
		return err_context(err, "Consul");
	endpoint->no_verify = config->no_verify || !verify;
	endpoint->ca_file = dup_setting(config->ca_file, "CONSUL_CACERT");
	endpoint->ca_path = dup_setting(config->ca_path, "CONSUL_CAPATH");
	endpoint->cert_file = dup_setting(config->cert_file, "CONSUL_CLIENT_CERT");
	endpoint->key_file = dup_setting(config->key_file, "CONSUL_CLIENT_KEY");
	endpoint->server_name = dup_setting(config->server_name, "CONSUL_TLS_SERVER_NAME");
	set_auth(consul, setting(config->auth, "CONSUL_HTTP_AUTH"));
	return true;
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
	return value > 0 ? value : otherwise;
}

struct consul *consul_new(struct loop *loop, struct http *http, const struct consul_config *config,
			  struct err *err)
{
	struct consul *consul = xcalloc(1, sizeof(*consul));

	consul->loop = loop;
	consul->http = http;
	consul->wait_ms = or_default(config->wait_ms, DEFAULT_WAIT_MS);
	consul->retrying = config->retrying;
	consul->retrying_arg = config->retrying_arg;
	consul->max_stale_ms = or_default(config->max_stale_ms, DEFAULT_MAX_STALE_MS);
	consul->retry_base_ms = or_default(config->retry_base_ms, DEFAULT_RETRY_BASE_MS);
	consul->retry_max_ms = or_default(config->retry_max_ms, DEFAULT_RETRY_MAX_MS);
	if (!set_endpoint(consul, config, err) || !set_token(consul, config, err)) {
		consul_free(consul);
		return NULL;
	}
	return consul;
}

void consul_free(struct consul *consul)
{
	if (!consul)
		return;
	endpoint_release(&consul->endpoint);
	free(consul->token_source);
	free(consul);
}

const char *consul_address(const struct consul *consul)
{
	return endpoint_describe(&consul->endpoint);
}

/* First line of the body, without blanks around it. Consul puts its reason there. */
static int reason(const struct http_answer *answer, const char **text)
{
	const char *body = answer->body.buf;
	size_t len;

	body += strspn(body, " \t\r\n");
	len = strcspn(body, "\r\n");
	while (len > 0 && (body[len - 1] == ' ' || body[len - 1] == '\t'))
		len--;
	*text = len > 0 ? body : "no reason given";
	return len == 0 ? (int)strlen(*text) : len > 240 ? 240 : (int)len;
}

static bool says(const struct http_answer *answer, const char *words)
{
	return strstr(answer->body.buf, words) != NULL;
}

bool consul_accept(const struct consul *consul, const char *method, const char *path,
		   const struct http_answer *answer, struct err *err)
{
	const char *address = consul_address(consul);
	int path_len = (int)strcspn(path, "?");
	const char *words;
	int words_len = reason(answer, &words);

	if (path_len > 120)
		path_len = 120;
	if (answer->status >= 200 && answer->status < 300)
		return true;
	/* Agents of the 0.x and early 1.x lines wrap a server's refusal into a 500. */
	if (answer->status == 401 || answer->status == 403 ||
	    (answer->status == 500 &&
	     (says(answer, "Permission denied") || says(answer, "ACL not found"))))
		return err_set(err, ERR_DENIED, "Consul %s denies %s %.*s with %s: %.*s", address,
			       method, path_len, path, consul->token_source, words_len, words);
	if (answer->status >= 500 && says(answer, "No cluster leader"))
		return err_set(err, ERR_UNREACHABLE,
			       "Consul %s: no cluster leader (%.*s): the servers have no quorum, "
			       "or are still starting",
			       address, words_len, words);
	if (answer->status == 404)
		return err_set(err, ERR_NOT_FOUND, "Consul %s has no %.*s: %.*s", address, path_len,
			       path, words_len, words);
	return err_set(err,
		       answer->status == 409 || answer->status == 412 ? ERR_CONFLICT : ERR_REFUSED,
		       "Consul %s refuses %s %.*s with status %d: %.*s", address, method, path_len,
		       path, answer->status, words_len, words);
}

bool consul_parse(const struct consul *consul, const char *path, const struct http_answer *answer,
		  struct json **doc, struct err *err)
{
	*doc = NULL;
	if (answer->body.len == 0)
		return true;
	*doc = json_parse(answer->body.buf, answer->body.len, err);
	if (!*doc)
		return err_context(err, "Consul %s, %.*s", consul_address(consul),
				   (int)strcspn(path, "?"), path);
	return true;
}

static uint64_t header_number(const struct http_answer *answer, const char *name)
{
	char value[32];

	if (!http_header(answer, name, value, sizeof(value)) ||
	    strspn(value, "0123456789") != strlen(value))
		return 0;
	return strtoull(value, NULL, 10);
}

void consul_read_meta(const struct http_answer *answer, struct consul_meta *meta)
{
	uint64_t contact_ms = header_number(answer, "X-Consul-LastContact");
	char known[8];

	meta->index = header_number(answer, "X-Consul-Index");
	meta->last_contact_ms = contact_ms > INT64_MAX ? INT64_MAX : (int64_t)contact_ms;
	meta->known_leader = http_header(answer, "X-Consul-KnownLeader", known, sizeof(known)) &&
			     strcmp(known, "true") == 0;
	meta->took_ms = answer->took_ms;
}

static void call_release(struct consul_call *call)
{
	free(call->method);
	free(call->path);
	free(call->body);
	free(call);
}

static void complete(struct consul_call *call, struct http_answer *answer,
		     const struct err *http_err)
{
	struct consul_meta meta = { 0 };
	struct json *doc = NULL;
	struct err err = { 0 };
	bool ok = false;

	if (http_err) {
		err = *http_err;
		err_context(&err, "Consul");
	} else {
		consul_read_meta(answer, &meta);
		ok = consul_accept(call->consul, call->method, call->path, answer, &err);
	}
	call->completing = true;
	if (call->body_done) {
		call->body_done(call->arg, ok ? &answer->body : NULL, &meta, ok ? NULL : &err);
		return;
	}
	ok = ok && consul_parse(call->consul, call->path, answer, &doc, &err);
	call->done(call->arg, doc, &meta, ok ? NULL : &err);
	json_free(doc);
}

static void on_answer(void *arg, struct http_answer *answer, const struct err *http_err)
{
	struct consul_call *call = arg;
	struct consul *consul = call->consul;

	consul->calls--;
	complete(call, answer, http_err);
	call_release(call);
	consul_turn(consul);
}

static void begin(struct consul_call *call)
{
	struct consul *consul = call->consul;

	consul->calls++;
	call->http_call =
		http_start(consul->http, &consul->endpoint,
			   &(struct http_request){ .method = call->method,
						   .path = call->path,
						   .body = call->body,
						   .body_len = call->body ? strlen(call->body) : 0,
						   .compressed = call->compressed,
						   .timeout_ms = CALL_TIMEOUT_MS },
			   on_answer, call);
}

/* Watches first: there are few at a time, and calls come in crowds. */
void consul_turn(struct consul *consul)
{
	while (consul->first_watch && consul->watches < WATCHES_MAX &&
	       consul->watches + consul->calls < REQUESTS_MAX)
		consul_watch_take_turn(consul);
	while (consul->first_call && consul->watches + consul->calls < REQUESTS_MAX) {
		struct consul_call *call = consul->first_call;

		consul->first_call = call->next;
		if (!call->next)
			consul->last_call = NULL;
		call->next = NULL;
		begin(call);
	}
}

static struct consul_call *start(struct consul *consul, const struct consul_call *like,
				 const char *method, const char *path, const char *body)
{
	struct consul_call *call = xcalloc(1, sizeof(*call));

	*call = *like;
	call->consul = consul;
	call->method = xstrdup(method);
	call->path = xstrdup(path);
	call->body = body ? xstrdup(body) : NULL;
	if (consul->last_call)
		consul->last_call->next = call;
	else
		consul->first_call = call;
	consul->last_call = call;
	consul_turn(consul);
	return call;
}

struct consul_call *consul_send(struct consul *consul, const char *method, const char *path,
				const char *body, consul_fn *done, void *arg)
{
	return start(consul, &(struct consul_call){ .done = done, .arg = arg }, method, path, body);
}

struct consul_call *consul_get(struct consul *consul, const char *path, consul_fn *done, void *arg)
{
	return consul_send(consul, "GET", path, NULL, done, arg);
}

struct consul_call *consul_get_body(struct consul *consul, const char *path, bool compressed,
				    consul_body_fn *done, void *arg)
{
	return start(
		consul,
		&(struct consul_call){ .body_done = done, .compressed = compressed, .arg = arg },
		"GET", path, NULL);
}

static void stop_waiting(struct consul_call *call)
{
	struct consul *consul = call->consul;
	struct consul_call *before = NULL;

	for (struct consul_call *at = consul->first_call; at != call; at = at->next)
		before = at;
	if (before)
		before->next = call->next;
	else
		consul->first_call = call->next;
	if (consul->last_call == call)
		consul->last_call = before;
}

void consul_call_cancel(struct consul_call **call)
{
	struct consul *consul;

	if (!*call)
		return;
	consul = (*call)->consul;
	if (!(*call)->completing) {
		if ((*call)->http_call) {
			http_cancel(&(*call)->http_call);
			consul->calls--;
		} else {
			stop_waiting(*call);
		}
		call_release(*call);
		consul_turn(consul);
	}
	*call = NULL;
}

void consul_load(const struct consul *consul, struct consul_load *out)
{
	*out = (struct consul_load){ consul->calls, consul->watches, consul->waiting_watches };
}
