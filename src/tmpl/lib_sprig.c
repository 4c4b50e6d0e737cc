/* sprig. */
#include "funcs.h"

const struct tmpl_func sprig_funcs[] = {
	{ NULL, NULL, NULL },
};
