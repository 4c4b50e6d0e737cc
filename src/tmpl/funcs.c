/* All tables, looked through by name. */
#include "funcs.h"

#include <string.h>

static const struct tmpl_func *const tables[] = {
	builtin_funcs,    text_funcs,       list_funcs,         encode_funcs,
	number_funcs,     time_funcs,       data_funcs,         regroup_funcs,
	system_funcs,     sprig_funcs,      yaml_funcs,         toml_funcs,
	sprig_list_funcs, sprig_dict_funcs, sprig_number_funcs, sprig_words_funcs,
	sprig_misc_funcs, sprig_url_funcs,  sprig_semver_funcs, sockaddr_funcs,
	spew_funcs,
};

#define NO_KEYS "keys, certificates and passwords are not made by templates"

static const struct {
	const char *name, *why;
} unsupported[] = {
	{ "secret", "Vault is not supported" },
	{ "secrets", "Vault is not supported" },
	{ "pkiCert", "Vault is not supported" },
	{ "nomadServices", "Nomad is not supported" },
	{ "nomadService", "Nomad is not supported" },
	{ "nomadVarList", "Nomad is not supported" },
	{ "nomadVarListSafe", "Nomad is not supported" },
	{ "nomadVar", "Nomad is not supported" },
	{ "nomadVarExists", "Nomad is not supported" },
	{ "sprig_getHostByName", "names are not looked up while a template is rendered" },
	{ "sprig_bcrypt", NO_KEYS },
	{ "sprig_htpasswd", NO_KEYS },
	{ "sprig_derivePassword", NO_KEYS },
	{ "sprig_genPrivateKey", NO_KEYS },
	{ "sprig_genCA", NO_KEYS },
	{ "sprig_genCAWithKey", NO_KEYS },
	{ "sprig_genSelfSignedCert", NO_KEYS },
	{ "sprig_genSelfSignedCertWithKey", NO_KEYS },
	{ "sprig_genSignedCert", NO_KEYS },
	{ "sprig_genSignedCertWithKey", NO_KEYS },
	{ "sprig_buildCustomCert", NO_KEYS },
	{ "sprig_encryptAES", NO_KEYS },
	{ "sprig_decryptAES", NO_KEYS },
	{ "importedServices", "services imported from partitions are not listed" },
};

static bool is_name(const char *known, const char *name, size_t len)
{
	return strncmp(known, name, len) == 0 && known[len] == '\0';
}

const struct tmpl_func *func_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct tmpl_func *func = tables[i]; func->name; func++)
			if (is_name(func->name, name, len))
				return func;
	return NULL;
}

const struct tmpl_func *func_find_registrator(const char *name, size_t len)
{
	for (const struct tmpl_func *func = registrator_funcs; func->name; func++)
		if (is_name(func->name, name, len))
			return func;
	return NULL;
}

const char *func_unsupported(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (is_name(unsupported[i].name, name, len))
			return unsupported[i].why;
	return NULL;
}
