/*
 * The rows of the table (bench/goals.tsv): their order, what each must reach, and how they are shown beside
 * Linux's.
 */
#pragma once
#include "figures.h"

enum { ROWS_MAX = FIGURES_MAX, ROW_TEXT_MAX = 79 };

struct row {
    char key[FIGURE_WORD_MAX + 1];
    double goal; /* missed by a value above it; infinite where there is none ("-" in the file) */
    char unit[FIGURE_WORD_MAX + 1];
    char operation[ROW_TEXT_MAX + 1];
    char linux_key[FIGURE_WORD_MAX + 1]; /* what Linux's figures call it */
};

struct rows {
    struct row items[ROWS_MAX];
    size_t count;
};

/* Reads bench/goals.tsv. On a malformed line or an unreadable file it says so and returns false. */
bool rows_read(struct rows *rows, const char *path);

/* Prints the table: one line for every row that has a figure of ours, then what is not measured yet.
 * `linux_source` says where Linux's column comes from. Returns the number of rows that miss their goal. */
size_t table_print(const struct rows *rows, const struct figures *ours, const struct figures *others,
                   const char *linux_source);

/* Writes every figure of ours as key, value, kernel_entries, cr3_writes, linux_value, separated by tabs, a
 * dash where there is none; rows of the table first and in its order. False with errno on failure. */
bool table_write(const struct rows *rows, const struct figures *ours, const struct figures *others,
                 const char *path);
