/*
 * For host tests of the pure parts: the allocator that they get (alloc.h renames its calls), which fails when
 * the harness says so, and segments in plain memory.
 */
#pragma once

/* How much is allocated and not freed. */
extern long fake_live_allocations;
