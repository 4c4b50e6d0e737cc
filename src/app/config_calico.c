/*
 * Where Calico's data is: the calico block, calicoctl's own file, calicoctl's environment. As with
 * calicoctl, a file that is named settles everything: the environment is not looked at then.
 *
 * Reference: calicoctl 1.6.5 and 3.x, "Configuring calicoctl to connect to an etcd datastore".
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/yaml.h"
#include "config_calico.h"

#define CALICOCTL_FILE "/etc/calico/calicoctl.cfg"

/* calicoctl's words for where the data is. */
static bool set_datastore(struct config *config, const char *word, struct err *err)
{
	if (strcmp(word, "etcdv2") == 0)
		config->calico_api = CONFIG_CALICO_V1;
	else if (strcmp(word, "etcdv3") == 0)
		config->calico_api = CONFIG_CALICO_V3;
	else if (strcmp(word, "kubernetes") == 0)
		return err_set(
			err, ERR_INPUT,
			"Calico's data is in Kubernetes: only etcdv2 and etcdv3 are supported");
	else
		return err_set(err, ERR_INPUT,
			       "the datastore must be \"etcdv2\" or \"etcdv3\", and is \"%.40s\"",
			       word);
	return true;
}

static const char *const *split_commas(struct config *config, const char *text)
{
	const char **items = arena_alloc(&config->arena, (strlen(text) + 2) * sizeof(*items));
	size_t count = 0;

	while (*text) {
		size_t len;

		text += strspn(text, " \t");
		len = strcspn(text, ",");
		if (strcspn(text, ", \t"))
			items[count++] = arena_strndup(&config->arena, text, strcspn(text, ", \t"));
		text += len + (text[len] == ',');
	}
	return count ? items : NULL;
}

void config_calico_set_endpoints(struct config *config, const char *text)
{
	config->etcd_endpoints = split_commas(config, text);
}

static void set_authority(struct config *config, const char *scheme, const char *authority)
{
	config_calico_set_endpoints(config,
				    arena_printf(&config->arena, "%s://%s",
						 scheme && *scheme ? scheme : "http", authority));
}

/* ---- calicoctl's file ---- */

struct calicoctl {
	const char *type, *scheme, *authority, *endpoints, *user, *password;
	const char *key_file, *cert_file, *ca_file, *discovery_srv;
};

/* NULL: it is left out or stands for nothing. */
static bool read_text(struct config *config, const struct yaml_node *node, const char **out,
		      struct err *err)
{
	if (node->kind != YAML_TEXT)
		return err_set(err, ERR_INPUT, "line %zu: %s must be a text", node->line,
			       node->key);
	if (!yaml_is_null(node))
		*out = arena_strdup(&config->arena, node->text);
	return true;
}

static bool read_spec(struct config *config, const struct yaml_node *spec, bool v3,
		      struct calicoctl *out, struct err *err)
{
	static const struct {
		const char *name;
		size_t offset;
		bool v1, v3;
	} members[] = {
		{ "datastoreType", offsetof(struct calicoctl, type), true, true },
		{ "etcdScheme", offsetof(struct calicoctl, scheme), true, false },
		{ "etcdAuthority", offsetof(struct calicoctl, authority), true, false },
		{ "etcdEndpoints", offsetof(struct calicoctl, endpoints), true, true },
		{ "etcdUsername", offsetof(struct calicoctl, user), true, true },
		{ "etcdPassword", offsetof(struct calicoctl, password), true, true },
		{ "etcdKeyFile", offsetof(struct calicoctl, key_file), true, true },
		{ "etcdCertFile", offsetof(struct calicoctl, cert_file), true, true },
		{ "etcdCACertFile", offsetof(struct calicoctl, ca_file), true, true },
		{ "etcdDiscoverySrv", offsetof(struct calicoctl, discovery_srv), false, true },
	};

	for (const struct yaml_node *node = spec->first; node; node = node->next) {
		size_t i = 0;

		while (i < COUNT_OF(members) && (strcmp(members[i].name, node->key) != 0 ||
						 !(v3 ? members[i].v3 : members[i].v1)))
			i++;
		if (i == COUNT_OF(members))
			return err_set(err, ERR_INPUT, "line %zu: spec has no field \"%.60s\"",
				       node->line, node->key);
		if (!read_text(config, node, (const char **)((char *)out + members[i].offset), err))
			return false;
	}
	return true;
}

static bool take_calicoctl(struct config *config, const struct calicoctl *from, bool v3,
			   struct err *err)
{
	const char *type = from->type ? from->type : v3 ? "etcdv3" : "etcdv2";

	if (!set_datastore(config, type, err))
		return false;
	if ((config->calico_api == CONFIG_CALICO_V3) != v3)
		return err_set(err, ERR_INPUT, "datastoreType %s does not go with apiVersion %s",
			       type, v3 ? "projectcalico.org/v3" : "v1");
	if (from->discovery_srv && !from->endpoints)
		return err_set(err, ERR_INPUT,
			       "etcdDiscoverySrv is not supported: write etcdEndpoints");
	if (from->endpoints)
		config_calico_set_endpoints(config, from->endpoints);
	else if (from->authority)
		set_authority(config, from->scheme, from->authority);
	if (!config->etcd_endpoints)
		return err_set(err, ERR_INPUT, "no etcd authority or endpoints specified");
	config->etcd_user = from->user;
	config->etcd_password = from->password;
	config->etcd_key_file = from->key_file;
	config->etcd_cert_file = from->cert_file;
	config->etcd_ca_file = from->ca_file;
	return true;
}

static const char *text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_member(map, key);

	return node && node->kind == YAML_TEXT ? node->text : "";
}

static bool read_document(struct config *config, const struct yaml_node *doc, struct err *err)
{
	static const char *const members[] = { "apiVersion", "kind", "metadata", "spec" };
	const struct yaml_node *spec = yaml_member(doc, "spec");
	bool v3 = strcmp(text_of(doc, "apiVersion"), "projectcalico.org/v3") == 0;
	struct calicoctl read = { 0 };

	if (!v3 && strcmp(text_of(doc, "apiVersion"), "v1") != 0)
		return err_set(err, ERR_INPUT,
			       "apiVersion must be v1 or projectcalico.org/v3, and is \"%.60s\"",
			       text_of(doc, "apiVersion"));
	if (strcmp(text_of(doc, "kind"), v3 ? "CalicoAPIConfig" : "calicoApiConfig") != 0)
		return err_set(err, ERR_INPUT, "kind must be %s, and is \"%.60s\"",
			       v3 ? "CalicoAPIConfig" : "calicoApiConfig", text_of(doc, "kind"));
	for (const struct yaml_node *node = doc->first; node; node = node->next) {
		size_t i = 0;

		while (i < COUNT_OF(members) && strcmp(members[i], node->key) != 0)
			i++;
		if (i == COUNT_OF(members))
			return err_set(err, ERR_INPUT, "line %zu: there is no field \"%.60s\"",
				       node->line, node->key);
	}
	if (!spec || spec->kind != YAML_MAP)
		return err_set(err, ERR_INPUT, "spec is missing");
	return read_spec(config, spec, v3, &read, err) && take_calicoctl(config, &read, v3, err);
}

bool config_calico_read_calicoctl(struct config *config, const char *path, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	struct arena arena = ARENA_INIT;
	const struct yaml_node *documents;
	bool ok = false;

	if (file_read(path, LIMIT_CONFIG_FILE, &text, err)) {
		documents = yaml_read(text.buf, text.len, &arena, err);
		if (documents && documents->count != 1)
			err_set(err, ERR_INPUT, "there must be one document in it");
		else if (documents)
			ok = read_document(config, documents->first, err);
		if (!ok)
			err_context(err, "%s", path);
	}
	strbuf_release(&text);
	arena_release(&arena);
	return ok;
}

/* ---- the calico block ---- */

static bool read_api(struct config *config, const struct hcl_value *block, struct err *err)
{
	static const char *const words[] = {
		[CONFIG_CALICO_AUTO] = "auto", [CONFIG_CALICO_V1] = "v1", [CONFIG_CALICO_V3] = "v3"
	};
	const char *datastore = NULL, *api = NULL;
	size_t i = 0;

	if (!hcl_read_text(block, "datastore", &datastore, err) ||
	    !hcl_read_text(block, "datastore_api", &api, err))
		return false;
	if (datastore && !set_datastore(config, datastore, err))
		return err_context(err, "line %zu: calico", block->line);
	if (!api)
		return true;
	while (i < COUNT_OF(words) && strcmp(words[i], api) != 0)
		i++;
	if (i == COUNT_OF(words))
		return err_set(
			err, ERR_INPUT,
			"line %zu: calico datastore_api must be auto, v1 or v3, and is \"%.40s\"",
			block->line, api);
	if (datastore && i != (size_t)config->calico_api)
		return err_set(err, ERR_INPUT,
			       "line %zu: calico datastore \"%s\" and datastore_api \"%s\" do not "
			       "agree: one of them is enough",
			       block->line, datastore, api);
	config->calico_api = (enum config_calico_api)i;
	return true;
}

bool config_calico_read(struct config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "datastore",
					    "datastore_api",
					    "calicoctl_config",
					    "endpoints",
					    "username",
					    "password",
					    "ca_cert",
					    "cert",
					    "key",
					    "grace",
					    NULL };
	const struct hcl_value *block = hcl_get(root, "calico");

	if (!block)
		return true;
	if (!hcl_only_keys(block, "calico", keys, err) ||
	    !hcl_read_text(block, "calicoctl_config", &config->calicoctl_path, err))
		return false;
	/* The block's own keys stand above what the file says. */
	if (config->calicoctl_path &&
	    !config_calico_read_calicoctl(config, config->calicoctl_path, err))
		return err_context(err, "line %zu: calicoctl_config", block->line);
	return read_api(config, block, err) &&
	       hcl_read_list(block, "endpoints", &config->etcd_endpoints, &config->arena, err) &&
	       hcl_read_text(block, "username", &config->etcd_user, err) &&
	       hcl_read_text(block, "password", &config->etcd_password, err) &&
	       hcl_read_text(block, "ca_cert", &config->etcd_ca_file, err) &&
	       hcl_read_text(block, "cert", &config->etcd_cert_file, err) &&
	       hcl_read_text(block, "key", &config->etcd_key_file, err) &&
	       hcl_read_duration(block, "grace", &config->grace_ms, err);
}

/* ---- the environment ---- */

/* Those with CALICO_ in front win; "" is not set. */
static const char *variable(struct config *config, const char *prefix, const char *name)
{
	const char *value = getenv(arena_printf(&config->arena, "%sCALICO_%s", prefix, name));

	if (!value || !*value)
		value = getenv(arena_printf(&config->arena, "%s%s", prefix, name));
	return value && *value ? value : NULL;
}

/* The names of calico-upgrade, for a host that has those of API v3 beside them. */
static bool is_for_v1(struct config *config)
{
	return (variable(config, "APIV1_", "ETCD_ENDPOINTS") ||
		variable(config, "APIV1_", "ETCD_AUTHORITY")) &&
	       config->calico_api != CONFIG_CALICO_V3 &&
	       (config->calico_api == CONFIG_CALICO_V1 ||
		(!config->etcd_endpoints && !variable(config, "", "ETCD_ENDPOINTS")));
}

static bool apply_environment(struct config *config, struct err *err)
{
	const char *type = variable(config, "", "DATASTORE_TYPE"), *prefix;
	const char *endpoints, *authority;
	const struct {
		const char *name, **place;
	} others[] = {
		{ "ETCD_USERNAME", &config->etcd_user },
		{ "ETCD_PASSWORD", &config->etcd_password },
		{ "ETCD_KEY_FILE", &config->etcd_key_file },
		{ "ETCD_CERT_FILE", &config->etcd_cert_file },
		{ "ETCD_CA_CERT_FILE", &config->etcd_ca_file },
	};

	/* Who has Calico in Kubernetes may still use all the rest of this program. */
	if (type && strcmp(type, "kubernetes") == 0 && !variable(config, "", "ETCD_ENDPOINTS") &&
	    !config->etcd_endpoints) {
		config->calico_note = "$DATASTORE_TYPE is kubernetes: only etcd is supported";
		return true;
	}
	if (type && strcmp(type, "kubernetes") != 0 && !set_datastore(config, type, err))
		return err_context(err, "$DATASTORE_TYPE");
	prefix = is_for_v1(config) ? "APIV1_" : "";
	if (*prefix)
		config->calico_api = CONFIG_CALICO_V1;
	endpoints = variable(config, prefix, "ETCD_ENDPOINTS");
	authority = variable(config, prefix, "ETCD_AUTHORITY");
	if (endpoints)
		config_calico_set_endpoints(config, endpoints);
	else if (authority)
		set_authority(config, variable(config, prefix, "ETCD_SCHEME"), authority);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		const char *value = variable(config, prefix, others[i].name);

		if (value)
			*others[i].place = value;
	}
	return true;
}

bool config_calico_complete(struct config *config, struct err *err)
{
	struct err problem = { 0 };

	if (!config->calicoctl_path && !apply_environment(config, err))
		return false;
	if (config->etcd_endpoints || config->calico_note || !file_exists(CALICOCTL_FILE))
		return true;
	/* Nobody asked for this one, so it may be of no use. */
	if (config_calico_read_calicoctl(config, CALICOCTL_FILE, &problem)) {
		config->calicoctl_path = CALICOCTL_FILE;
	} else {
		config->etcd_endpoints = NULL;
		config->calico_note = arena_strdup(&config->arena, problem.msg);
	}
	return true;
}
