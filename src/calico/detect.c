/* One question to each API, side by side: the folder /calico/v1, and what describes the cluster in
 * API v3, which calico/node writes when it first starts. */
#include "binnacle/calico/detect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/etcd/etcd.h"

struct question {
	struct calico_detect *detect;
	struct etcd_call *call;
	bool answered, exists, ready;
	struct err err; /* it could not be read */
};

struct calico_detect {
	struct question v1, v3;
	calico_detect_fn *done;
	void *arg;
};

/* An API that is not served has no data. */
static bool is_in_doubt(const struct question *question)
{
	return question->err.code && question->err.code != ERR_REFUSED;
}

static bool is_ready_v1(const struct json *doc)
{
	JSON_EACH(node, json_get(doc, "node.nodes"))
	{
		if (strcmp(json_str(node, "key", ""), CALICO_ROOT "/v1/Ready") == 0)
			return strcmp(json_str(node, "value", ""), "true") == 0;
	}
	return false;
}

static bool is_ready_v3(const struct json *doc)
{
	const char *value = json_str(json_first(json_get(doc, "node.nodes")), "value", "");
	struct err err;
	struct json *cluster = json_parse(value, strlen(value), &err);
	bool ready = json_bool(cluster, "spec.datastoreReady", false);

	json_free(cluster);
	return ready;
}

static void write_note(struct calico_found *found, const struct question *v1,
		       const struct question *v3, char *note, size_t size)
{
	const struct question *failed = v1->err.code ? v1 : v3;

	if (found->has_v1 && found->has_v3 && v1->ready == v3->ready)
		snprintf(note, size,
			 "Calico's data is there twice, of API v1 and of API v3: that of v1 is "
			 "shown (calico { datastore_api = \"v3\" } for the other)");
	else if (found->has_v1 && found->has_v3)
		snprintf(note, size,
			 "there is data of API %s too, but Calico says that only that of %s is "
			 "ready",
			 found->api == CALICO_API_V1 ? "v3" : "v1",
			 found->api == CALICO_API_V1 ? "v1" : "v3");
	else if (!found->has_v1 && !found->has_v3)
		snprintf(note, size, "there is nothing of Calico in this etcd");
	else if (is_in_doubt(failed))
		snprintf(note, size, "nobody knows whether there is data of API %s too: %.200s",
			 failed == v1 ? "v1" : "v3", failed->err.msg);
	found->note = note;
}

static enum calico_api choose(const struct question *v1, const struct question *v3)
{
	if (v1->exists && v3->exists)
		return v3->ready && !v1->ready ? CALICO_API_V3 : CALICO_API_V1;
	if (v1->exists || v3->exists)
		return v3->exists ? CALICO_API_V3 : CALICO_API_V1;
	return v1->err.code ? CALICO_API_V3 : CALICO_API_V1; /* the one that is served */
}

static void finish(struct calico_detect *detect)
{
	struct question v1 = detect->v1, v3 = detect->v3;
	struct calico_found found = { .api = choose(&v1, &v3),
				      .has_v1 = v1.exists,
				      .has_v3 = v3.exists,
				      .v1_ready = v1.ready,
				      .v3_ready = v3.ready };
	calico_detect_fn *done = detect->done;
	void *arg = detect->arg;
	const struct err *err = NULL;
	char note[400] = "";

	free(detect);
	/* What is found is found; but what cannot be read is not absent. */
	if (!v1.exists && !v3.exists) {
		if (is_in_doubt(&v1) || (v1.err.code && v3.err.code && !is_in_doubt(&v3)))
			err = &v1.err;
		else if (is_in_doubt(&v3))
			err = &v3.err;
	}
	write_note(&found, &v1, &v3, note, sizeof(note));
	done(arg, err ? NULL : &found, err);
}

static void on_answer(void *arg, const struct json *doc, const struct etcd_meta *meta,
		      const struct err *err)
{
	struct question *question = arg;
	struct calico_detect *detect = question->detect;

	(void)meta;
	question->call = NULL;
	question->answered = true;
	question->exists = doc != NULL;
	question->ready = question == &detect->v1 ? is_ready_v1(doc) : is_ready_v3(doc);
	if (err && err->code != ERR_NOT_FOUND)
		question->err = *err;
	if (detect->v1.answered && detect->v3.answered)
		finish(detect);
}

struct calico_detect *calico_detect_start(struct etcd *etcd, calico_detect_fn *done, void *arg)
{
	struct calico_detect *detect = xcalloc(1, sizeof(*detect));

	detect->done = done;
	detect->arg = arg;
	detect->v1.detect = detect->v3.detect = detect;
	detect->v1.call =
		etcd_get_as(etcd, ETCD_V2, CALICO_ROOT "/v1", ETCD_QUORUM, on_answer, &detect->v1);
	detect->v3.call = etcd_get_as(etcd, ETCD_V3, CALICO_RESOURCES "/clusterinformations",
				      ETCD_RECURSIVE | ETCD_QUORUM, on_answer, &detect->v3);
	return detect;
}

void calico_detect_cancel(struct calico_detect **detect)
{
	if (!*detect)
		return;
	etcd_call_cancel(&(*detect)->v1.call);
	etcd_call_cancel(&(*detect)->v3.call);
	free(*detect);
	*detect = NULL;
}
