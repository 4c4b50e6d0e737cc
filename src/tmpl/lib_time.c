/* Time. */
#include "funcs.h"

const struct tmpl_func time_funcs[] = {
	{ NULL, NULL, NULL },
};
