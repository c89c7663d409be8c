/*
 * The terminal server: what its parts share.
 *
 * Two threads: one takes what the console receives, one serves calls. One lock over all state; no call is
 * made and nothing is answered while it is held: methods and the input thread put finished waits on a list,
 * and `unlock` answers them.
 *
 * A session is a line editor, a queue of what was typed and who waits for it. A writer is a place that output
 * comes from: the session itself, or a StdIO. Everything is bounded: sessions, writers, waits, what was typed
 * ahead, lines.
 */
#pragma once
#include "line.h"
#include <capos/console.h>
#include <capos/serve.h>
#include <capos/sync.h>
#include <capos/terminal.h>
#include <capos/timer.h>

enum {
    SESSIONS_MAX = 8,
    WRITERS_MAX = 256,
    WAITS_MAX = 256,
    TYPED_MAX_BYTES = 16384,
    COOKED_MAX_BYTES = LINE_MAX_BYTES + 1,
    HELD_MAX_BYTES = 1024,
    BACK_MAX_BYTES = 8192,
    TITLE_MAX_BYTES = 64,
    READ_MAX_BYTES = 1024,
    PROMPT_MAX_BYTES = 512,
};

/* Tags below this are the exports': the first session; in the endpoint of StdIOs, StdIOs of the first
 * session. */
enum { TAG_FIRST_FREE = 8 };

struct session;

struct writer {
    struct writer *next; /* of its session */
    struct session *session;
    uint64_t tag;
    char line[HELD_MAX_BYTES]; /* what it has begun: on the screen if it is session->shown */
    size_t len;
    bool overlong; /* begun with more than fits: it cannot be drawn again */
    bool revoked;  /* was the foreground and is not any more: reads end */
};

enum wait_kind { WAIT_READ, WAIT_SESSION_READ, WAIT_READ_LINE, WAIT_RESIZE, WAIT_INTERRUPT };
enum wait_answer { ANSWER_DATA, ANSWER_END, ANSWER_INTERRUPTED, ANSWER_OVERLOADED };

struct wait {
    struct wait *next;
    struct capos_deferred deferred;
    enum wait_kind kind;
    struct session *session;
    struct writer *writer;
    uint32_t max_bytes;
    bool echo;
    enum wait_answer answer;
    char bytes[COOKED_MAX_BYTES]; /* of READ_LINE: first the initial text */
    size_t len;
};

struct wait_list {
    struct wait *first;
};

struct session {
    uint64_t tag;
    char title[TITLE_MAX_BYTES + 1];
    bool has_facet;
    unsigned pins; /* by who goes on with it after having given the lock back */
    struct writer own;
    struct writer *writers; /* the StdIOs */
    struct writer *foreground;
    enum cap_terminal_mode mode;
    bool echo;

    struct wait_list readers, resizers, interrupts;
    bool interrupted; /* a Ctrl-C that nobody has seen */

    uint8_t typed[TYPED_MAX_BYTES];
    size_t typed_start, typed_len;
    char cooked[COOKED_MAX_BYTES]; /* the rest of a line that a read did not take whole */
    size_t cooked_start, cooked_len;

    struct history history;
    struct line line;
    struct key_decoder keys;
    struct writer *editing; /* whose read the line is for; null: none is being edited */
    bool editing_echo;
    cap_completer completer; /* id 0: none */
    bool complete_wanted;
    uint64_t line_version; /* changes when the line does */

    struct writer *shown;      /* whose unfinished line is the last one of the screen */
    unsigned cursor_row;       /* in that line */
    char back[BACK_MAX_BYTES]; /* the last output, for when the session comes to the front */
    size_t back_end;
    bool back_full;
};

struct terminal {
    struct capos_mutex lock;
    struct capos_cond room; /* in some session's typed */
    struct capos_cond late; /* something is done and whoever did it may not answer */
    struct capos_service service;
    struct capos_service stdio_service;
    cap_console console;
    cap_timer timer;
    struct session *sessions[SESSIONS_MAX];
    struct session *front;
    struct wait *done; /* to be answered */
    bool is_asking;    /* somebody asks a completer, without the lock */
    uint32_t wait_count, writer_count;
    uint16_t rows, columns; /* 0: not a terminal, but a pipe or a file */
    struct input input;
};
extern struct terminal terminal;

/* Lock held in all that follows, unless it says otherwise. */

/* ---- answer.c */
void terminal_lock(void);
/* Releases, answers what is done, asks completers. */
void terminal_unlock(void);

/* ---- screen.c: what is seen. */
void screen_write(struct session *session, struct writer *writer, const char *bytes, size_t len);
/* Ends a line that the writer has begun. */
void screen_finish(struct session *session, struct writer *writer);
/* The line being edited follows what the writer has begun; drawn again after a key. */
void screen_edit_begin(struct session *session, struct writer *writer);
void screen_edit(struct session *session);
void screen_edit_key(struct session *session, const struct key *key);
/* The edited line stays on the screen, followed by `tail` and a new line. */
void screen_edit_end(struct session *session, const char *tail);
void screen_bell(const struct session *session);
void screen_clear(struct session *session);
void screen_candidates(struct session *session, const struct capnp_list *candidates);
/* Makes this the session that is seen. */
void screen_front(struct session *session);

/* ---- session.c: what is typed. */
/* A byte from the terminal. False: no room; the byte is not taken. */
bool session_typed(struct session *session, uint8_t byte);
void session_pump(struct session *session);
void session_resized(struct session *session);
/* The wait becomes the list's last; WAITS_MAX waits at most: the oldest of the list ends overloaded. */
void session_wait(struct wait_list *list, struct wait *wait);
void session_foreground(struct session *session, struct writer *writer);
/* No lock held, the session pinned: asks the completer, if one is wanted, and gives the pin back. */
void session_complete(struct session *session);
/* The answer did not reach anybody: what was typed belongs to the next reader. */
void session_undelivered(struct wait *wait);
bool session_reads_lines(const struct session *session);

/* ---- facets.c */
/* A pinned session stays although nobody holds it any more. */
void session_pin(struct session *session);
void session_unpin(struct session *session);
bool facets_init(void);
bool facet_find(void *context, uint64_t tag, struct capos_target *out);
void facet_dropped(void *context, uint64_t tag);
