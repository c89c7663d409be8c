/* The heap, and in host tests one that fails on demand. */
#pragma once

#ifdef FS_HOST_TEST
#include <stdlib.h>
void *fs_test_malloc(size_t size);
void *fs_test_calloc(size_t count, size_t size);
void *fs_test_realloc(void *old, size_t size);
void fs_test_free(void *memory);
#define malloc  fs_test_malloc
#define calloc  fs_test_calloc
#define realloc fs_test_realloc
#define free    fs_test_free
#else
#include <capos/capos.h>
#endif
