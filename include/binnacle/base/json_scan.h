/*
 * base/json_scan.h - JSON texts that are looked at without being parsed.
 *
 * For answers of some megabytes of which little is new: a value is a piece of the text, told apart
 * by a hash, and only what is of interest goes through json_parse.
 *
 *     struct json_text whole = { body, len }, key, value;
 *     struct json_scan scan = json_scan_begin(whole);
 *     while (json_scan_next(&scan, &key, &value))
 *         if (json_text_hash(value) != seen)
 *             doc = json_parse(value.at, value.len, &err);
 *     if (scan.failed)
 *         ...not an array or object, or not well formed where it was cut
 *
 * Cutting finds the ends of values by brackets and quotes; it does not prove that what is between
 * them is JSON. A `null` has no items.
 */
#ifndef BINNACLE_BASE_JSON_SCAN_H
#define BINNACLE_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed, and without a NUL at its end. */
struct json_text {
	const char *at;
	size_t len;
};

struct json_scan {
	const char *at, *end;
	char close; /* the bracket at the end; 0: there is nothing more */
	bool first, failed;
};

struct json_scan json_scan_begin(struct json_text text);
/* The next item of an array, or member of an object: then *key is its name as it is written,
 * without the quotes; else empty. */
bool json_scan_next(struct json_scan *scan, struct json_text *key, struct json_text *value);

/* Is the name, or the string value (with its quotes), as written, this word? */
bool json_text_is(struct json_text key, const char *word);
/* A string value, unescaped, allocated; NULL: it is not a string. */
char *json_text_dup(struct json_text value);

/* Equal for equal texts; not for telling friend from foe. */
uint64_t json_text_hash(struct json_text text);

#endif
