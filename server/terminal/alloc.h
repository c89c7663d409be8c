/* malloc and free, of the C library in host tests and of libcapos in the server. */
#pragma once

#ifdef CAPOS_HOST_TEST
#include <stdlib.h>
#else
#include <capos/capos.h>
#endif
