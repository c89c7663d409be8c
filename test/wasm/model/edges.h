/* Edge values per lane kind: the operands worth trying. */
#pragma once
#include "value.h"

/* The edge values of a lane; *count receives how many. Valid for ever. */
const uint64_t *edges_of_shape(enum shape shape, unsigned *count);
/* The same for a scalar operand of a type. */
const uint64_t *edges_of_type(enum type type, unsigned *count);
