/* calico-plugin-etcd.c - HTTP calls to etcd's v2 API and to Docker */
#include "calico-plugin.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	URL_CHARS_MAX = 1024,
	BODY_BYTES_MAX = 16 * 1024 * 1024,
	CONNECT_TIMEOUT_MS = 2000,
	CALL_TIMEOUT_MS = 10000,
};

static size_t collect_body(char *data, size_t size, size_t count, void *user)
{
	struct http_answer *answer = user;
	size_t added = size * count;
	char *grown;

	if (answer->body_len + added > BODY_BYTES_MAX)
		return 0;
	grown = realloc(answer->body, answer->body_len + added + 1);
	if (grown == NULL)
		abort();
	memcpy(grown + answer->body_len, data, added);
	answer->body = grown;
	answer->body_len += added;
	answer->body[answer->body_len] = '\0';
	return added;
}

static void http_call(const char *method, const char *url, const char *unix_socket,
		      const char *form, struct http_answer *answer)
{
	CURL *curl = curl_easy_init();

	*answer = (struct http_answer){ .body = calloc(1, 1) };
	if (curl == NULL || answer->body == NULL)
		abort();
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* An environment that names a proxy must not come between two parts of the lab. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)CALL_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (unix_socket != NULL)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, unix_socket);
	if (form != NULL)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_cleanup(curl);
}

void http_answer_release(struct http_answer *answer)
{
	free(answer->body);
	*answer = (struct http_answer){ 0 };
}

void docker_get(const char *socket, const char *path, struct http_answer *answer)
{
	char url[URL_CHARS_MAX];

	snprintf(url, sizeof(url), "http://docker/v1.24%s", path);
	http_call("GET", url, socket, NULL, answer);
}

const char *etcd_result_text(enum etcd_result result)
{
	switch (result) {
	case ETCD_OK:
		return "no error";
	case ETCD_MISSING:
		return "resource does not exist";
	case ETCD_CONFLICT:
		return "update conflict";
	case ETCD_NOT_EMPTY:
		return "directory not empty";
	case ETCD_UNREACHABLE:
		break;
	}
	return "client: etcd cluster is unavailable or misconfigured";
}

/* etcd's own error numbers decide; the HTTP status alone does not tell a missing key from a
 * server whose v2 API is switched off. */
static enum etcd_result etcd_call(const char *method, const char *url, const char *form,
				  cJSON **body)
{
	struct http_answer answer;
	enum etcd_result result = ETCD_UNREACHABLE;
	cJSON *json = NULL;
	const cJSON *code;

	http_call(method, url, NULL, form, &answer);
	if (answer.status != 0)
		json = cJSON_Parse(answer.body);
	code = cJSON_GetObjectItemCaseSensitive(json, "errorCode");
	if (answer.status == 200 || answer.status == 201)
		result = json != NULL ? ETCD_OK : ETCD_UNREACHABLE;
	else if (cJSON_IsNumber(code) && code->valueint == 100)
		result = ETCD_MISSING;
	else if (cJSON_IsNumber(code) && (code->valueint == 101 || code->valueint == 105))
		result = ETCD_CONFLICT;
	else if (cJSON_IsNumber(code) && code->valueint == 108)
		result = ETCD_NOT_EMPTY;
	if (body != NULL && result == ETCD_OK)
		*body = json;
	else
		cJSON_Delete(json);
	http_answer_release(&answer);
	return result;
}

enum etcd_result etcd_get(const char *base, const char *key, char **value, long long *index)
{
	char url[URL_CHARS_MAX];
	cJSON *body = NULL;
	const cJSON *node;
	const cJSON *text;
	enum etcd_result result;

	snprintf(url, sizeof(url), "%s/v2/keys%s?quorum=true", base, key);
	result = etcd_call("GET", url, NULL, &body);
	if (result != ETCD_OK)
		return result;
	node = cJSON_GetObjectItemCaseSensitive(body, "node");
	text = cJSON_GetObjectItemCaseSensitive(node, "value");
	if (cJSON_IsString(text)) {
		const cJSON *modified = cJSON_GetObjectItemCaseSensitive(node, "modifiedIndex");

		*value = strdup(text->valuestring);
		if (*value == NULL)
			abort();
		if (index != NULL)
			*index = cJSON_IsNumber(modified) ? (long long)modified->valuedouble : 0;
	} else {
		result = ETCD_MISSING;
	}
	cJSON_Delete(body);
	return result;
}

enum etcd_result etcd_list(const char *base, const char *key, cJSON **node)
{
	char url[URL_CHARS_MAX];
	cJSON *body = NULL;
	enum etcd_result result;

	snprintf(url, sizeof(url), "%s/v2/keys%s?recursive=true&sorted=true&quorum=true", base,
		 key);
	result = etcd_call("GET", url, NULL, &body);
	if (result != ETCD_OK)
		return result;
	*node = cJSON_DetachItemFromObjectCaseSensitive(body, "node");
	cJSON_Delete(body);
	return *node != NULL ? ETCD_OK : ETCD_UNREACHABLE;
}

enum etcd_result etcd_put(const char *base, const char *key, const char *value,
			  enum etcd_condition condition, long long index, int ttl_s)
{
	char url[URL_CHARS_MAX];
	char tail[64] = "";
	char *escaped = curl_easy_escape(NULL, value, 0);
	char *form;
	size_t form_size;
	enum etcd_result result;

	if (escaped == NULL)
		abort();
	if (condition == ETCD_CREATE)
		snprintf(tail, sizeof(tail), "?prevExist=false");
	else if (condition == ETCD_UPDATE)
		snprintf(tail, sizeof(tail), "?prevExist=true");
	else if (condition == ETCD_IF_INDEX)
		snprintf(tail, sizeof(tail), "?prevExist=true&prevIndex=%lld", index);
	snprintf(url, sizeof(url), "%s/v2/keys%s%s", base, key, tail);
	form_size = strlen(escaped) + 64;
	form = malloc(form_size);
	if (form == NULL)
		abort();
	if (ttl_s > 0)
		snprintf(form, form_size, "value=%s&ttl=%d", escaped, ttl_s);
	else
		snprintf(form, form_size, "value=%s", escaped);
	result = etcd_call("PUT", url, form, NULL);
	free(form);
	curl_free(escaped);
	return result;
}

enum etcd_result etcd_delete(const char *base, const char *key)
{
	char url[URL_CHARS_MAX];

	snprintf(url, sizeof(url), "%s/v2/keys%s", base, key);
	return etcd_call("DELETE", url, NULL, NULL);
}

enum etcd_result etcd_delete_dir(const char *base, const char *key)
{
	char url[URL_CHARS_MAX];

	snprintf(url, sizeof(url), "%s/v2/keys%s?dir=true", base, key);
	return etcd_call("DELETE", url, NULL, NULL);
}
