/* What the files of the validation share. */
#pragma once
#include "plan.h"
#include <string.h>

enum { PATH_BYTES = 80, QUOTED_BYTES = 44, HELD_TEXT_BYTES = 160 };

/* Where in the manifest the checks are, for messages. */
struct place {
    struct plan *plan;
    const struct holdings *holdings;
    size_t service; /* whose references are being checked */
    char path[PATH_BYTES];
};

void place_set(struct place *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes `PATH: MESSAGE` to plan->error. Returns false. */
bool fail(const struct place *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says that init lacks a kernel object; `purpose` says what for. Returns false. */
bool fail_not_held(const struct place *at, const char *kernel_name, const char *purpose);

/* A text from the manifest as it may be shown: short, and without control characters. */
struct quoted {
    char text[QUOTED_BYTES];
};
struct quoted quote(struct capnp_text text);

/* `console, timer`, or `nothing`. */
struct held_text {
    char text[HELD_TEXT_BYTES];
};
struct held_text list_holdings(const struct holdings *holdings);

/* `Timer`, or the id in hexadecimal. */
struct quoted show_interface(uint64_t id);

static inline bool text_equal(struct capnp_text a, struct capnp_text b)
{
    return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

/* A name that goes into a kernel record: 1 to `limit` bytes, no control characters. */
bool check_name(const struct place *at, const char *field, struct capnp_text name, size_t limit);

/* The interface that a manifest's text names. */
bool check_interface(const struct place *at, const char *field, struct capnp_text text, uint64_t *id);

/* Works out all grants of a service into plan->grants. When `needs` is not null, also which services it
 * imports from. */
bool check_grants(struct place *at, size_t index, service_set *needs);

/* Fills in plan->order; refuses services that need each other in a circle. */
bool check_order(struct place *at);
