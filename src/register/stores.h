/* stores.h - what the registries have in common that are stores of keys. */
#ifndef REGISTER_STORES_H
#define REGISTER_STORES_H

struct register_service;
struct strbuf;

/* Append "10.0.0.1:80", "[2001:db8::1]:80". */
void store_add_place(struct strbuf *out, const struct register_service *service);

#endif
