/* The smallest program: one line on the console it was granted, by the substrate alone. */
#include <capos/capos.h>
#include <string.h>

int main(void)
{
    static const char line[] = "[c-hello] hello from c-hello";
    uint32_t console;
    if (capos_capset_get("console", strlen("console"), &console, NULL) < 0)
        return CAPOS_EXIT_NOT_GRANTED;
    return capos_console_write_line(console, line, strlen(line)) < 0 ? 1 : 0;
}
