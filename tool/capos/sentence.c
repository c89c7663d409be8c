/* See sentence.h. */
#include "sentence.h"
#include <stdarg.h>
#include <stdio.h>

bool sentence_say(struct sentence *sentence, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence->text, sizeof(sentence->text), format, arguments);
    va_end(arguments);
    return false;
}
