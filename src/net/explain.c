/* Why there is no (whole) answer, in a sentence that names the peer. */
#include <ctype.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "dial.h"
#include "transfer.h"

static const char *lower_first(const char *text, char *out, size_t size)
{
	size_t len = strlen(text);

	if (len >= size)
		len = size - 1;
	memcpy(out, text, len);
	out[len] = '\0';
	/* "Connection refused", but not "SSL certificate problem". */
	if (len > 1 && islower((unsigned char)out[1]))
		out[0] = (char)tolower((unsigned char)out[0]);
	return out;
}

static void explain_timeout(struct transfer *transfer)
{
	curl_off_t ready_us = 0;
	int64_t limit_ms = transfer->timeout_ms;

	/* The time of the connection itself stays 0 on one that was kept. */
	curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
	if (ready_us > 0)
		err_set(&transfer->err, ERR_UNREACHABLE, "no answer from %s within %g s",
			transfer->peer, (double)limit_ms / 1000);
	else
		err_set(&transfer->err, ERR_UNREACHABLE, "cannot reach %s: no connection in %g s",
			transfer->peer,
			(double)(limit_ms > 0 && limit_ms < transfer->connect_timeout_ms
					 ? limit_ms
					 : transfer->connect_timeout_ms) /
				1000);
}

/* What the program that is the connection says of itself. False: nothing, or there is none. */
static bool explain_dial(struct transfer *transfer)
{
	struct strbuf words = STRBUF_INIT;
	bool told = transfer->dial_err.code != ERR_NONE;

	if (told) {
		err_set(&transfer->err, ERR_UNREACHABLE, "cannot reach %s: %s", transfer->peer,
			transfer->dial_err.msg);
	} else if (transfer->dial && !transfer->head_complete) {
		dial_last_words(transfer->dial, &words);
		told = words.len > 0;
		if (told)
			err_set(&transfer->err, ERR_UNREACHABLE, "cannot reach %s: %s",
				transfer->peer, words.buf);
	}
	strbuf_release(&words);
	return told;
}

void transfer_explain(struct transfer *transfer, CURLcode code)
{
	struct err *err = &transfer->err;
	const char *peer = transfer->peer;
	const char *detail = transfer->curl_error;
	char reason[CURL_ERROR_SIZE];
	long os_errno = 0;

	if (!detail[0])
		detail = curl_easy_strerror(code);
	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (transfer->head_too_large) {
		err_set(err, ERR_FORMAT, "the answer of %s has a header of more than %u KiB", peer,
			LIMIT_HTTP_HEADERS >> 10);
		return;
	}
	if (transfer->too_large || code == CURLE_FILESIZE_EXCEEDED) {
		err_set(err, ERR_FORMAT, "the answer of %s is larger than %zu KiB", peer,
			transfer->body_limit >> 10);
		return;
	}
	if (explain_dial(transfer))
		return;
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		err_set(err, ERR_UNREACHABLE, "cannot reach %s: %s", peer,
			lower_first(os_errno ? strerror((int)os_errno) : detail, reason,
				    sizeof(reason)));
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
		err_set(err, ERR_UNREACHABLE, "cannot reach %s: its name has no address", peer);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		explain_timeout(transfer);
		break;
	case CURLE_GOT_NOTHING:
		err_set(err, ERR_UNREACHABLE, "%s closed the connection without an answer", peer);
		break;
	case CURLE_PARTIAL_FILE:
		err_set(err, ERR_UNREACHABLE, "the connection to %s broke off", peer);
		break;
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR: /* the detail tells of a missing client certificate, for one */
		err_set(err, ERR_UNREACHABLE, "the connection to %s broke off: %s", peer, detail);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
		err_set(err, ERR_UNREACHABLE, "cannot reach %s over TLS: %s", peer,
			lower_first(detail, reason, sizeof(reason)));
		break;
	case CURLE_URL_MALFORMAT:
		err_set(err, ERR_INPUT, "the address of %s cannot be used: %s", peer,
			lower_first(detail, reason, sizeof(reason)));
		break;
	case CURLE_UNSUPPORTED_PROTOCOL: /* "HTTP/0.9": anything that is not HTTP */
	case CURLE_WEIRD_SERVER_REPLY:
		err_set(err, ERR_FORMAT, "%s does not speak HTTP", peer);
		break;
	default:
		err_set(err, ERR_FORMAT, "the answer of %s is malformed: %s", peer,
			lower_first(detail, reason, sizeof(reason)));
	}
}
