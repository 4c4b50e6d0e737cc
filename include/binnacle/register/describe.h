/*
 * register/describe.h - a registration as lines of text, "address 10.0.0.1", to be compared line
 * by line. What is wanted and what a registry lists give equal texts when they are equal. Pure.
 *
 * Checks are left out: an agent does not list them with its services. Texts are cleaned
 * (base/text.h), so that none can look like a line of its own.
 */
#ifndef BINNACLE_REGISTER_DESCRIBE_H
#define BINNACLE_REGISTER_DESCRIBE_H

struct json;
struct register_service;
struct strbuf;

void describe_service(struct strbuf *out, const struct register_service *service);
/* An entry of a registry's list (registry_fn), its key is the id. */
void describe_entry(struct strbuf *out, const struct json *entry);

#endif
