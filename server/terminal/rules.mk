# The terminal server's line editor on the host, the program that demo/terminal talks through, and both on a real terminal.

# Not main.c: server/terminal has the name already.
$(eval $(call user_program,terminal-demo,demo/terminal/talk.c,-Idemo,))
ALL += $(B)/programs/terminal-demo.elf

TERMINAL_TEST_CFLAGS := -Iserver/terminal -DCAPOS_HOST_TEST
$(eval $(call unit_test,terminal-keys,$(addprefix server/terminal/,keys_test.c keys.c),$(TERMINAL_TEST_CFLAGS)))
$(eval $(call unit_test,terminal-line,$(addprefix server/terminal/,line_test.c line.c keys.c),$(TERMINAL_TEST_CFLAGS)))

# The server but its threads, with clients, in one process.
TERMINAL_SERVER := $(addprefix server/terminal/,answer.c facets.c session.c screen.c line.c keys.c)
$(eval $(call unit_test,terminal-session,server/terminal/session_test.c $(TERMINAL_SERVER) lib/capos/format.c \
    $(addprefix $(GEN)/,terminal_types.c terminal_server.c) $(CAPNP_SRC),$(TERMINAL_TEST_CFLAGS) -Ilib/capos/include -Iabi -I$(B)/gen -Ilib -Ilib/capnp))
