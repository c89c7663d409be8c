/*
 * Formatting over a sink that takes bytes: what capos_snprintf and capos_printf share. Internal to libcapos.
 */
#pragma once
#include <capos/capos.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Where the bytes go: `room` bytes at `bytes`; when they are full, `flush` (if any) empties them. */
struct sink {
    char *bytes;
    size_t room;
    size_t used;
    uint64_t total; /* bytes put, kept or not */
    void (*flush)(struct sink *sink);
    uint32_t console; /* flush's: the capability, */
    int32_t error;    /* and what it answered when it first failed */
};

__attribute__((visibility("hidden"))) void format_into(struct sink *sink, const char *format, va_list args);
