/* The substrate's one typed call, so that a program with a single line to say needs nothing generated. */
#include "internal.h"
#include <capos/console.h>

int32_t capos_console_write_line(uint32_t console_cap, const char *text, size_t text_len)
{
    cap_console console = {console_cap, 0};
    /* Null bytes would be a null pointer on the wire, which reads as the empty text: an empty line. */
    int32_t status = cap_console_write_line(console, capnp_text_n(text, text_len));
    return status < 0 ? status : CAPOS_OK;
}
