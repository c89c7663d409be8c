/* replaceSelf: what the new program finds, and what is left when it is refused. */
#pragma once
#include <capos/console.h>
#include <capos/process.h>

/* Lets copies of this process replace their program. `shared`: mapped memory that they write to. */
void replaced_check(cap_process_spawner spawner, cap_console console, volatile int *shared);
/* The new program; its arguments say what must be so. The exit code says whether it is. */
int replaced_main(int argc, char **argv);
