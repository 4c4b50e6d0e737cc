/* One GET from the key-value store that Docker keeps its global networks in. */
#include "binnacle/calico/record.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/net/http.h"

#define READ_TIMEOUT_MS 10000
#define VALUE_MAX       (1u << 20)

struct calico_record_read {
	struct http *http;
	bool is_etcd;
	char *hosts; /* what is left of "host:port,host:port" */
	struct strbuf path;
	struct endpoint endpoint;
	struct http_call *call;
	calico_record_fn *done;
	void *arg;
};

static void read_free(struct calico_record_read *read)
{
	http_cancel(&read->call);
	endpoint_release(&read->endpoint);
	strbuf_release(&read->path);
	free(read->hosts);
	free(read);
}

static bool ask_next(struct calico_record_read *read, struct err *err);

/* The record itself: etcd wraps it, Consul gives it raw. */
static struct json *record_of(const struct calico_record_read *read,
			      const struct http_answer *answer, struct err *err)
{
	struct json *doc = json_parse(answer->body.buf, answer->body.len, err), *record;
	const char *value;

	if (!doc || !read->is_etcd)
		return doc;
	value = json_str(doc, "node.value", "");
	record = json_parse(value, strlen(value), err);
	json_free(doc);
	return record;
}

static void on_answer(void *arg, struct http_answer *answer, const struct err *http_err)
{
	struct calico_record_read *read = arg;
	calico_record_fn *done = read->done;
	void *done_arg = read->arg;
	struct calico_record_owner owner = { 0 };
	struct json *record = NULL;
	struct err err = { 0 };

	read->call = NULL;
	if (http_err && *read->hosts && ask_next(read, &err))
		return;
	if (http_err)
		err = *http_err;
	else if (answer->status != 200)
		http_refused(&err, "the record", answer);
	else
		record = record_of(read, answer, &err);
	read_free(read);
	if (record) {
		owner.locator = json_str(record, "locator", NULL);
		owner.name = json_str(record, "name", "");
		if (!owner.locator)
			err_set(&err, ERR_FORMAT, "the record does not tell its owner");
	}
	if (err.code)
		err_context(&err, "Docker's cluster store");
	done(done_arg, err.code ? NULL : &owner, err.code ? &err : NULL);
	json_free(record);
}

/* The next of the hosts. */
static bool ask_next(struct calico_record_read *read, struct err *err)
{
	const struct http_request request = { .path = read->path.buf,
					      .timeout_ms = READ_TIMEOUT_MS,
					      .body_limit = VALUE_MAX };
	size_t len = strcspn(read->hosts, ",");
	char *host = xstrndup(read->hosts, len);
	bool ok;

	memmove(read->hosts, read->hosts + len + (read->hosts[len] == ','),
		strlen(read->hosts + len + (read->hosts[len] == ',')) + 1);
	endpoint_release(&read->endpoint);
	ok = endpoint_parse(&read->endpoint, host, false, read->is_etcd ? 2379 : 8500, err);
	free(host);
	if (!ok)
		return false;
	read->call = http_start(read->http, &read->endpoint, &request, on_answer, read);
	return true;
}

struct calico_record_read *calico_record_read_start(struct http *http, const char *cluster_store,
						    const char *network_id, const char *endpoint_id,
						    calico_record_fn *done, void *arg,
						    struct err *err)
{
	bool is_etcd = text_starts_with(cluster_store, "etcd://");
	const char *hosts = cluster_store + strlen(is_etcd ? "etcd://" : "consul://"), *prefix;
	struct calico_record_read *read;

	if (!is_etcd && !text_starts_with(cluster_store, "consul://")) {
		err_set(err, ERR_INPUT,
			"Docker's cluster store \"%.100s\" is neither etcd nor Consul",
			cluster_store);
		return NULL;
	}
	read = xcalloc(1, sizeof(*read));
	read->http = http;
	read->is_etcd = is_etcd;
	read->done = done;
	read->arg = arg;
	prefix = hosts + strcspn(hosts, "/");
	read->hosts = xstrndup(hosts, (size_t)(prefix - hosts));
	prefix += strspn(prefix, "/");
	strbuf_init(&read->path);
	strbuf_addstr(&read->path, is_etcd ? "/v2/keys/" : "/v1/kv/");
	url_escape_path(&read->path, prefix);
	if (*prefix && prefix[strlen(prefix) - 1] != '/')
		strbuf_addch(&read->path, '/');
	strbuf_addstr(&read->path, "docker/network/v1.0/endpoint/");
	url_escape(&read->path, network_id);
	strbuf_addch(&read->path, '/');
	url_escape(&read->path, endpoint_id);
	strbuf_addstr(&read->path, is_etcd ? "?quorum=true" : "?raw&consistent");
	if (ask_next(read, err))
		return read;
	read_free(read);
	return NULL;
}

void calico_record_read_cancel(struct calico_record_read **read)
{
	if (!*read)
		return;
	read_free(*read);
	*read = NULL;
}
