#include "binnacle/register/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/register/registry.h"

static const char bridge_net[] = "{\"bridge\":{\"IPAddress\":\"172.17.0.3\",\"NetworkID\":\"b1\"}}";
static const char calico_net[] =
	"{\"calico\":{\"IPAddress\":\"10.233.49.9\",\"NetworkID\":\"cafe\"}}";
static const char user_net[] = "{\"app\":{\"IPAddress\":\"172.18.0.5\",\"NetworkID\":\"a1\"}}";

/* One container; members that are NULL are those of a web container on the default bridge. */
struct box {
	const char *mode, *networks, *ip, *image, *exposed, *ports;
	const char *env;    /* members of the array */
	const char *labels; /* the object */
};

static const char * or (const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

static struct json *inspect_of(const struct box *box)
{
	char *text = xasprintf(
		"{\"Id\":\"0123456789abcdef\",\"Name\":\"/web-1\",\"State\":{\"Running\":true},"
		"\"HostConfig\":{\"NetworkMode\":\"%s\"},\"Config\":{\"Image\":\"%s\","
		"\"ExposedPorts\":%s,\"Env\":[%s],\"Labels\":%s},\"NetworkSettings\":{\"Ports\":%s,"
		"\"IPAddress\":\"%s\",\"Networks\":%s}}",
		or (box->mode, "default"), or (box->image, "web"),
		or (box->exposed, "{\"80/tcp\":{}}"), or (box->env, ""), or (box->labels, "{}"),
		or (box->ports, "{\"80/tcp\":null}"), or (box->ip, ""),
		or (box->networks, bridge_net));
	struct err err = { 0 };
	struct json *doc = json_parse(text, strlen(text), &err);

	if (!doc)
		fail_msg("%s in %s", err.msg, text);
	free(text);
	return doc;
}

static struct register_options plain_options(void)
{
	return (struct register_options){ .hostname = "host-1", .host_ip = "192.0.2.1" };
}

static void apply(const struct register_options *options, const struct box *box,
		  struct register_wanted *out)
{
	struct json *doc = inspect_of(box);

	*out = (struct register_wanted){ 0 };
	register_rules(options, doc, NULL, out);
	/* Nothing in the result may be borrowed from the document. */
	json_free(doc);
}

/* "id name address:port [tags]" per service, lines in order. */
static char *summary(const struct register_wanted *wanted)
{
	struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < wanted->service_count; i++) {
		const struct register_service *service = &wanted->services[i];

		strbuf_addf(&out, "%s%s %s %s:%d", i ? "\n" : "", service->id, service->name,
			    service->address, service->port);
		for (size_t t = 0; t < service->tag_count; t++)
			strbuf_addf(&out, "%s%s", t ? "," : " ", service->tags[t]);
	}
	return strbuf_detach(&out, NULL);
}

static void assert_wants(const struct register_options *options, const struct box *box,
			 const char *want)
{
	struct register_wanted wanted;
	char *got;

	apply(options, box, &wanted);
	got = summary(&wanted);
	assert_string_equal(got, want);
	free(got);
	register_wanted_release(&wanted);
}

static bool has_note(const struct register_wanted *wanted, const char *text)
{
	for (size_t i = 0; i < wanted->note_count; i++) {
		if (strstr(wanted->notes[i].text, text) || strstr(wanted->notes[i].remedy, text))
			return true;
	}
	return false;
}

static void assert_note(const struct register_options *options, const struct box *box,
			const char *text)
{
	struct register_wanted wanted;

	apply(options, box, &wanted);
	if (!has_note(&wanted, text)) {
		for (size_t i = 0; i < wanted.note_count; i++)
			print_message("note: %s; %s\n", wanted.notes[i].text,
				      wanted.notes[i].remedy);
		fail_msg("no note says %s", text);
	}
	register_wanted_release(&wanted);
}

static const char published[] = "{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"},"
				"{\"HostIp\":\"::\",\"HostPort\":\"8080\"}]}";
static const char local_published[] =
	"{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"}]}";

static void addresses_follow_network_and_flags(void **state)
{
	static const char host_net[] = "{\"host\":{\"IPAddress\":\"\"}}";
	static const char none_net[] = "{\"none\":{\"IPAddress\":\"\"}}";
	static const struct {
		struct box box;
		const char *plain, *internal, *ip; /* NULL: ignored */
	} rows[] = {
		{ { .ip = "172.17.0.3" }, NULL, "172.17.0.3:80", NULL },
		{ { .ip = "172.17.0.3", .ports = published },
		  "192.0.2.1:8080",
		  "172.17.0.3:80",
		  "198.51.100.7:8080" },
		{ { .ip = "172.17.0.3", .ports = local_published },
		  "127.0.0.1:8080",
		  "172.17.0.3:80",
		  "198.51.100.7:8080" },
		{ { .mode = "host", .networks = host_net, .ports = "{}" },
		  "192.0.2.1:80",
		  ":80",
		  "198.51.100.7:80" },
		{ { .mode = "none", .networks = none_net, .ports = "{}" },
		  ":80",
		  ":80",
		  "198.51.100.7:80" },
		{ { .mode = "app", .networks = user_net }, NULL, "172.18.0.5:80", NULL },
		{ { .mode = "app", .networks = user_net, .ports = published },
		  "172.18.0.5:8080",
		  "172.18.0.5:80",
		  "198.51.100.7:8080" },
		{ { .mode = "calico", .networks = calico_net, .ports = "{}" },
		  "10.233.49.9:80",
		  "10.233.49.9:80",
		  "198.51.100.7:80" },
		/* Given by id, the network is found by that. */
		{ { .mode = "cafe", .networks = calico_net, .ports = "{}" },
		  "10.233.49.9:80",
		  "10.233.49.9:80",
		  "198.51.100.7:80" },
		/* Newer daemons tell the bridge's address in the networks only. */
		{ { .mode = "bridge", .ports = published },
		  "192.0.2.1:8080",
		  "172.17.0.3:80",
		  "198.51.100.7:8080" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *wants[] = { rows[i].plain, rows[i].internal, rows[i].ip };

		for (int flag = 0; flag < 3; flag++) {
			struct register_options options = plain_options();
			char *want = wants[flag] ? xasprintf("host-1:web-1:80 web %s", wants[flag])
						 : xstrdup("");

			options.internal = flag == 1;
			options.ip = flag == 2 ? "198.51.100.7" : NULL;
			assert_wants(&options, &rows[i].box, want);
			free(want);
		}
	}
}

static void shared_network_takes_the_other_containers_address(void **state)
{
	static const struct {
		const char *peer_mode, *peer_ip, *peer_networks, *want;
	} rows[] = {
		{ "default", "172.17.0.9", bridge_net, "172.17.0.9" },
		{ "calico", "", calico_net, "10.233.49.9" },
	};
	struct box box = { .mode = "container:feed", .networks = "{}", .ports = "{}" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct box peer_box = { .mode = rows[i].peer_mode,
					.ip = rows[i].peer_ip,
					.networks = rows[i].peer_networks };
		struct register_options options = plain_options();
		struct register_wanted wanted = { 0 };
		struct json *doc = inspect_of(&box), *peer = inspect_of(&peer_box);

		assert_string_equal(register_peer(doc), "feed");
		assert_null(register_peer(peer));
		options.ip = "198.51.100.7";
		register_rules(&options, doc, peer, &wanted);
		assert_int_equal(wanted.service_count, 1);
		assert_string_equal(wanted.services[0].address, rows[i].want);
		assert_int_equal(wanted.services[0].port, 80);
		register_wanted_release(&wanted);
		json_free(doc);
		json_free(peer);
	}
}

static void address_comes_from_a_label_up_to_its_last_slash(void **state)
{
	struct register_options options = plain_options();
	struct box box = { .ports = published, .labels = "{\"lan\":\"10.9.8.7/24\"}" };

	(void)state;
	options.use_ip_from_label = "lan";
	options.ip = "198.51.100.7";
	assert_wants(&options, &box, "host-1:web-1:80 web 10.9.8.7:8080");
	options.use_ip_from_label = "wan";
	assert_wants(&options, &box, "host-1:web-1:80 web 198.51.100.7:8080");
	assert_note(&options, &box, "label wan");
}

static void networks_by_pattern_are_internal(void **state)
{
	struct register_options options = plain_options();
	struct box app = { .mode = "app", .networks = user_net };
	struct box bridge = { .ports = published };

	(void)state;
	options.internal_networks = "cal*, ap?";
	options.ip = "198.51.100.7";
	assert_wants(&options, &app, "host-1:web-1:80 web 172.18.0.5:80");
	assert_wants(&options, &bridge, "host-1:web-1:80 web 198.51.100.7:8080");
}

static void port_table_takes_the_first_binding_and_sorts_by_number(void **state)
{
	static const struct {
		const char *exposed, *ports, *want;
	} rows[] = {
		{ "{}", "{}", "" },
		{ "null", "null", "" },
		{ "{\"80/tcp\":{}}", "{\"80/tcp\":[]}", "" },
		{ "{\"80/tcp\":{}}",
		  "{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"18080\"},"
		  "{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"18081\"}]}",
		  "host-1:web-1:80 web 192.0.2.1:18080" },
		{ "{\"443/tcp\":{},\"80/tcp\":{}}",
		  "{\"443/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"4430\"}],"
		  "\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}",
		  "host-1:web-1:80 web-80 192.0.2.1:8080\n"
		  "host-1:web-1:443 web-443 192.0.2.1:4430" },
		/* What is not published does not make a group. */
		{ "{\"443/tcp\":{},\"80/tcp\":{}}",
		  "{\"443/tcp\":null,\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}",
		  "host-1:web-1:80 web 192.0.2.1:8080" },
		{ "{\"53/tcp\":{},\"53/udp\":{}}",
		  "{\"53/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"53\"}],"
		  "\"53/udp\":[{\"HostIp\":\"\",\"HostPort\":\"53\"}]}",
		  "host-1:web-1:53 web-53 192.0.2.1:53\n"
		  "host-1:web-1:53:udp web-53 192.0.2.1:53 udp" },
		/* A port that is only published, and one whose address is IPv6's any. */
		{ "{}", "{\"90/tcp\":[{\"HostIp\":\"::\",\"HostPort\":\"9090\"}]}",
		  "host-1:web-1:90 web 192.0.2.1:9090" },
		{ "{\"70000/tcp\":{}}", "{}", "host-1:web-1:70000 web 192.0.2.1:0" },
	};
	struct register_options options = plain_options();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct box box = { .exposed = rows[i].exposed, .ports = rows[i].ports };

		assert_wants(&options, &box, rows[i].want);
	}
}

static void default_name_is_the_images_last_element(void **state)
{
	static const struct {
		const char *image, *name;
	} rows[] = {
		{ "web", "web" },
		{ "registry.example:5000/team/api:3", "api" },
		{ "team/api@sha256:aabb", "api@sha256" },
		{ "sha256:aabbcc", "sha256" },
		{ "0f3ba1bd2b4a", "0f3ba1bd2b4a" },
	};
	struct register_options options = plain_options();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct box box = { .image = rows[i].image, .ports = published };
		char *want = xasprintf("host-1:web-1:80 %s 192.0.2.1:8080", rows[i].name);

		assert_wants(&options, &box, want);
		free(want);
	}
}

static const char two_ports[] = "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}],"
				"\"443/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"4430\"}]}";

static void names_and_ids_come_from_metadata(void **state)
{
	static const struct {
		const char *env, *want80, *want443;
	} rows[] = {
		{ "", "host-1:web-1:80 web-80", "host-1:web-1:443 web-443" },
		{ "\"SERVICE_NAME=shop\"", "host-1:web-1:80 shop-80", "host-1:web-1:443 shop-443" },
		{ "\"SERVICE_80_NAME=shop\"", "host-1:web-1:80 shop", "host-1:web-1:443 web-443" },
		{ "\"SERVICE_80_NAME=\"", "host-1:web-1:80 web", "host-1:web-1:443 web-443" },
		{ "\"SERVICE_80_NAME=a\",\"SERVICE_NAME=b\"", "host-1:web-1:80 a",
		  "host-1:web-1:443 b-443" },
		{ "\"SERVICE_NAME=b\",\"SERVICE_80_NAME=a\"", "host-1:web-1:80 a",
		  "host-1:web-1:443 b-443" },
		{ "\"SERVICE_080_NAME=a\"", "host-1:web-1:80 web-80", "host-1:web-1:443 web-443" },
		{ "\"SERVICE_80_ID=mine\"", "mine web-80", "host-1:web-1:443 web-443" },
		/* Ports that are left out still make a group. */
		{ "\"SERVICE_443_IGNORE=1\"", "host-1:web-1:80 web-80", NULL },
		{ "\"SERVICE_443_IGNORE=\"", "host-1:web-1:80 web-80", "host-1:web-1:443 web-443" },
		{ "\"SERVICE_IGNORE=false\"", NULL, NULL },
		{ "\"SERVICE_NAME=x=y\"", "host-1:web-1:80 x=y-80", "host-1:web-1:443 x=y-443" },
		{ "\"service_name=shop\"", "host-1:web-1:80 web-80", "host-1:web-1:443 web-443" },
		{ "\"SERVICE_NAME\"", "host-1:web-1:80 web-80", "host-1:web-1:443 web-443" },
	};
	struct register_options options = plain_options();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct box box = { .env = rows[i].env, .exposed = "{}", .ports = two_ports };
		struct strbuf want = STRBUF_INIT;

		if (rows[i].want80)
			strbuf_addf(&want, "%s 192.0.2.1:8080", rows[i].want80);
		if (rows[i].want443)
			strbuf_addf(&want, "\n%s 192.0.2.1:4430", rows[i].want443);
		assert_wants(&options, &box, want.buf);
		strbuf_release(&want);
	}
}

static void labels_beat_the_environment(void **state)
{
	struct register_options options = plain_options();
	struct box general = { .ports = published,
			       .env = "\"SERVICE_NAME=env\"",
			       .labels = "{\"SERVICE_NAME\":\"label\"}" };
	struct box per_port = { .ports = published,
				.env = "\"SERVICE_80_NAME=env\"",
				.labels = "{\"SERVICE_NAME\":\"label\"}" };

	(void)state;
	assert_wants(&options, &general, "host-1:web-1:80 label 192.0.2.1:8080");
	assert_wants(&options, &per_port, "host-1:web-1:80 env 192.0.2.1:8080");
}

static void one_id_for_two_ports_is_registered_once_with_a_note(void **state)
{
	struct register_options options = plain_options();
	struct box box = { .env = "\"SERVICE_ID=mine\"", .ports = two_ports };

	(void)state;
	assert_wants(&options, &box, "mine web-80 192.0.2.1:8080");
	assert_note(&options, &box, "is taken by another port");
}

static void explicit_wants_a_name(void **state)
{
	struct register_options options = plain_options();
	struct box plain = { .ports = published };
	struct box named = { .ports = published, .env = "\"SERVICE_NAME=shop\"" };
	struct box labelled = { .ports = published, .labels = "{\"SERVICE_80_NAME\":\"shop\"}" };

	(void)state;
	options.explicit_only = true;
	assert_wants(&options, &plain, "");
	assert_note(&options, &plain, "SERVICE_80_NAME");
	assert_wants(&options, &named, "host-1:web-1:80 shop 192.0.2.1:8080");
	assert_wants(&options, &labelled, "host-1:web-1:80 shop 192.0.2.1:8080");
}

static void tags_are_reversed_part_by_part(void **state)
{
	static const struct {
		const char *env, *flag, *want;
	} rows[] = {
		{ "\"SERVICE_TAGS=one,two,three\"", NULL, "three,two,one" },
		{ "\"SERVICE_TAGS=one,two\"", "a,b", "two,one,b,a" },
		{ "", "a,b", "b,a" },
		{ "\"SERVICE_TAGS=a\\\\,b,c\"", NULL, "c,a,b" }, /* one tag "a,b" */
		{ "\"SERVICE_TAGS=,a,,b,\"", NULL, "b,a" },
		{ "\"SERVICE_TAGS= a , b \"", NULL, " b , a " },
		{ "\"SERVICE_TAGS=x\",\"SERVICE_80_TAGS=y\"", NULL, "y" },
	};
	struct register_options options = plain_options();
	struct box none = { .env = "\"SERVICE_TAGS=x\",\"SERVICE_80_TAGS=\"", .ports = published };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct box box = { .env = rows[i].env, .ports = published };
		char *want = xasprintf("host-1:web-1:80 web 192.0.2.1:8080 %s", rows[i].want);

		options.tags = rows[i].flag;
		assert_wants(&options, &box, want);
		free(want);
	}
	options.tags = NULL;
	assert_wants(&options, &none, "host-1:web-1:80 web 192.0.2.1:8080");
	options.tags = "a,b";
	options.tags_given_order = true;
	none.env = "\"SERVICE_TAGS=one,two\"";
	assert_wants(&options, &none, "host-1:web-1:80 web 192.0.2.1:8080 one,two,a,b");
}

static void forced_tags_are_a_template_over_the_container(void **state)
{
	static const struct {
		const char *tags, *want; /* after the service; "" without tags */
	} rows[] = {
		{ "{{.Name}}", " /web-1" },
		{ "{{.ID}}", " 0123456789abcdef" },
		{ "a,{{.Config.Image}}", " web,a" },
		{ "{{strSlice .ID 0 4}}", " 0123" },
		{ "{{strSlice .ID 12}}", " cdef" },
		{ "{{strSlice .ID 99}}", " 0123456789abcdef" },
		{ "{{mIndex \"zone\" .Config.Labels}}", " eu" },
		{ "{{mIndex \"none\" .Config.Labels}}", "" },
		{ "{{sIndex 0 .Config.Env}}", " A=1" },
		{ "{{sIndex -1 .Config.Env}}", " B=2" },
		{ "{{sIndex 9 .Config.Env}}", " B=2" },
		{ "{{sIndex -9 .Config.Env}}", " A=1" },
		{ "{{replace -1 \"a\" \"o\" \"banana\"}}", " bonono" },
		{ "{{replace 1 \"a\" \"o\" \"banana\"}}", " bonana" },
		{ "{{toUpper (splitIndex 1 \"-\" .Name)}}", " 1" },
		{ "{{matchFirstElement \"^B\" .Config.Env}}", " B=2" },
		{ "{{join \"+\" (matchAllElements \"=\" .Config.Env)}}", " A=1+B=2" },
		{ "{{if .State.Running}}up{{else}}down{{end}}", " up" },
		{ "{{range .Config.Env}}{{.}},{{end}}", " B=2,A=1" },
	};
	struct register_options options = plain_options();
	struct box box = { .ports = published,
			   .env = "\"A=1\",\"B=2\"",
			   .labels = "{\"zone\":\"eu\"}" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *want = xasprintf("host-1:web-1:80 web 192.0.2.1:8080%s", rows[i].want);

		options.tags = rows[i].tags;
		if (!register_options_check(&options, &err))
			fail_msg("%s", err.msg);
		assert_wants(&options, &box, want);
		free(want);
	}
	/* What this container does not have costs it these tags only. */
	options.tags = "x,{{.Config.Nothing}}";
	assert_wants(&options, &box, "host-1:web-1:80 web 192.0.2.1:8080");
	assert_note(&options, &box, "can't evaluate field Nothing");
	options.tags = "{{.Name.Foo}}";
	assert_wants(&options, &box, "host-1:web-1:80 web 192.0.2.1:8080");
	options.tags = "{{key \"a\"}}";
	assert_wants(&options, &box, "host-1:web-1:80 web 192.0.2.1:8080");
}

static void assert_body(const struct box *box, const char *want)
{
	struct register_options options = plain_options();
	struct register_wanted wanted;
	struct strbuf body = STRBUF_INIT;

	apply(&options, box, &wanted);
	assert_int_equal(wanted.service_count, 1);
	registry_body(&body, &wanted.services[0]);
	assert_string_equal(body.buf, want);
	strbuf_release(&body);
	register_wanted_release(&wanted);
}

#define BODY(check)                                                                                \
	"{\"ID\":\"host-1:web-1:80\",\"Name\":\"web\",\"Port\":80,\"Address\":\"10.233.49.9\","    \
	"\"Meta\":{" check ",\"Checks\":null}"

static void the_agent_gets_the_body_that_registrator_sends(void **state)
{
	struct box box = { .mode = "calico",
			   .networks = calico_net,
			   .ports = "{}",
			   .env = "\"SERVICE_TAGS=calico\"" };
	struct box empty = {
		.mode = "none", .networks = "{}", .ports = "{}", .exposed = "{\"x/tcp\":{}}"
	};

	(void)state;
	assert_body(&box,
		    "{\"ID\":\"host-1:web-1:80\",\"Name\":\"web\",\"Tags\":[\"calico\"],"
		    "\"Port\":80,\"Address\":\"10.233.49.9\",\"Check\":null,\"Checks\":null}");
	box.env = "\"SERVICE_TAG=calico\"";
	assert_body(&box, BODY("\"tag\":\"calico\"},\"Check\":null"));
	assert_body(&empty, "{\"ID\":\"host-1:web-1:x\",\"Name\":\"web\",\"Check\":null,"
			    "\"Checks\":null}");
}

static void checks_are_built_from_their_keys(void **state)
{
	static const struct {
		const char *env, *meta_and_check;
	} rows[] = {
		{ "\"SERVICE_CHECK_HTTP=/h\"",
		  BODY("\"check_http\":\"/h\"},\"Check\":{\"Interval\":\"10s\","
		       "\"HTTP\":\"http://10.233.49.9:80/h\"}") },
		{ "\"SERVICE_CHECK_HTTP=/h\",\"SERVICE_CHECK_HTTP_METHOD=HEAD\","
		  "\"SERVICE_CHECK_TIMEOUT=2s\",\"SERVICE_CHECK_INTERVAL=5s\"",
		  BODY("\"check_http\":\"/h\",\"check_http_method\":\"HEAD\","
		       "\"check_interval\":\"5s\",\"check_timeout\":\"2s\"},"
		       "\"Check\":{\"Interval\":\"5s\",\"Timeout\":\"2s\","
		       "\"HTTP\":\"http://10.233.49.9:80/h\",\"Method\":\"HEAD\"}") },
		{ "\"SERVICE_CHECK_HTTPS=/h\",\"SERVICE_CHECK_TLS_SKIP_VERIFY=1\"",
		  BODY("\"check_https\":\"/h\",\"check_tls_skip_verify\":\"1\"},"
		       "\"Check\":{\"Interval\":\"10s\",\"HTTP\":\"https://10.233.49.9:80/h\","
		       "\"TLSSkipVerify\":true}") },
		{ "\"SERVICE_CHECK_TCP=false\",\"SERVICE_CHECK_INITIAL_STATUS=passing\"",
		  BODY("\"check_initial_status\":\"passing\",\"check_tcp\":\"false\"},"
		       "\"Check\":{\"Interval\":\"10s\",\"TCP\":\"10.233.49.9:80\","
		       "\"Status\":\"passing\"}") },
		{ "\"SERVICE_CHECK_TTL=30s\",\"SERVICE_CHECK_DEREGISTER_AFTER=5m\"",
		  BODY("\"check_deregister_after\":\"5m\",\"check_ttl\":\"30s\"},"
		       "\"Check\":{\"TTL\":\"30s\",\"DeregisterCriticalServiceAfter\":\"5m\"}") },
		{ "\"SERVICE_CHECK_SCRIPT=ping $SERVICE_IP:$SERVICE_PORT\"",
		  BODY("\"check_script\":\"ping $SERVICE_IP:$SERVICE_PORT\"},"
		       "\"Check\":{\"ScriptArgs\":[\"/bin/sh\",\"-c\",\"ping 10.233.49.9:80\"],"
		       "\"Interval\":\"10s\"}") },
		{ "\"SERVICE_CHECK_SCRIPT=/probe\"",
		  BODY("\"check_script\":\"/probe\"},\"Check\":{\"ScriptArgs\":[\"/probe\"],"
		       "\"Interval\":\"10s\"}") },
		{ "\"SERVICE_CHECK_CMD=/probe\"",
		  BODY("\"check_cmd\":\"/probe\"},\"Check\":{\"ScriptArgs\":[\"check-cmd\","
		       "\"0123456789ab\",\"80\",\"/probe\"],\"Interval\":\"10s\"}") },
		{ "\"SERVICE_CHECK_GRPC=true\",\"SERVICE_CHECK_TLS_SKIP_VERIFY=1\"",
		  BODY("\"check_grpc\":\"true\",\"check_tls_skip_verify\":\"1\"},"
		       "\"Check\":{\"Interval\":\"10s\",\"GRPC\":\"10.233.49.9:80\"}") },
		/* The first kind wins. */
		{ "\"SERVICE_CHECK_TCP=1\",\"SERVICE_CHECK_HTTP=/h\"",
		  BODY("\"check_http\":\"/h\",\"check_tcp\":\"1\"},\"Check\":"
		       "{\"Interval\":\"10s\",\"HTTP\":\"http://10.233.49.9:80/h\"}") },
		/* No kind, no check. */
		{ "\"SERVICE_CHECK_INTERVAL=5s\"",
		  BODY("\"check_interval\":\"5s\"},\"Check\":null") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct box box = {
			.mode = "calico", .networks = calico_net, .ports = "{}", .env = rows[i].env
		};

		assert_body(&box, rows[i].meta_and_check);
	}
}

static void check_of_an_ipv6_address_has_brackets(void **state)
{
	struct register_options options = plain_options();
	struct box box = { .ports = published, .env = "\"SERVICE_CHECK_TCP=1\"" };
	struct register_wanted wanted;

	(void)state;
	options.ip = "2001:db8::1";
	apply(&options, &box, &wanted);
	assert_string_equal(wanted.services[0].check.tcp, "[2001:db8::1]:8080");
	register_wanted_release(&wanted);
}

static void attributes_that_consul_refuses_are_left_out(void **state)
{
	struct register_options options = plain_options();
	struct strbuf env = STRBUF_INIT;
	struct box box = { .ports = published };
	struct register_wanted wanted;

	(void)state;
	strbuf_addstr(&env, "\"SERVICE_A.B=1\",\"SERVICE_CONSUL-X=1\",\"SERVICE_=1\","
			    "\"SERVICE_OK=fine\",\"SERVICE_LONG=");
	strbuf_addchars(&env, 'x', 511);
	strbuf_addstr(&env, "\xc3\xa4\"");
	box.env = env.buf;
	apply(&options, &box, &wanted);
	assert_int_equal(wanted.service_count, 1);
	assert_int_equal(wanted.services[0].meta_count, 2);
	assert_string_equal(wanted.services[0].meta[0].key, "long");
	/* Not in the middle of a character. */
	assert_int_equal(strlen(wanted.services[0].meta[0].value), 511);
	assert_string_equal(wanted.services[0].meta[1].key, "ok");
	assert_true(has_note(&wanted, "attribute a.b left out"));
	assert_true(has_note(&wanted, "attribute consul-x left out"));
	assert_true(has_note(&wanted, "attribute long cut"));
	register_wanted_release(&wanted);

	strbuf_reset(&env);
	for (int i = 0; i < 70; i++)
		strbuf_addf(&env, "%s\"SERVICE_K%02d=v\"", i ? "," : "", i);
	box.env = env.buf;
	apply(&options, &box, &wanted);
	assert_int_equal(wanted.services[0].meta_count, 64);
	assert_true(has_note(&wanted, "more than 64"));
	register_wanted_release(&wanted);
	strbuf_release(&env);
}

static void private_attributes_stay_out(void **state)
{
	struct register_options options = plain_options();
	struct box box = { .ports = published,
			   .env = "\"SERVICE_DB_PASSWORD=x\",\"SERVICE_REGION=eu\"" };
	struct register_wanted wanted;

	(void)state;
	options.meta_exclude = "*password*,check_*";
	apply(&options, &box, &wanted);
	assert_int_equal(wanted.services[0].meta_count, 1);
	assert_string_equal(wanted.services[0].meta[0].key, "region");
	register_wanted_release(&wanted);
}

static void notes_say_what_is_wrong_and_what_would_help(void **state)
{
	struct register_options options = plain_options();
	const struct {
		struct box box;
		const char *text;
	} rows[] = {
		{ { .mode = "bridge" }, "80/tcp exposed, not published; network bridge" },
		{ { .mode = "bridge" }, "use -internal or -p" },
		{ { .exposed = "{}", .ports = "{}" }, "no exposed or published ports" },
		{ { .ports = published, .env = "\"SERVICE_TAG=x\"" }, "SERVICE_TAGS" },
		{ { .ports = published, .env = "\"SERVICE_PORT_NAME=x\"" },
		  "SERVICE_<number>_NAME" },
		{ { .ports = published, .env = "\"SERVICE_CHECK_URL=x\"" },
		  "SERVICE_CHECK_HTTP=/path" },
		{ { .ports = published, .env = "\"SERVICE_8080_NAME=x\"" },
		  "names no port of the container" },
		{ { .ports = published, .labels = "{\"service_name\":\"x\"}" },
		  "service_ have no meaning" },
		{ { .ports = published, .env = "\"SERVICE_IGNORE=false\"" }, "any value counts" },
		{ { .ports = published, .env = "\"SERVICE_CHECK_TCP=false\"" },
		  "whatever its value" },
		{ { .mode = "none", .networks = "{}", .ports = "{}" }, "empty address" },
		{ { .mode = "app", .networks = user_net, .ports = published },
		  "nothing listens there" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_note(&options, &rows[i].box, rows[i].text);
	options.host_ip = "127.0.1.1";
	assert_note(&options, &(struct box){ .ports = published }, "loopback");
	options.host_ip = NULL;
	assert_note(&options, &(struct box){ .ports = published }, "own address is unknown");
}

static void reasons_tell_registrators_log_lines_apart(void **state)
{
	static const struct {
		struct box box;
		enum register_note_reason reason;
		enum register_note_kind kind;
		const char *port;
	} rows[] = {
		{ { .mode = "bridge" },
		  REGISTER_REASON_NOT_PUBLISHED,
		  REGISTER_NOTE_IGNORED,
		  "80/tcp" },
		{ { .exposed = "{}", .ports = "{}" },
		  REGISTER_REASON_NO_PORTS,
		  REGISTER_NOTE_IGNORED,
		  "" },
		{ { .ports = published, .env = "\"SERVICE_IGNORE=1\"" },
		  REGISTER_REASON_LEFT_OUT,
		  REGISTER_NOTE_IGNORED,
		  "80/tcp" },
		{ { .ports = published, .env = "\"SERVICE_TAG=1\"" },
		  REGISTER_REASON_NONE,
		  REGISTER_NOTE_WARNING,
		  "" },
	};
	struct register_options options = plain_options();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct register_wanted wanted;

		apply(&options, &rows[i].box, &wanted);
		assert_int_equal(wanted.note_count, 1);
		assert_int_equal(wanted.notes[0].reason, rows[i].reason);
		assert_int_equal(wanted.notes[0].kind, rows[i].kind);
		assert_string_equal(wanted.notes[0].port, rows[i].port);
		register_wanted_release(&wanted);
	}
}

static void a_healthy_container_has_no_notes(void **state)
{
	struct register_options options = plain_options();
	struct box calico = { .mode = "calico",
			      .networks = calico_net,
			      .ports = "{}",
			      .env = "\"SERVICE_TAGS=calico\",\"PATH=/bin\"" };
	struct register_wanted wanted;

	(void)state;
	apply(&options, &calico, &wanted);
	assert_int_equal(wanted.note_count, 0);
	register_wanted_release(&wanted);
}

static void a_container_that_does_not_run_wants_nothing(void **state)
{
	static const char text[] =
		"{\"Id\":\"x\",\"Name\":\"/dead\",\"State\":{\"Running\":false,\"ExitCode\":137},"
		"\"HostConfig\":{\"NetworkMode\":\"bridge\"},"
		"\"Config\":{\"ExposedPorts\":{\"80/tcp\":{}}},\"NetworkSettings\":{\"Ports\":{}}}";
	struct register_options options = plain_options();
	struct register_wanted wanted = { 0 };
	struct err err;
	struct json *doc = json_parse(text, sizeof(text) - 1, &err);

	(void)state;
	register_rules(&options, doc, NULL, &wanted);
	assert_false(wanted.running);
	assert_int_equal(wanted.exit_code, 137);
	assert_int_equal(wanted.service_count, 0);
	register_wanted_release(&wanted);
	json_free(doc);
}

static void hostless_ids_use_the_address(void **state)
{
	struct register_options options = plain_options();

	(void)state;
	options.hostname = "";
	assert_wants(&options, &(struct box){ .ports = published },
		     "192.0.2.1:web-1:80 web 192.0.2.1:8080");
}

static void whole_documents_of_a_daemon_are_understood(void **state)
{
	static const struct {
		const char *file, *want;
	} rows[] = {
		{ "inspect-bridge-published.json", "host-1:web-1:80 web 192.0.2.1:8080 v42,http" },
		{ "inspect-calico.json",
		  "host-1:nginx-test:80 nginx-test 10.233.49.254:80 calico" },
	};
	struct register_options options = plain_options();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct strbuf text = STRBUF_INIT;
		struct register_wanted wanted = { 0 };
		struct err err = { 0 };
		char *path = xasprintf("tests/fixtures/docker/%s", rows[i].file);
		struct json *doc;
		char *got;

		assert_true(file_read(path, 1 << 20, &text, &err));
		doc = json_parse(text.buf, text.len, &err);
		assert_non_null(doc);
		register_rules(&options, doc, NULL, &wanted);
		got = summary(&wanted);
		assert_string_equal(got, rows[i].want);
		free(got);
		free(path);
		register_wanted_release(&wanted);
		json_free(doc);
		strbuf_release(&text);
	}
}

static void options_that_cannot_work_are_refused(void **state)
{
	static const struct {
		struct register_options options;
		const char *want;
	} rows[] = {
		{ { .ttl_s = 10 },
		  "-ttl and -ttl-refresh must be specified together or not at all" },
		{ { .ttl_s = 10, .ttl_refresh_s = 10 }, "-ttl must be greater than -ttl-refresh" },
		{ { .tags = "{{nope" }, "-tags: " },
		{ { .tags = "{{httpPut \"http://x\"}}" }, "\"httpPut\" not defined" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct err err = { 0 };

		assert_false(register_options_check(&rows[i].options, &err));
		assert_non_null(strstr(err.msg, rows[i].want));
	}
	assert_true(register_options_check(&(struct register_options){ .tags = "a,b" },
					   &(struct err){ 0 }));
}

static void globs_match_whole_words(void **state)
{
	static const struct {
		const char *list, *text;
		bool want;
	} rows[] = {
		{ NULL, "a", false },          { "", "", false },       { "a", "a", true },
		{ "a", "ab", false },          { "*", "", true },       { "a*c", "abbc", true },
		{ "a*c*", "abbcd", true },     { "x, b?", "bc", true }, { "b?", "b", false },
		{ "*a*b*c", "xaxbxd", false }, { ",,", "x", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(register_glob_list(rows[i].list, rows[i].text), rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_follow_network_and_flags),
		cmocka_unit_test(shared_network_takes_the_other_containers_address),
		cmocka_unit_test(address_comes_from_a_label_up_to_its_last_slash),
		cmocka_unit_test(networks_by_pattern_are_internal),
		cmocka_unit_test(port_table_takes_the_first_binding_and_sorts_by_number),
		cmocka_unit_test(default_name_is_the_images_last_element),
		cmocka_unit_test(names_and_ids_come_from_metadata),
		cmocka_unit_test(labels_beat_the_environment),
		cmocka_unit_test(one_id_for_two_ports_is_registered_once_with_a_note),
		cmocka_unit_test(explicit_wants_a_name),
		cmocka_unit_test(tags_are_reversed_part_by_part),
		cmocka_unit_test(forced_tags_are_a_template_over_the_container),
		cmocka_unit_test(the_agent_gets_the_body_that_registrator_sends),
		cmocka_unit_test(checks_are_built_from_their_keys),
		cmocka_unit_test(check_of_an_ipv6_address_has_brackets),
		cmocka_unit_test(attributes_that_consul_refuses_are_left_out),
		cmocka_unit_test(private_attributes_stay_out),
		cmocka_unit_test(notes_say_what_is_wrong_and_what_would_help),
		cmocka_unit_test(reasons_tell_registrators_log_lines_apart),
		cmocka_unit_test(a_healthy_container_has_no_notes),
		cmocka_unit_test(a_container_that_does_not_run_wants_nothing),
		cmocka_unit_test(hostless_ids_use_the_address),
		cmocka_unit_test(whole_documents_of_a_daemon_are_understood),
		cmocka_unit_test(options_that_cannot_work_are_refused),
		cmocka_unit_test(globs_match_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
