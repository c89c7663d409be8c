# The terminal as a person has it: `capos boot` on a pseudo-terminal.

TERMINAL_TEST := $(B)/terminal_test
$(TERMINAL_TEST): test/terminal/terminal_test.c test/terminal/screen.c test/terminal/screen.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -Itest/terminal $(filter %.c,$^) -o $@ -lutil

CHECKS += terminal
.PHONY: check-terminal
check-terminal: $(TERMINAL_TEST) $(B)/capos $(B)/demo/terminal.package $(DEMO_KERNEL)
	@$(TERMINAL_TEST) $(B)/capos $(B)/demo/terminal.package
