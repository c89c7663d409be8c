/*
 * Every limit this implementation puts on a module or on a run. Decoder, validator, linker and interpreter
 * check them; a module beyond one is refused with status WASM_LIMIT and a sentence that names it. The
 * specification lets an implementation choose these (appendix "Implementation Limitations"); the values
 * follow what browsers agreed on where they agreed on something, so that a module that runs there is not
 * refused here.
 */
#pragma once

enum {
    WASM_MODULE_SIZE_MAX = 1 << 30, /* bytes: code distances are 32-bit signed */
    WASM_TYPES_MAX = 1000000,
    WASM_FUNCTIONS_MAX = 1000000, /* imported and own together; the same for the other index spaces */
    WASM_IMPORTS_MAX = 1000000,
    WASM_EXPORTS_MAX = 1000000,
    WASM_GLOBALS_MAX = 1000000,
    WASM_TABLES_MAX = 100000,
    WASM_MEMORIES_MAX = 1, /* a rule of 2.0, not only a limit */
    WASM_DATA_SEGMENTS_MAX = 100000,
    WASM_ELEM_SEGMENTS_MAX = 100000,
    WASM_ELEM_ITEMS_MAX = 10000000, /* items of one segment */
    WASM_PARAMS_MAX = 1000,
    WASM_RESULTS_MAX = 1000,
    WASM_LOCALS_MAX = 50000,            /* of one function, parameters included */
    WASM_BODY_SIZE_MAX = 8 << 20,       /* bytes of one function body */
    WASM_NESTING_MAX = 65536,           /* blocks inside blocks of one function */
    WASM_FRAME_SLOTS_MAX = 65535,       /* locals and deepest operand stack of one function, 8-byte slots */
    WASM_BRANCH_ENTRIES_MAX = 40000000, /* side-table entries of one module */

    WASM_PAGE_SIZE = 65536,
    WASM_PAGES_MAX = 65536,             /* 4 GiB; struct wasm_config can lower it */
    WASM_TABLE_ENTRIES_MAX = 10000000,  /* struct wasm_config can lower it */
    WASM_HOST_NESTING_MAX = 64,         /* wasm -> host -> wasm -> ... on the C stack */
    WASM_STACK_BYTES_DEFAULT = 1 << 20, /* operands and locals */
    WASM_CALL_DEPTH_DEFAULT = 16384,    /* frames */
    WASM_FUEL_SLICE = 65536,            /* fuel units between two looks at the interruption flag */
    WASM_BACKTRACE_MAX = 32,            /* innermost frames kept in a trap */
    WASM_RULE_MAX = 160,                /* bytes of an error sentence */
};
