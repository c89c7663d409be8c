#include "object/clock_page.h"
#include "arch/arch.h"
#include "object/memory_object.h"
#include <capos/clockpage.h>

static struct memory_object *page;

status_t clock_page_init(void)
{
    paddr_t frame;
    status_t status = frame_alloc_zeroed(0, &frame);
    if (status < 0)
        return status;
    clock_fill_page(direct_map(frame));
    return memory_object_create_physical(frame, sizeof(struct capos_clock_page), &page);
}

struct memory_object *clock_page(void)
{
    return page;
}
