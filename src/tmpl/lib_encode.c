/* Encodings. */
#include "funcs.h"

const struct tmpl_func encode_funcs[] = {
	{ NULL, NULL, NULL },
};
