/*
 * The subcommands. Each takes what follows its name and returns capos' exit status.
 */
#pragma once

int command_run_program(int argc, char *const *argv);
int command_boot(int argc, char *const *argv);
int command_gdb(int argc, char *const *argv);
int command_test(int argc, char *const *argv);
int command_cc(int argc, char *const *argv);
