/*
 * What this program does as a child of itself: argv[1] names it, the exit code says how it went.
 */
#pragma once

enum { CHILD_OK = 0, CHILD_WRONG = 1, CHILD_SIBLING_CODE = 9 };

/* Runs the part of that name; its exit code. */
int child_main(const char *part);
