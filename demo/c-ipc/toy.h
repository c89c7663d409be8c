/* The toy file service that the demo's child runs: one flat directory of small files. */
#pragma once
#include <capos/capos.h>

enum { TAG_ROOT = 1 };

/* Serves the endpoint of the grant "endpoint" until it is told to stop; the process' exit code. */
int toy_serve(void);
