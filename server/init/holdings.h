/* What init itself was granted, and its voice. */
#pragma once
#include "plan.h"

extern struct holdings holdings;

/* Reads the CapSet. */
void holdings_collect(void);

/* The first capability of an interface; CAPNP_CAP_NONE if there is none. */
uint32_t held(uint64_t interface_id);

/* One line `init: ...` on the console, if init holds one. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
