/*
 * Source lines for the kernel's crash records. The kernel prints frames as `crash:   #N 0xADDRESS
 * function+0xOFFSET`; where the program's file has debug information, the line it was compiled from is added.
 */
#pragma once
#include "buffer.h"

struct crash_frame {
    unsigned depth;
    uint64_t address;
};

/* True if the line is a frame of a backtrace. */
bool crash_frame_parse(const char *line, struct crash_frame *out);

/* The load address of the program, from the record's own line; 0 if it says none. */
uint64_t crash_base(const char *record);

/* Copies the record to `out`, with ` (FILE:LINE)` behind the frames that the file knows. Without
 * llvm-symbolizer, or without debug information, it is copied as it is. */
void crash_add_lines(const char *record, const char *elf_path, struct buffer *out);
