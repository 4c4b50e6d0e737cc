#include "support/scripted_docker.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/docker/docker.h"
#include "support/peer.h"

struct scripted_docker *scripted_docker_new(struct loop *loop, struct http *http, const char *name)
{
	struct scripted_docker *daemon = xcalloc(1, sizeof(*daemon));
	struct docker_config config = { .name = name };
	struct err err = { 0 };

	daemon->name = xstrdup(name);
	daemon->peer = peer_new(loop);
	peer_hold(daemon->peer);
	config.host = peer_url(daemon->peer);
	daemon->docker = docker_new(loop, http, &config, &err);
	if (!daemon->docker)
		abort();
	return daemon;
}

void scripted_docker_free(struct scripted_docker *daemon)
{
	docker_free(daemon->docker);
	peer_free(daemon->peer);
	free(daemon->name);
	free(daemon);
}

static void say_info(struct scripted_docker *daemon)
{
	char *info = xasprintf("{\"ID\":\"%s\",\"Name\":\"%s\",\"ClusterAdvertise\":"
			       "\"192.0.2.1:2376\",\"ServerVersion\":\"20.10.24\"}",
			       daemon->name, daemon->name);

	peer_script(daemon->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	peer_answer(daemon->peer, "GET /info", 200, NULL, info);
	peer_answer(daemon->peer, "GET /networks", 200, NULL, "[]");
	/* What was listed a moment ago and is gone by now. */
	peer_answer(daemon->peer, "GET /containers/*", 404, NULL, "{\"message\":\"gone\"}");
	free(info);
}

static void say_container(struct scripted_docker *daemon,
			  const struct scripted_container *container)
{
	struct json *doc = json_new_object(), *part;
	char *request = xasprintf("GET /containers/%s/json", container->name);
	char *name = xasprintf("/%s", container->name);
	struct strbuf text = STRBUF_INIT;

	json_add_str(doc, "Id", container->name);
	json_add_str(doc, "Name", name);
	part = json_add_object(doc, "State");
	json_add_str(part, "Status", container->status ? container->status : "running");
	json_add_str(part, "Error", container->error ? container->error : "");
	json_add_str(json_add_object(doc, "Config"), "Image", "nginx:1");
	part = json_add_object(json_add_object(doc, "NetworkSettings"), "Networks");
	if (container->eid) {
		part = json_add_object(part, "calico-net");
		json_add_str(part, "EndpointID", container->eid);
		json_add_str(part, "IPAddress", container->address ? container->address : "");
		if (container->wanted)
			json_add_str(json_add_object(part, "IPAMConfig"), "IPv4Address",
				     container->wanted);
	}
	json_print(&text, doc);
	peer_answer(daemon->peer, request, 200, NULL, text.buf);
	strbuf_release(&text);
	json_free(doc);
	free(request);
	free(name);
}

void scripted_docker_say(struct scripted_docker *daemon,
			 const struct scripted_container *containers, size_t count)
{
	struct json *list = json_new_array();
	struct strbuf text = STRBUF_INIT;

	peer_forget(daemon->peer);
	for (size_t i = 0; i < count; i++) {
		json_add_str(json_add_object(list, NULL), "Id", containers[i].name);
		say_container(daemon, &containers[i]);
	}
	json_print(&text, list);
	peer_answer(daemon->peer, "GET /containers/json", 200, NULL, text.buf);
	say_info(daemon);
	strbuf_release(&text);
	json_free(list);
}

void scripted_docker_refuse(struct scripted_docker *daemon)
{
	peer_forget(daemon->peer);
	peer_answer(daemon->peer, "GET /containers/json", 500, NULL, "{\"message\":\"on fire\"}");
	say_info(daemon);
}

void scripted_docker_event(struct scripted_docker *daemon, const char *action)
{
	char *line = xasprintf("{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":"
			       "\"x\"},\"timeNano\":1700000001000000000}\n",
			       action);

	peer_push(daemon->peer, line, strlen(line));
	free(line);
}
