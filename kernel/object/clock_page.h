/*
 * The clock page (abi/capos/clockpage.h), one for the machine.
 */
#pragma once
#include "core/types.h"

struct memory_object;

/* Makes and fills the page; the clock is calibrated. NO_MEMORY. */
CHECKED status_t clock_page_init(void);
/* Borrowed. */
struct memory_object *clock_page(void);
