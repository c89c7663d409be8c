/*
 * The commands that look at and change what the shell holds: caps, inspect, call, let, revoke, drop, help.
 * Those about processes are in jobs.h.
 */
#pragma once
#include "eval.h"

/* Runs the evaluation's line. False: line->problem. *handled is false if the command is none of these. */
bool commands_run(struct eval *eval, bool *handled);

/* The line, and under it where the problem is and what. */
void commands_show_problem(const struct eval *eval);

/* A program of the system: what it is for, and what it is given when the line does not say. */
struct program {
    const char *name;
    const char *arguments;
    const char *what;
    const char *with; /* the inside of `with { }`, without `out` and `in` */
    bool reads;       /* gets `in` as well */
};
/* Null name behind the last. */
extern const struct program programs[];
const struct program *program_named(struct capnp_text name);
