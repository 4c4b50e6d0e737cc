/*
 * calico-plugin-ipam.c - addresses out of Calico's blocks
 *
 * A block is one etcd key with 64 addresses; every change of it is a compare-and-swap on the key's
 * index. As Calico's plugin does, addresses are taken without handle and attributes, so that all
 * addresses of a block share one attribute entry, and a lost race for a fixed address is not tried
 * again.
 */
#include "calico-plugin.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_SIZE = 64,
	BLOCK_LEN = 26,
	KEY_CHARS_MAX = 256,
	RACE_TRIES_MAX = 100,
};

static const char assignment_dir[] = "/calico/ipam/v2/assignment/ipv4/block";

struct network {
	uint32_t first;
	int len;
};

static bool parse_network(const char *text, struct network *network)
{
	char address[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t address_len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct in_addr parsed;
	long len = 32;

	if (address_len >= sizeof(address))
		return false;
	memcpy(address, text, address_len);
	address[address_len] = '\0';
	if (inet_pton(AF_INET, address, &parsed) != 1)
		return false;
	if (slash != NULL) {
		char *end;

		len = strtol(slash + 1, &end, 10);
		if (end == slash + 1 || *end != '\0' || len < 0 || len > 32)
			return false;
	}
	network->first = ntohl(parsed.s_addr);
	network->len = (int)len;
	return true;
}

static bool network_holds(const struct network *network, uint32_t address)
{
	uint32_t mask = network->len == 0 ? 0 : UINT32_MAX << (32 - network->len);

	return (address & mask) == (network->first & mask);
}

static const char *address_text(uint32_t address, char *text, size_t size)
{
	struct in_addr raw = { .s_addr = htonl(address) };

	return inet_ntop(AF_INET, &raw, text, (socklen_t)size);
}

static void block_key(char *key, size_t size, uint32_t first)
{
	char text[INET_ADDRSTRLEN];

	snprintf(key, size, "%s/%s-%d", assignment_dir, address_text(first, text, sizeof(text)),
		 BLOCK_LEN);
}

static cJSON *block_new(const struct plugin *p, uint32_t first)
{
	char text[INET_ADDRSTRLEN];
	char field[KEY_CHARS_MAX];
	cJSON *block = cJSON_CreateObject();
	cJSON *allocations;
	cJSON *unallocated;

	snprintf(field, sizeof(field), "%s/%d", address_text(first, text, sizeof(text)), BLOCK_LEN);
	cJSON_AddStringToObject(block, "cidr", field);
	snprintf(field, sizeof(field), "host:%s", p->node);
	cJSON_AddStringToObject(block, "affinity", field);
	cJSON_AddFalseToObject(block, "strictAffinity");
	allocations = cJSON_AddArrayToObject(block, "allocations");
	unallocated = cJSON_AddArrayToObject(block, "unallocated");
	for (int i = 0; i < BLOCK_SIZE; i++) {
		cJSON_AddItemToArray(allocations, cJSON_CreateNull());
		cJSON_AddItemToArray(unallocated, cJSON_CreateNumber(i));
	}
	cJSON_AddArrayToObject(block, "attributes");
	return block;
}

static enum etcd_result block_read(const struct plugin *p, uint32_t first, cJSON **block,
				   long long *index)
{
	char key[KEY_CHARS_MAX];
	char *value = NULL;
	enum etcd_result result;

	block_key(key, sizeof(key), first);
	result = etcd_get(p->etcd, key, &value, index);
	if (result != ETCD_OK)
		return result;
	*block = cJSON_Parse(value);
	free(value);
	return *block != NULL ? ETCD_OK : ETCD_UNREACHABLE;
}

static enum etcd_result block_write(const struct plugin *p, uint32_t first, const cJSON *block,
				    long long index)
{
	char key[KEY_CHARS_MAX];
	char *value = cJSON_PrintUnformatted(block);
	enum etcd_result result;

	block_key(key, sizeof(key), first);
	result = etcd_put(p->etcd, key, value, ETCD_IF_INDEX, index, 0);
	free(value);
	return result;
}

/* Claims the block for this node. Somebody may have been faster: then the block is simply there. */
static enum etcd_result block_claim(const struct plugin *p, uint32_t first)
{
	char key[KEY_CHARS_MAX];
	char text[INET_ADDRSTRLEN];
	char *value;
	cJSON *block;
	enum etcd_result result;

	snprintf(key, sizeof(key), "/calico/ipam/v2/host/%s/ipv4/block/%s-%d", p->node,
		 address_text(first, text, sizeof(text)), BLOCK_LEN);
	result = etcd_put(p->etcd, key, "{}", ETCD_CREATE, 0, 0);
	if (result != ETCD_OK && result != ETCD_CONFLICT)
		return result;
	block = block_new(p, first);
	value = cJSON_PrintUnformatted(block);
	cJSON_Delete(block);
	block_key(key, sizeof(key), first);
	result = etcd_put(p->etcd, key, value, ETCD_CREATE, 0, 0);
	free(value);
	if (result == ETCD_CONFLICT) {
		snprintf(key, sizeof(key), "/calico/ipam/v2/host/%s/ipv4/block/%s-%d", p->node,
			 address_text(first, text, sizeof(text)), BLOCK_LEN);
		(void)etcd_delete(p->etcd, key);
		return ETCD_OK;
	}
	return result;
}

/* The entry with neither handle nor attributes; all of libnetwork's addresses share it. */
static int block_plain_attribute(cJSON *block)
{
	cJSON *attributes = cJSON_GetObjectItemCaseSensitive(block, "attributes");
	cJSON *entry;
	int i = 0;

	if (!cJSON_IsArray(attributes)) {
		cJSON_DeleteItemFromObjectCaseSensitive(block, "attributes");
		attributes = cJSON_AddArrayToObject(block, "attributes");
	}
	cJSON_ArrayForEach(entry, attributes)
	{
		if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(entry, "handle_id")) &&
		    cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(entry, "secondary")))
			return i;
		i++;
	}
	entry = cJSON_CreateObject();
	cJSON_AddNullToObject(entry, "handle_id");
	cJSON_AddNullToObject(entry, "secondary");
	cJSON_AddItemToArray(attributes, entry);
	return i;
}

static bool block_take(cJSON *block, int ordinal)
{
	cJSON *allocations = cJSON_GetObjectItemCaseSensitive(block, "allocations");
	cJSON *unallocated = cJSON_GetObjectItemCaseSensitive(block, "unallocated");
	int queue_len = cJSON_GetArraySize(unallocated);

	if (!cJSON_IsNull(cJSON_GetArrayItem(allocations, ordinal)))
		return false;
	for (int i = 0; i < queue_len; i++) {
		if (cJSON_GetArrayItem(unallocated, i)->valueint == ordinal) {
			cJSON_DeleteItemFromArray(unallocated, i);
			break;
		}
	}
	cJSON_ReplaceItemInArray(allocations, ordinal,
				 cJSON_CreateNumber(block_plain_attribute(block)));
	return true;
}

static bool block_give_back(cJSON *block, int ordinal)
{
	cJSON *allocations = cJSON_GetObjectItemCaseSensitive(block, "allocations");
	cJSON *attributes = cJSON_GetObjectItemCaseSensitive(block, "attributes");
	cJSON *unallocated = cJSON_GetObjectItemCaseSensitive(block, "unallocated");
	const cJSON *slot = cJSON_GetArrayItem(allocations, ordinal);
	cJSON *other;
	int attribute;

	if (!cJSON_IsNumber(slot))
		return false;
	attribute = slot->valueint;
	cJSON_ReplaceItemInArray(allocations, ordinal, cJSON_CreateNull());
	cJSON_AddItemToArray(unallocated, cJSON_CreateNumber(ordinal));
	cJSON_ArrayForEach(other, allocations)
	{
		if (cJSON_IsNumber(other) && other->valueint == attribute)
			return true;
	}
	cJSON_DeleteItemFromArray(attributes, attribute);
	cJSON_ArrayForEach(other, allocations)
	{
		if (cJSON_IsNumber(other) && other->valueint > attribute)
			cJSON_SetNumberValue(other, other->valueint - 1);
	}
	return true;
}

static bool pool_is_enabled(const struct plugin *p, const struct network *pool,
			    enum etcd_result *result)
{
	char key[KEY_CHARS_MAX];
	char text[INET_ADDRSTRLEN];
	char *value = NULL;
	cJSON *json;
	bool enabled;

	snprintf(key, sizeof(key), "/calico/v1/ipam/v4/pool/%s-%d",
		 address_text(pool->first, text, sizeof(text)), pool->len);
	*result = etcd_get(p->etcd, key, &value, NULL);
	if (*result != ETCD_OK)
		return false;
	json = cJSON_Parse(value);
	free(value);
	enabled = json != NULL && !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "disabled"));
	cJSON_Delete(json);
	return enabled;
}

void ipam_request_pool(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	const cJSON *pool = cJSON_GetObjectItemCaseSensitive(request, "Pool");
	struct network network;
	enum etcd_result result;
	const char *id = "CalicoPoolIPv4";
	const char *cidr = "0.0.0.0/0";
	cJSON *data;

	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "V6"))) {
		reply_fail(reply, "This lab has no IPv6 pool");
		return;
	}
	if (cJSON_IsString(pool) && pool->valuestring[0] != '\0') {
		if (!parse_network(pool->valuestring, &network)) {
			reply_fail(reply, "invalid CIDR address: %s", pool->valuestring);
			return;
		}
		if (!pool_is_enabled(p, &network, &result)) {
			if (result == ETCD_UNREACHABLE)
				reply_fail(reply, "%s", etcd_result_text(result));
			else
				reply_fail(reply, "The requested subnet must match the CIDR of a "
						  "configured Calico IP Pool.");
			return;
		}
		id = pool->valuestring;
		cidr = pool->valuestring;
	}
	reply->json = cJSON_CreateObject();
	cJSON_AddStringToObject(reply->json, "PoolID", id);
	cJSON_AddStringToObject(reply->json, "Pool", cidr);
	data = cJSON_AddObjectToObject(reply->json, "Data");
	/* With a gateway in the pool's data Docker takes none out of the pool. */
	cJSON_AddStringToObject(data, "com.docker.network.gateway", "0.0.0.0/0");
}

static void assign_fixed(const struct plugin *p, const char *wanted, uint32_t address,
			 struct reply *reply)
{
	uint32_t first = address & ~(uint32_t)(BLOCK_SIZE - 1);
	const char *why = NULL;
	cJSON *block = NULL;
	long long index;
	enum etcd_result result = block_read(p, first, &block, &index);

	if (result == ETCD_MISSING) {
		result = block_claim(p, first);
		if (result == ETCD_OK)
			result = block_read(p, first, &block, &index);
	}
	if (result != ETCD_OK)
		why = etcd_result_text(result);
	else if (!block_take(block, (int)(address - first)))
		why = "Address already assigned in block";
	else if ((result = block_write(p, first, block, index)) != ETCD_OK)
		why = etcd_result_text(result);
	cJSON_Delete(block);
	if (why != NULL)
		reply_fail(reply,
			   "IP assignment error, data: {IP:%s HandleID:<nil> Attrs:map[] "
			   "Hostname:%s}: %s",
			   wanted, p->node, why);
}

/* Takes the first free address of a block; ETCD_NOT_EMPTY when there is none. */
static enum etcd_result take_any(const struct plugin *p, uint32_t first, uint32_t *address)
{
	for (int i = 0; i < RACE_TRIES_MAX; i++) {
		cJSON *block = NULL;
		const cJSON *head;
		long long index;
		enum etcd_result result = block_read(p, first, &block, &index);

		if (result != ETCD_OK)
			return result;
		head = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(block, "unallocated"),
					  0);
		if (!cJSON_IsNumber(head)) {
			cJSON_Delete(block);
			return ETCD_NOT_EMPTY;
		}
		*address = first + (uint32_t)head->valueint;
		result = ETCD_NOT_EMPTY;
		if (block_take(block, head->valueint))
			result = block_write(p, first, block, index);
		cJSON_Delete(block);
		if (result != ETCD_CONFLICT)
			return result;
	}
	return ETCD_CONFLICT;
}

/* Tries every block that a directory of block keys names. */
static bool take_from_listed(const struct plugin *p, const char *dir, const struct network *pool,
			     uint32_t *address)
{
	cJSON *listed = NULL;
	const cJSON *entry;
	bool taken = false;

	if (etcd_list(p->etcd, dir, &listed) != ETCD_OK)
		return false;
	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(listed, "nodes"))
	{
		const cJSON *key = cJSON_GetObjectItemCaseSensitive(entry, "key");
		struct network block;
		char cidr[64];
		char *dash;

		if (!cJSON_IsString(key) || strrchr(key->valuestring, '/') == NULL)
			continue;
		snprintf(cidr, sizeof(cidr), "%s", strrchr(key->valuestring, '/') + 1);
		dash = strchr(cidr, '-');
		if (dash == NULL)
			continue;
		*dash = '/';
		if (!parse_network(cidr, &block) || !network_holds(pool, block.first))
			continue;
		if (take_any(p, block.first, address) == ETCD_OK) {
			taken = true;
			break;
		}
	}
	cJSON_Delete(listed);
	return taken;
}

static bool take_from_new_block(const struct plugin *p, const struct network *pool,
				uint32_t *address)
{
	struct network part = *pool;
	uint64_t end;

	if (p->part != NULL && !parse_network(p->part, &part))
		return false;
	end = (uint64_t)part.first + (1ULL << (32 - part.len));
	for (uint64_t first = part.first; first < end; first += BLOCK_SIZE) {
		cJSON *block = NULL;
		long long index;
		enum etcd_result result = block_read(p, (uint32_t)first, &block, &index);

		cJSON_Delete(block);
		if (result == ETCD_OK)
			continue;
		if (result != ETCD_MISSING)
			return false;
		if (block_claim(p, (uint32_t)first) == ETCD_OK &&
		    take_any(p, (uint32_t)first, address) == ETCD_OK)
			return true;
	}
	return false;
}

static void assign_any(const struct plugin *p, const struct network *pool, uint32_t *address,
		       struct reply *reply)
{
	char own[KEY_CHARS_MAX];

	snprintf(own, sizeof(own), "/calico/ipam/v2/host/%s/ipv4/block", p->node);
	if (!take_from_listed(p, own, pool, address) && !take_from_new_block(p, pool, address) &&
	    !take_from_listed(p, assignment_dir, pool, address))
		reply_fail(reply, "Unexpected number of assigned IP addresses. A single address "
				  "should be assigned. Got []");
}

void ipam_request_address(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(request, "Address");
	const cJSON *pool_id = cJSON_GetObjectItemCaseSensitive(request, "PoolID");
	struct network pool;
	struct network single;
	enum etcd_result result;
	char text[INET_ADDRSTRLEN];
	char answer[INET_ADDRSTRLEN + 4];
	uint32_t address = 0;

	if (!cJSON_IsString(pool_id) || !parse_network(pool_id->valuestring, &pool)) {
		if (!parse_network(p->pool, &pool)) {
			reply_fail(reply, "No pool configured");
			return;
		}
	}
	if (cJSON_IsString(wanted) && wanted->valuestring[0] != '\0') {
		if (!parse_network(wanted->valuestring, &single)) {
			reply_fail(reply, "Invalid IP address: %s", wanted->valuestring);
			return;
		}
		address = single.first;
		if (!pool_is_enabled(p, &pool, &result) || !network_holds(&pool, address)) {
			if (result == ETCD_UNREACHABLE)
				reply_fail(reply, "%s", etcd_result_text(result));
			else
				reply_fail(reply,
					   "The provided IP address is not in a configured pool");
			return;
		}
		assign_fixed(p, address_text(address, text, sizeof(text)), address, reply);
	} else {
		assign_any(p, &pool, &address, reply);
	}
	if (reply->error[0] != '\0')
		return;
	snprintf(answer, sizeof(answer), "%s/32", address_text(address, text, sizeof(text)));
	reply->json = cJSON_CreateObject();
	cJSON_AddStringToObject(reply->json, "Address", answer);
	cJSON_AddObjectToObject(reply->json, "Data");
}

void ipam_release_address(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	const cJSON *given = cJSON_GetObjectItemCaseSensitive(request, "Address");
	struct network single;
	enum etcd_result result = ETCD_CONFLICT;

	if (!cJSON_IsString(given) || !parse_network(given->valuestring, &single)) {
		reply_fail(reply, "Invalid IP address");
		return;
	}
	for (int i = 0; i < RACE_TRIES_MAX && result == ETCD_CONFLICT; i++) {
		uint32_t first = single.first & ~(uint32_t)(BLOCK_SIZE - 1);
		cJSON *block = NULL;
		long long index;

		result = block_read(p, first, &block, &index);
		/* An address that is free already is no error, and neither is a missing block. */
		if (result == ETCD_MISSING)
			result = ETCD_OK;
		else if (result == ETCD_OK && block_give_back(block, (int)(single.first - first)))
			result = block_write(p, first, block, index);
		cJSON_Delete(block);
	}
	if (result != ETCD_OK) {
		reply_fail(reply, "IP releasing error, ip: %s: %s", given->valuestring,
			   etcd_result_text(result));
		return;
	}
	reply->json = cJSON_CreateObject();
}
