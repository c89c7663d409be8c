/* The real frame allocator, with failures on demand and a look at the TLB before a frame is given up. */
#define frame_alloc        real_frame_alloc
#define frame_alloc_zeroed real_frame_alloc_zeroed
#define frame_put          real_frame_put
#include "../../kernel/mm/frame.c"
#undef frame_alloc
#undef frame_alloc_zeroed
#undef frame_put
#include "fake.h"
#include "unit.h"

bool fake_should_fail(void);
status_t frame_alloc(unsigned order_log2, paddr_t *out);
status_t frame_alloc_zeroed(unsigned order_log2, paddr_t *out);
void frame_put(paddr_t frame);

status_t frame_alloc(unsigned order_log2, paddr_t *out)
{
    return fake_should_fail() ? CAPOS_ERR_NO_MEMORY : real_frame_alloc(order_log2, out);
}

status_t frame_alloc_zeroed(unsigned order_log2, paddr_t *out)
{
    return fake_should_fail() ? CAPOS_ERR_NO_MEMORY : real_frame_alloc_zeroed(order_log2, out);
}

void frame_put(paddr_t frame)
{
    if (frame_references(frame) == 1)
        assert_false(fake_tlb_reaches(frame));
    real_frame_put(frame);
}
