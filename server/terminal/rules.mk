# The terminal server's line editor on the host, the program that demo/terminal talks through, and both on a real terminal.

# Not main.c: server/terminal has the name already.
$(eval $(call user_program,terminal-demo,demo/terminal/talk.c,-Idemo,))
ALL += $(B)/programs/terminal-demo.elf

TERMINAL_TEST_CFLAGS := -Iserver/terminal -DCAPOS_HOST_TEST
$(eval $(call unit_test,terminal-keys,$(addprefix server/terminal/,keys_test.c keys.c),$(TERMINAL_TEST_CFLAGS)))
$(eval $(call unit_test,terminal-line,$(addprefix server/terminal/,line_test.c line.c keys.c),$(TERMINAL_TEST_CFLAGS)))
