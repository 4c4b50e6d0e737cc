/* Reading the tree once, and following it. */
#include "binnacle/calico/store.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/etcd/etcd.h"

/* Felix repeats its reports so often that they are not news. */
#define FELIX_DELAY_MS 30000

#define PACE            10 /* of the time goes to what changes bring, at most: one in ten */
#define INTERVAL_MAX_MS 5000

struct calico_read {
	struct etcd_call *call;
	calico_state_fn *done;
	void *arg;
};

/* A missing tree is an empty state; everything else goes on as it came. */
static void give(calico_state_fn *done, void *arg, const struct json *doc,
		 const struct etcd_meta *meta, const struct err *err)
{
	struct calico_state *state;
	struct err format = { 0 };

	if (err && err->code != ERR_NOT_FOUND) {
		done(arg, NULL, err);
		return;
	}
	state = calico_state_new(doc, meta, &format);
	done(arg, state, state ? NULL : &format);
	calico_state_unref(state);
}

static void on_read(void *arg, const struct json *doc, const struct etcd_meta *meta,
		    const struct err *err)
{
	struct calico_read *read = arg;
	calico_state_fn *done = read->done;
	void *done_arg = read->arg;

	free(read);
	give(done, done_arg, doc, meta, err);
}

struct calico_read *calico_read_start(struct etcd *etcd, calico_state_fn *done, void *arg)
{
	struct calico_read *read = xcalloc(1, sizeof(*read));

	read->done = done;
	read->arg = arg;
	read->call = etcd_get(etcd, CALICO_ROOT, ETCD_RECURSIVE | ETCD_QUORUM | ETCD_SORTED,
			      on_read, read);
	return read;
}

void calico_read_cancel(struct calico_read **read)
{
	if (!*read)
		return;
	etcd_call_cancel(&(*read)->call);
	free(*read);
	*read = NULL;
}

struct calico_watch {
	struct etcd_watch *watch;
	calico_state_fn *changed;
	void *arg;
	int64_t read_took_ms; /* to make the newest state out of what was read */
};

static bool is_heartbeat(const char *key)
{
	return text_starts_with(key, CALICO_ROOT "/felix/") && strstr(key, "/host/") &&
	       !strstr(key, "/workload/") &&
	       (text_ends_with(key, "/status") || text_ends_with(key, "/last_reported_status"));
}

static void on_change(void *arg, const struct json *doc, const struct etcd_meta *meta,
		      const struct err *err)
{
	struct calico_watch *watch = arg;
	int64_t began_ms = clock_mono_ms();

	give(watch->changed, watch->arg, doc, meta, err);
	watch->read_took_ms = clock_mono_ms() - began_ms;
}

void calico_watch_took(struct calico_watch *watch, int64_t took_ms)
{
	int64_t interval_ms = (took_ms + watch->read_took_ms) * PACE;

	etcd_watch_set_interval(watch->watch, interval_ms < INTERVAL_MAX_MS ? interval_ms
									    : INTERVAL_MAX_MS);
}

struct calico_watch *calico_watch_start(struct etcd *etcd, calico_state_fn *changed, void *arg)
{
	struct calico_watch *watch = xcalloc(1, sizeof(*watch));

	watch->changed = changed;
	watch->arg = arg;
	watch->watch = etcd_watch_start(etcd, CALICO_ROOT, on_change, watch);
	etcd_watch_set_quiet(watch->watch, is_heartbeat, FELIX_DELAY_MS);
	return watch;
}

void calico_watch_stop(struct calico_watch **watch)
{
	if (!*watch)
		return;
	etcd_watch_stop(&(*watch)->watch);
	free(*watch);
	*watch = NULL;
}

int64_t calico_watch_alive_ms(const struct calico_watch *watch)
{
	return etcd_watch_alive_ms(watch->watch);
}
