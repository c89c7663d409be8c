#pragma once
#include <capos/ipc.h>

/* Checks that failed. */
int check_refusals(cap_ipc_factory factory);
