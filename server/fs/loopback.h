/*
 * The file server in the process of a host test: what programs call (generated stubs, <capos/path.h>,
 * <capos/file.h>) ends in cap_invoke, which here decodes nothing and runs the server's own dispatch on the
 * facet that the capability stands for. In between is what the kernel would be: capability tables of several
 * clients, counts of who holds a facet, calls that wait, memory objects. Allocations of the server fail when
 * the test harness says so.
 */
#pragma once
#include "server.h"

enum { LOOPBACK_CLIENTS = 8 };

/* Starts the server with that much space. False: an allocation was made to fail; loopback_end all the same.
 */
bool loopback_begin(uint64_t space_bytes);
/* All clients die, and everything must have been given back. */
void loopback_end(void);

/* Who calls from now on. Client 0 is there from the beginning. */
void loopback_become(unsigned client);
/* Its capabilities go, and its waiting calls are answered to nobody. */
void loopback_kill(unsigned client);
/* Capabilities that all clients hold together. */
size_t loopback_held(void);
/* A capability of the present client's, given to another. */
uint32_t loopback_give(uint32_t cap_id, unsigned client);

/* The root, and the administrator's side, as the present client's capabilities. */
cap_directory loopback_root(void);
cap_file_system loopback_admin(void);
/* Memory of the present client's that holds these bytes; 0: none left. */
cap_memory_object loopback_memory(const void *bytes, uint64_t size);
/* Every how many allocations of the server one fails, at random; 0: those that the harness says. */
extern unsigned loopback_fail_every;
/* To be called, once, when the server gives its lock back the nth time from now. */
void loopback_meanwhile(unsigned nth, void (*act)(void));
/* How often each step of a path was a call. */
extern unsigned loopback_calls;
