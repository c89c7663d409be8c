/* See pic.h. Even a masked PIC may raise a spurious interrupt, hence the vectors of their own. */
#include "dev/pic.h"
#include "arch/x86_64/idt.h"
#include "arch/x86_64/regs.h"

enum { PIC_A = 0x20, PIC_B = 0xa0, PIC_DATA = 1, INIT_WITH_WORD4 = 0x11, MODE_8086 = 1, MASK_ALL = 0xff };
enum { A_HAS_B_AT_LINE_2 = 1 << 2, B_IS_AT_LINE_2 = 2, LINES_EACH = 8 };

void pic_disable(void)
{
    port_write8(PIC_A, INIT_WITH_WORD4);
    port_write8(PIC_B, INIT_WITH_WORD4);
    port_write8(PIC_A + PIC_DATA, VECTOR_PIC_FIRST);
    port_write8(PIC_B + PIC_DATA, VECTOR_PIC_FIRST + LINES_EACH);
    port_write8(PIC_A + PIC_DATA, A_HAS_B_AT_LINE_2);
    port_write8(PIC_B + PIC_DATA, B_IS_AT_LINE_2);
    port_write8(PIC_A + PIC_DATA, MODE_8086);
    port_write8(PIC_B + PIC_DATA, MODE_8086);
    port_write8(PIC_A + PIC_DATA, MASK_ALL);
    port_write8(PIC_B + PIC_DATA, MASK_ALL);
}
