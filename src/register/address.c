/*
 * Which address and port consumers are told, and what is wrong with it. The container's address
 * comes from its networks, the host's from the binding, the options, or what the hostname resolves
 * to.
 */
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/text.h"
#include "rules_private.h"

/* The network by its name, or by the id when the container was started with that. */
static const struct json *find_network(const struct json *inspect, const char *mode)
{
	const struct json *networks = json_get(inspect, "NetworkSettings.Networks");
	const struct json *network = json_member(networks, mode);

	if (network)
		return network;
	JSON_EACH(item, networks)
	{
		if (*mode && strcmp(json_str(item, "NetworkID", ""), mode) == 0)
			return item;
	}
	return NULL;
}

static bool is_builtin_network(const char *mode)
{
	return strcmp(mode, "bridge") == 0 || strcmp(mode, "default") == 0 ||
	       strcmp(mode, "host") == 0;
}

static bool is_any_address(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

const char *address_of_host(const struct rules *rules, const struct port *port)
{
	const struct register_options *options = rules->options;
	const char *address = port->host_ip ? port->host_ip : "0.0.0.0";

	if (!is_builtin_network(rules->network_mode) &&
	    !(port->listed && register_glob_list(options->host_networks, rules->network_mode)))
		address = json_str(find_network(rules->inspect, rules->network_mode), "IPAddress",
				   "");
	if (is_any_address(address) && rules_is_set(options->host_ip))
		address = options->host_ip;
	return rules_is_set(options->ip) ? options->ip : address;
}

/* The first attached network by name that has an address. */
static const char *any_address(const struct json *inspect)
{
	const struct json *found = NULL;

	JSON_EACH(network, json_get(inspect, "NetworkSettings.Networks"))
	{
		if (*json_str(network, "IPAddress", "") &&
		    (!found || strcmp(json_key(network), json_key(found)) < 0))
			found = network;
	}
	return json_str(found, "IPAddress", "");
}

static const char *container_address(const struct json *inspect)
{
	/* Newer daemons give the default bridge's address in the list of networks alone. */
	const char *address = json_str(inspect, "NetworkSettings.IPAddress", "");
	const char *mode = json_str(inspect, "HostConfig.NetworkMode", "");

	if (!*address)
		address = json_str(find_network(inspect, "bridge"), "IPAddress", "");
	if (!*address)
		address = json_str(find_network(inspect, mode), "IPAddress", "");
	return *address ? address : any_address(inspect);
}

static const char *internal_address(const struct rules *rules)
{
	const char *address = "";

	/* Chosen for its network: then it is that network's address. */
	if (!rules->options->internal)
		address = json_str(find_network(rules->inspect, rules->network_mode), "IPAddress",
				   "");
	return *address ? address : container_address(rules->inspect);
}

static const char *label_address(struct rules *rules, const char *otherwise)
{
	const char *key = rules->options->use_ip_from_label;
	const struct json *labels = json_get(rules->inspect, "Config.Labels");
	const char *value = json_as_str(json_member(labels, key), "");
	const char *slash = strrchr(value, '/');

	if (!*value) {
		rules_note(rules, REGISTER_REASON_NONE, "", "",
			   arena_printf(&rules->out->arena, "label %s for the address is missing",
					key),
			   "set the label, or leave -useIpFromLabel out");
		return otherwise;
	}
	return slash ? arena_strndup(&rules->out->arena, value, (size_t)(slash - value)) : value;
}

void address_set(struct rules *rules, const struct port *port, struct register_service *service)
{
	const char *address =
		port->internal ? internal_address(rules) : address_of_host(rules, port);
	const char *number = port->internal ? port->number : port->host_port;

	if (rules_is_set(rules->options->use_ip_from_label))
		address = label_address(rules, address);
	if (rules->peer)
		address = container_address(rules->peer);
	if (port->forced_ip)
		address = port->forced_ip;
	service->address = arena_strdup(&rules->out->arena, address);
	service->port = port_number(number);
}

void address_warn(struct rules *rules, const struct port *port,
		  const struct register_service *service)
{
	const struct register_options *options = rules->options;
	bool user_network = !is_builtin_network(rules->network_mode) &&
			    !register_glob_list(options->host_networks, rules->network_mode);
	const char *text = NULL, *remedy = "";

	if (!*service->address) {
		text = "empty address: consumers take the node's";
		remedy = port->internal ? "leave -internal out for the host network, or use "
					  "-useIpFromLabel"
					: "use -internal or -ip";
	} else if (is_any_address(service->address)) {
		text = "the host's own address is unknown";
		remedy = "use -ip, or make the hostname resolve";
	} else if (text_starts_with(service->address, "127.") && !options->ip &&
		   is_any_address(port->host_ip) && !port->internal && !port->forced_ip) {
		text = "the hostname resolves to a loopback address, which other hosts cannot "
		       "reach";
		remedy = "use -ip";
	} else if (!port->internal && user_network && !rules->peer && port->listed &&
		   !port->forced_ip && !rules_is_set(options->ip) &&
		   !rules_is_set(options->use_ip_from_label)) {
		text = "the container's address with the port published on the host: nothing "
		       "listens there";
		remedy = "use -internal, -internal-networks or -host-networks";
	}
	if (text)
		rules_note(rules, REGISTER_REASON_NONE, port->key, service->name, text, remedy);
}
