/* Where Calico's data is: the block, calicoctl's file in both forms, calicoctl's environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/config.h"
#include "../../src/app/config_calico.h"
#include "binnacle/base/list.h"

static const char *const variables[] = {
	"DATASTORE_TYPE",       "ETCD_ENDPOINTS",        "ETCD_AUTHORITY",
	"ETCD_SCHEME",          "ETCD_USERNAME",         "ETCD_PASSWORD",
	"ETCD_KEY_FILE",        "ETCD_CERT_FILE",        "ETCD_CA_CERT_FILE",
	"APIV1_ETCD_ENDPOINTS", "CALICO_ETCD_ENDPOINTS", "CALICO_DATASTORE_TYPE",
};

static char path[64];
static struct config config;

static int setup(void **state)
{
	int fd;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		unsetenv(variables[i]);
	snprintf(path, sizeof(path), "/tmp/calicoctl-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	config_release(&config);
	return 0;
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void read_file(const char *text)
{
	struct err err = { 0 };

	write_file(text);
	if (!config_calico_read_calicoctl(&config, path, &err))
		fail_msg("%s", err.msg);
}

static void complete(void)
{
	struct err err = { 0 };

	if (!config_calico_complete(&config, &err))
		fail_msg("%s", err.msg);
}

static void the_file_of_api_v1_is_read(void **state)
{
	(void)state;
	read_file("apiVersion: v1\nkind: calicoApiConfig\nmetadata:\nspec:\n"
		  "  datastoreType: \"etcdv2\"\n"
		  "  etcdEndpoints: \"https://a:2379, https://b:2379\"\n"
		  "  etcdUsername: calico\n  etcdPassword: 'x y'\n"
		  "  etcdKeyFile: /k.pem\n  etcdCertFile: /c.crt\n  etcdCACertFile: /ca.crt\n");
	assert_int_equal(config.calico_api, CONFIG_CALICO_V1);
	assert_string_equal(config.etcd_endpoints[0], "https://a:2379");
	assert_string_equal(config.etcd_endpoints[1], "https://b:2379");
	assert_null(config.etcd_endpoints[2]);
	assert_string_equal(config.etcd_user, "calico");
	assert_string_equal(config.etcd_password, "x y");
	assert_string_equal(config.etcd_key_file, "/k.pem");
	assert_string_equal(config.etcd_cert_file, "/c.crt");
	assert_string_equal(config.etcd_ca_file, "/ca.crt");
}

static void an_authority_gets_its_scheme(void **state)
{
	(void)state;
	read_file("{\"apiVersion\":\"v1\",\"kind\":\"calicoApiConfig\",\"spec\":"
		  "{\"etcdScheme\":\"https\",\"etcdAuthority\":\"a:4001\"}}");
	assert_string_equal(config.etcd_endpoints[0], "https://a:4001");
	assert_int_equal(config.calico_api, CONFIG_CALICO_V1);
}

static void the_file_of_api_v3_is_read(void **state)
{
	(void)state;
	read_file("apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nmetadata:\nspec:\n"
		  "  datastoreType: \"etcdv3\"\n  etcdEndpoints: \"http://a:2379\"\n");
	assert_int_equal(config.calico_api, CONFIG_CALICO_V3);
	assert_string_equal(config.etcd_endpoints[0], "http://a:2379");
	assert_null(config.etcd_user);
}

static void mistakes_in_the_file_are_errors(void **state)
{
#define V1(spec) "apiVersion: v1\nkind: calicoApiConfig\nspec:\n" spec
#define V3(spec) "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nspec:\n" spec
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "one document" },
		{ "[1]", "apiVersion must be" },
		{ "apiVersion: v2\n", "apiVersion must be" },
		{ "apiVersion: v1\nkind: CalicoAPIConfig\n", "kind must be calicoApiConfig" },
		{ "apiVersion: v1\nkind: calicoApiConfig\n", "spec is missing" },
		{ V1("  etcdEndpoint: x\n"), "line 4: spec has no field \"etcdEndpoint\"" },
		{ V1("  etcdEndpoints: [x]\n"), "line 4: etcdEndpoints must be a text" },
		{ V1("  etcdUsername: x\n"), "no etcd authority or endpoints specified" },
		{ V1("  datastoreType: kubernetes\n"), "only etcdv2 and etcdv3" },
		{ V1("  datastoreType: etcdv3\n  etcdEndpoints: x\n"), "does not go with" },
		{ V1("  etcdEndpoints: a\nextra: 1\n"), "there is no field \"extra\"" },
		{ V3("  etcdAuthority: a:1\n"), "spec has no field \"etcdAuthority\"" },
		{ V3("  etcdDiscoverySrv: a\n"), "etcdDiscoverySrv is not supported" },
		{ V1("  etcdEndpoints: a\n") "---\n" V1("  etcdEndpoints: b\n"), "one document" },
		{ "apiVersion: &x v1\n", "line 1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };

		write_file(cases[i].text);
		config_release(&config);
		assert_false(config_calico_read_calicoctl(&config, path, &err));
		if (!strstr(err.msg, cases[i].want) || !strstr(err.msg, path))
			fail_msg("\"%s\" is not in \"%s\"", cases[i].want, err.msg);
	}
}

static void a_named_file_settles_it_but_for_the_blocks_own_keys(void **state)
{
	struct err err = { 0 };
	char text[300];

	(void)state;
	setenv("ETCD_ENDPOINTS", "http://env:1", 1);
	write_file(V3("  etcdEndpoints: http://file:1\n  etcdUsername: u\n"));
	snprintf(text, sizeof(text),
		 "calico { calicoctl_config = \"%s\" username = \"other\" grace = \"5s\" }", path);
	if (!config_parse(&config, text, strlen(text), &err))
		fail_msg("%s", err.msg);
	complete();
	assert_int_equal(config.calico_api, CONFIG_CALICO_V3);
	assert_string_equal(config.etcd_endpoints[0], "http://file:1");
	assert_string_equal(config.etcd_user, "other");
	assert_string_equal(config.calicoctl_path, path);
	assert_int_equal(config.grace_ms, 5000);
}

static void the_environment_says_which_store(void **state)
{
	struct err err = { 0 };

	(void)state;
	setenv("ETCD_ENDPOINTS", "http://v3:1", 1);
	setenv("ETCD_CA_CERT_FILE", "/ca", 1);
	complete();
	assert_int_equal(config.calico_api, CONFIG_CALICO_AUTO);
	assert_string_equal(config.etcd_ca_file, "/ca");
	config_release(&config);
	setenv("DATASTORE_TYPE", "etcdv3", 1);
	setenv("APIV1_ETCD_ENDPOINTS", "http://v1:1", 1);
	complete();
	assert_int_equal(config.calico_api, CONFIG_CALICO_V3);
	assert_string_equal(config.etcd_endpoints[0], "http://v3:1");
	config_release(&config);
	setenv("CALICO_DATASTORE_TYPE", "etcdv2", 1); /* wins */
	complete();
	assert_int_equal(config.calico_api, CONFIG_CALICO_V1);
	assert_string_equal(config.etcd_endpoints[0], "http://v1:1");
	config_release(&config);
	unsetenv("CALICO_DATASTORE_TYPE");
	unsetenv("DATASTORE_TYPE");
	unsetenv("ETCD_ENDPOINTS");
	complete();
	assert_int_equal(config.calico_api, CONFIG_CALICO_V1);
	config_release(&config);
	setenv("DATASTORE_TYPE", "kubernetes", 1);
	unsetenv("APIV1_ETCD_ENDPOINTS");
	complete(); /* everything else still works */
	assert_null(config.etcd_endpoints);
	assert_non_null(config.calico_note);
	config_release(&config);
	setenv("DATASTORE_TYPE", "zookeeper", 1);
	assert_false(config_calico_complete(&config, &err));
	assert_non_null(strstr(err.msg, "$DATASTORE_TYPE"));
}

static void the_block_says_which_store(void **state)
{
	static const struct {
		const char *text;
		enum config_calico_api want;
	} cases[] = {
		{ "calico { endpoints = [\"a\"] }", CONFIG_CALICO_AUTO },
		{ "calico { datastore_api = \"auto\" }", CONFIG_CALICO_AUTO },
		{ "calico { datastore_api = \"v1\" }", CONFIG_CALICO_V1 },
		{ "calico { datastore_api = \"v3\" }", CONFIG_CALICO_V3 },
		{ "calico { datastore = \"etcdv3\" }", CONFIG_CALICO_V3 },
		{ "calico { datastore = \"etcdv3\" datastore_api = \"v3\" }", CONFIG_CALICO_V3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };

		if (!config_parse(&config, cases[i].text, strlen(cases[i].text), &err))
			fail_msg("%s", err.msg);
		assert_int_equal(config.calico_api, cases[i].want);
		config_release(&config);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_file_of_api_v1_is_read),
		TEST(an_authority_gets_its_scheme),
		TEST(the_file_of_api_v3_is_read),
		TEST(mistakes_in_the_file_are_errors),
		TEST(a_named_file_settles_it_but_for_the_blocks_own_keys),
		TEST(the_environment_says_which_store),
		TEST(the_block_says_which_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
