# Terminals as a person has them: capos on a pseudo-terminal (person.h).

PERSON_SRC := test/terminal/person.c test/terminal/screen.c
PERSON_HEADERS := test/terminal/person.h test/terminal/screen.h
$(B)/terminal_test $(B)/shell_session_test: $(B)/%: test/terminal/%.c $(PERSON_SRC) $(PERSON_HEADERS)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -Itest/terminal $(filter %.c,$^) -o $@ -lutil

CHECKS += terminal shell
.PHONY: check-terminal check-shell
check-terminal: $(B)/terminal_test $(B)/capos $(B)/demo/terminal.package $(B)/programs/cat.elf $(B)/programs/terminal.elf $(B)/programs/init.elf $(DEMO_KERNEL)
	@$< $(B)/capos $(B)/demo/terminal.package
check-shell: $(B)/shell_session_test $(B)/capos $(SHELL_PACKAGE) $(DEMO_KERNEL)
	@$< $(B)/capos
