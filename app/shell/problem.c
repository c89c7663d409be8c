/* What is wrong with a line. */
#include "syntax.h"
#include <capos/print.h>
#include <stdarg.h>

bool problem_set(struct problem *problem, uint32_t at, uint32_t len, const char *format, ...)
{
    va_list args;
    problem->at = at;
    problem->len = len;
    va_start(args, format);
    (void)capos_vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    return false;
}
